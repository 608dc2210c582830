"""
What the host says of a worker process that has died, and of what a sanitizer has found in one.

    report         one death: its cause, its frames, and the requests that it has failed
    python_report  what a Python process has left behind about its end
    sanitizer_reports  makes reports of what the runtimes of sanitizers write, and tells which has ended its process
    log            writes each death into the log; the same again is counted
    bundle         a folder for each death, with the body of the request
    reporter       makes reports, and hands them to these two
"""
