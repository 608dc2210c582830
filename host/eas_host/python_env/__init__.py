"""
How the host starts further Python processes, also on the Python of another environment.

- `python_command`: the command that starts one.
- `import_hook`: what lets another environment import this host; `shared_packages`: what it may import.
"""
