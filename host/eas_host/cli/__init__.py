"""
The command line: each command reads its arguments, does its work and returns an exit code.

In reading order:

- `main`: finds the command; `options`: `eas-host` without a command.
- `serve`: `test` and `serve`; `desc`, `desc_report`, `desc_table`: `desc`.
- `description_command`: what the commands on a service description have in common.
- `init`, `pack`, `pysdk`, `schema`: the other commands; `command_parser`: their arguments.
"""
