"""
How this package and the host find one another, where each has a Python of its own.

    import_hook   lets another environment import this package
    places        where this host's packages are
    host_command  starts the host's own Python
"""
