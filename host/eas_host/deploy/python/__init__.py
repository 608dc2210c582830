"""
What a Python package runs on, and with.

- `interpreter`: the Python in the package's `ENV`, and whether a worker can use it.
- `requirements`: the packages that it asks for, installed by pip once and kept in the cache.
"""
