"""
The command `eas-host autoscale`.

- `keys`: what `-D` and a file change, as the keys of `autoscaler` in a description.
- `command`: the command, and `autoscale rm`.
"""
