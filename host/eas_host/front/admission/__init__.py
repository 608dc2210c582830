"""
What the head of a request decides, and what is done with a body before its processor sees it.

In reading order:

- `admission`: asks all questions in their order.
- `request_target`, `host_names`, `cors`, `tokens`: where it goes, by which name, for which page, and who may ask.
- `access`: who may use the host's own handlers where there is no token.
- `preprocess`: what a complete request goes through; `decompression`, with `zstd`: packed bodies.
"""
