"""
Another header for the token, which the host's own handlers take where there is no Authorization, `/api/builtin/call`
and `tell` among them. So do those that a program has injected.

Some proxies keep Authorization for themselves, as the API server of Kubernetes does, through which metrics of a pod are
read without a way into the cluster's network. Requests to the processor's own paths have no use for it.
"""

from __future__ import annotations

from typing import Final

TOKEN_HEADER: Final = b"x-eas-token"
