"""
The front of `python app.py`: a process that serves one program and ends with it.

    main             the main program
    launch_request   what the user's program asks for, and the options that follow from it
    sidecar_host     opens the port and serves until the program ends
    program_channel  messages to and from the user's process, and the watch over its life
    program_worker   that process as the one worker
    child_workers    its worker processes, where it has several
"""
