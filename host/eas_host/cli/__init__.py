"""
The command line: each command reads its arguments, does its work and returns an exit code.

In reading order:

- `main`: finds the command; `options`: `eas-host` without a command.
- `things`: what a user names, and whether it is a processor, a description or a package; `target`: the argument.
- `serve`: `eas-host` without a command, `test` and `serve`; `detach`: the same in the background.
- `check`: `check`; `desc`: `desc`.
- `workspace_paths`: how paths in a workspace are shown.
- `publishing`: `image` and `upload`.
- `calls`: `invoke`, `debug` and `load`.
- `init`, `pack`, `pysdk`, `wait`: the other commands; `command_parser`: their arguments.
- `about`: commands that only print.
"""
