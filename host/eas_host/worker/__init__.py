"""
Inside a worker: what loads a processor and calls it, one folder for each language.

A processor is loaded once per worker process and then called from its threads. In reading order:

    main               the main program of a worker process
    control            messages to and from the front
    working_directory  the folder that a processor runs in
    processor          what the three languages have in common, and which class is for which
    threads            the threads that call processors in Java and in Python
    cpp                a shared library, which brings native threads of its own
    java               a jar, in a JVM in this process
    python             a program that imports `allspark`, run as `python app.py` would run it
    sdk                what serves that program, here and under `python app.py`

The front's side of it, which starts such processes and watches them, is in `workers`.
"""
