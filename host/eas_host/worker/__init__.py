"""
Inside a worker whose processor is in C++ or Java: what loads it and calls it. `eas_runtime` has what all workers have
in common, and processors in Python.

    main               the main program of such a worker process
    processor          which class is for which language
    cpp                a shared library, which brings native threads of its own
    java               a jar, in a JVM in this process

The front's side of it, which starts such processes and watches them, is in `workers`.
"""
