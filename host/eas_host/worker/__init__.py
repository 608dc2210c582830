"""
Inside a worker: what loads a processor and calls it, one folder for each language.

A processor is loaded once per worker process and then called from its threads. In reading order:

    processor  what the three languages have in common, and which is for which
    threads    the threads that call processors in Java and in Python
    cpp        a shared library, which brings native threads of its own
    java       a jar, in a JVM in this process
    python     a program that imports `allspark`, run as `python app.py` would
    sdk        what serves that program, here and under `python app.py`

Where such a process comes from, and its main program, is in `workers`.
"""
