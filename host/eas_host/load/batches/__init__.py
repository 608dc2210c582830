"""
Batches, as the load finds them.

- `calls`: the calls that requests shared.
- `methods`: whether a processor can take batches.
- `advice`: what is to be said of both.
"""
