"""
The runtime behind `allspark`: what serves a Python program, in a worker of eas-host as under `python app.py`.

    service         what a program has done with its service so far, and what follows from it
    runtime         passes requests, properties and injected handlers between the front and the program
    request_queue   the requests that a program reads itself
    result_encoder  makes responses of what `process` returns or raises
    explanations    what is wrong, in the words of answers and of the log
    contract        what EAS calls of a processor, and where a class departs from it
    user_errors     describes what the user's code has raised
    suggestions     which name was meant where there is none of the name that was written
    stacks          where the busy threads are, for the log
    frames          whose code a frame runs
    daemon_pool     threads for handlers and listeners
"""
