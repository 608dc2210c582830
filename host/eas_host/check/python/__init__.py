"""
Checks of programs in Python.

- `program`: the check as a whole, by the program's own Python; `eas_runtime.python` has what runs there.
- `trial_run`: runs the program up to where it would serve.
"""
