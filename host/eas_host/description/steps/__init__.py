"""
What the reader does with the parsed tree.

In the order in which it is done:

- `overrides`: `-D KEY=VALUE` changes the tree.
- `normalize`: each value moves to the documented place of its key.
- `validate`: pydantic converts and checks each value.
- `resolve`: options, mounts and requirements; `resolve_models`: models and their processors.
- `containers`: the program of the first container; `container_command`: which program a command starts.
"""
