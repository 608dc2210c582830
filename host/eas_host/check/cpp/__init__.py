"""
Checks of shared libraries.

- `shared_library`: the check as a whole: machine, kind, EAS's functions.
- `linked_libraries`: the libraries that it needs, and the symbols that these must define.
- `signatures`: the parameters of its functions, by its debug information.
"""
