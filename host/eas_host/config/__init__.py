"""
The host's options.

In reading order:

- `host`: `HostConfig`, all options as one frozen dataclass; each option is spelled once, as a field.
- `option_types`: converts the text of an option to its value, and rejects what does not fit.
- `option_parser`: splits a command line into the options that it has, as text.
- `resolution`: the values of all options, from flags, variables, a service description and defaults.
- `worker_spec`: `WorkerSpec`, what a worker process needs to know of the options.
"""

from eas_host.config.host import HostConfig, ResolvedConfig
from eas_host.config.worker_spec import WorkerSpec

__all__ = ["HostConfig", "ResolvedConfig", "WorkerSpec"]
