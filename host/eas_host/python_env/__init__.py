"""
How the host starts further Python processes, also on the Python of another environment.

- `python_command`: the command that starts one.
- `link`: what makes `import allspark` work in another environment.
"""
