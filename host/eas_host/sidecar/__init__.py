"""
`python app.py`: the user's own process is the worker, and the HTTP front is a process that it has started, its sidecar.

What a breakpoint, a profiler or an editor expects to find in the user's process is there: `process` runs in its
threads. What must not wait for the user's code, accepting and answering, is in the front, over the same ring as under
`eas-host`.

    program  what runs in the user's process
    front    what runs in the front
"""
