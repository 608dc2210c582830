"""
The front of `python app.py`: a process that serves one program and ends with it.

    main             the main program, and the host that it runs
    program_channel  the conversation with the user's process, and the watch over its life
    program_worker   that process as a worker
    child_workers    its worker processes, where there are several
"""
