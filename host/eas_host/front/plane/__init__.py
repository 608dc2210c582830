"""
The sockets of clients.

In reading order:

- `acceptor`: accepts clients.
- `transport`: one client's socket, as asyncio's transports are; `send_buffer`: what that has not taken yet;
  `interfaces`: whom it deals with.
- `plane`: the front's side of the native data plane: what it reports, and the requests that it hands up.
"""
