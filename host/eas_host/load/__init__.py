"""
Load for a service: how many requests a second it answers, how long each takes, and which workers it should have.

In reading order:

- `service`: the URL that is loaded, and the bytes of its requests; `own_host`: a host for the time of the run.
- `histogram`, `measurement`: what was seen of the requests of one step; `cpu`: CPU time of the processes behind it.
- `connection`: one request after another on one connection; `driver`: many of them.
- `closed_loop`, `open_loop`: when the next request is sent.
- `sweep`: the steps of a run, and when it ends; `run`: its loop, and the signals that end it early.
- `advice`: what follows from the measurements; `batches`: the calls that requests shared, and what follows from those.
- `report`, `charts`: as text and JSON, in the terminal and as SVG.
"""
