"""
Processors in Python: programs that import `allspark`, run by a worker as `python app.py` would run them.

    make            makes such a processor
    processor       the whole course, from the program's file to the end of its `run`
    sdk_import      makes sure that the program imports our `allspark`
    launcher        runs the file, finds and constructs its class, explains what is wrong with it
    sources         lets code that runs from a copy name the file that the user edits
    breakpoints     Python's debugger where there is no terminal, or a copy runs
    exits           `os._exit`, which the front must be told of
    used_files      which files the program uses, for --reload
    unconfigured_logging  what a program logs that has set up no logging
    hosted_service  what `allspark` gets when the program opens its service
    inspection      what the program imports, without running it; a program of its own
"""
