"""
How a figure comes about.

- `table`: rows and columns as data; `loop`: the one loop that measures a table.
- `wrk`: as many requests as a server answers; `open_loop`: so many a second, and how long each of them takes.
- `signed_requests`: requests whose heads differ; `burners`: programs that take CPU time away.
- `wakeups`: what the host counts of itself.
"""
