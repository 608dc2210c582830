"""
What the head of a request decides, and what is done with a body before its processor sees it.

In reading order:

- `admission`: decides about a head, one question after the other.
- `request_target`, `host_names`, `cors`, `tokens`: the path and the method, the name of the host, the page that asks,
  and the token; `token_header`: where else the host's own handlers look for it.
- `access`: who may use the host's own handlers where there is no token.
- `preprocess`: what is done with a complete body; `decompression`, with `zstd`: compressed bodies.
"""
