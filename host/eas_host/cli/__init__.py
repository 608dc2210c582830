"""
The command line: each command reads its arguments, does its work and returns an exit code.

In reading order:

- `main`: finds the command; `options`: `eas-host` without a command.
- `serve`: `test` and `serve`; `detach`: all that serves, in the background; `check`: `check`; `desc`: `desc`.
- `workspace_paths`: how paths in a workspace are shown.
- `description_command`: what the commands on a service description have in common.
- `calls`: `invoke`, `debug` and `load`; `target`: what the commands on a processor or a description have in common.
- `init`, `pack`, `pysdk`, `schema`, `wait`: the other commands; `command_parser`: their arguments.
"""
