"""
The front: it speaks HTTP, runs no user code, and owns the sockets, the queue and the request bodies.

Two lifetimes, two objects: `connection.Connection` is a socket, `exchange.Exchange` one request and its response.
`dispatch.Dispatcher` carries exchanges over the ring and back.
"""
