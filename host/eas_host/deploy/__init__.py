"""
From a service description, or from options alone, to a `Deployment`: the files in their places, the entry found, the
options resolved. No code of a processor runs here.

In reading order:

- `deployment`: what is to be served, the result of everything else here.
- `from_options`: a deployment without a description; the processor is used where it lies.
- `from_description`: a deployment from a description; `cli_overrides`: options that replace what the description says.
- `workspace`: the folder of one version of a service, and what is put into it.
- `package`: what is found in a processor's package: its entry, the model's entry, nested jars, environment variables.
- `python`: the interpreter of a Python package, and its requirements.
- `confinement`: the effect of `--user` and `--sandbox` on all this; `memory_check`: that of `--check-memory`.

`from_options`, which a start without a description uses, imports nothing that reads descriptions: it must be quick.
"""
