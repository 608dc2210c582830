"""
How a file or folder gets from its URL into the cache.

In reading order:

- `http_download`: a file behind an http(s) URL, through the requests of `http_request`.
- `object_store`: files and folders behind any other URL, through fsspec.
- `retry`: tries again after failures that may pass; `cancel_token`: ends downloads from another thread.
"""
