"""
The host's options.

In reading order:

- `host`: `HostConfig`, all options as one frozen dataclass; each option is spelled once, as a field.
- `option_types`: converts the text of an option to its value, and rejects what does not fit.
- `token_file`: a file with tokens, which may change while a host serves.
- `option_parser`: splits a command line into the options that it has, as text.
- `suggestions`: what was meant by a name that does not exist.
- `variables`: files with environment variables, and variables that are none of ours.
- `resolution`: the values of all options, from flags, variables, a service description and defaults.
"""

from eas_host.config.host import HostConfig, ResolvedConfig

__all__ = ["HostConfig", "ResolvedConfig"]
