"""
The host's options.

In reading order:

- `host`: `HostConfig`, all options as one frozen dataclass; each option is spelled once, as a field.
- `option_types`: converts the text of an option to its value, and rejects what does not fit.
- `worker_spec`: `WorkerSpec`, what a worker process needs to know of the options.
"""

from eas_host.config.host import HostConfig, ResolvedConfig
from eas_host.config.worker_spec import WorkerSpec

__all__ = ["HostConfig", "ResolvedConfig", "WorkerSpec"]
