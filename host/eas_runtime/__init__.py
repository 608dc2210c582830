"""
The part of the host that runs inside a processor's own process, on whichever Python it has, from 3.6 on.

It needs nothing but Python's standard library and one plain shared library of ours. The front, the commands and all
else are `eas_host`, which needs 3.10; it starts these processes and imports from here what both sides share. Nothing
here imports `eas_host`. So that 3.6 understands it, there is no `from __future__ import annotations` here: annotations
that it could not evaluate are texts.

In reading order:

    main               the main program of a worker process
    worker_process     its course, whatever the processor is
    control            messages to and from the front
    messages           what these messages are; `record`: what they are made of
    worker_spec        what a worker knows of its processor
    processor          what the languages have in common
    stacks             where a processor is, for the log
    threads            the threads that call processors in Java and in Python
    python             a program that imports `allspark`, run as `python app.py` would run it
    sdk                what serves that program, here and under `python app.py`
    program            `python app.py`: what runs in the user's process beside the program
    ring               a worker's side of the ring in shared memory
    log                the outputs of this process
    errors             what can go wrong while a processor is loaded
    linking            how this package and the host find one another
    stdio, signals, at_fork, unpatched: this process, as the operating system has it
"""
