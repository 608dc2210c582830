"""
The sockets of clients.

In reading order:

- `acceptor`: accepts clients.
- `transport`: one client's socket, as asyncio's transports are.
- `plane`: the front's side of the native data plane: what it reports, and the requests that it hands up.
"""
