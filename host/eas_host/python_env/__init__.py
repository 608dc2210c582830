"""
How a Python of another environment runs our code.

`python_command` starts it, `import_hook` and `shared_packages` settle what it imports.
"""
