"""
Commands that call a processor without serving it to others.

    invoke        calls it once, or many times, and prints what it returns
    debug         has a debugger stop where a call begins
    load          loads it, or a service that runs, and reports throughput and times; load_options: what is sent
    request_body  what all of them send, and how they print the output
"""
