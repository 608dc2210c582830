"""
What runs in the user's process under `python app.py`.

    opening          opens the one service of this process
    front_process    starts the front, and explains its end
    sidecar_service  what `allspark` gets: serves until the front ends
    signal_handlers  Ctrl+C and SIGTERM
    child_processes  worker processes, where `worker_processes` is above 1
"""
