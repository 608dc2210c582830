"""
Finds what a processor needs besides its own file.

In reading order:

- `libraries`: the libraries that a cpp processor needs, and where each lies in the package.
- `system_libraries`: the libraries that are left to the machine where the package runs.
- `class_path`: the jars that a java processor needs.
"""
