"""
What a Python processor runs on, and with.

- `choice`: which Python that is.
- `interpreter`: the Python in a package's `ENV`, and whether a worker can use it.
- `installed`: the Pythons of this machine, for `--python`.
- `requirements`: the packages that it asks for, installed by pip once and kept in the cache.
"""
