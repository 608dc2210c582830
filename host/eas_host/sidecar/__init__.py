"""
`python app.py`: the user's own process is the worker, and the HTTP front is a process that it has started, its sidecar.

`process` runs in threads of the user's process, where breakpoints, profilers and editors expect it. The front accepts
requests and sends answers, which must not wait for the user's code; requests pass through the same ring as under
`eas-host`.

    program  what runs in the user's process
    front    what runs in the front
"""
