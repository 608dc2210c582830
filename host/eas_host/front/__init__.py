"""
The side of the host that clients connect to: HTTP, admission, settings, metrics and builtin handlers.

In reading order:

- `front`: builds all parts and hands each what it needs.
- `service_state`: what changes while the host runs; `backends`: which processor answers a request.
- `plane`: the sockets of clients, and the requests that need no Python.
- `http`: one connection, from bytes to exchanges and back; `admission`: what the head of a request decides.
- `router`: takes a request to the version that serves; `dispatch`, beside this package, takes it from there.
- `deadlines`: ends what takes too long; `detached_requests`: requests without a connection.
- `open_connections`, `connection_limit`, `housekeeping`: all connections together.
- `worker_events`: what workers say; `worker_totals`: how often they were started.
- `builtin`: what the host answers itself; `ui`: the service's page; `settings`: what may change while it runs;
  `observe`: what is counted and logged.
- `listener`: the sockets; `limits`: how much one client may cost.
"""
