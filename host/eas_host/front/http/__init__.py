"""
One client connection.

In reading order:

- `connection`: bytes in, answers out, in order; `connection_context`: what all connections share.
- `request_reader`: from bytes to exchanges, with `chunks` and `foreign_protocols`.
- `pipeline`: requests that were sent ahead; `read_pause`: while the connection is not read.
- `response_head`: the heads of responses; `error_details`: who gets frames in answers, and those to exceptions.
- `client_socket`, `half_close`: the ways in which a connection ends.
"""
