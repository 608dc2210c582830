"""
What runs in the user's process under `python app.py`.

    opening          opens the one service of this process
    front_process    starts the front
    session          serves until it is over
    signal_handlers  its Ctrl+C
    child_processes  its worker processes, where there are several
"""
