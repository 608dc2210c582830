"""
The command line: argv and the environment become a `HostConfig`, errors become one line and an exit code.
"""
