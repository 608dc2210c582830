"""
Gets the files that a description names: local ones stay where they are, the others are downloaded from their URLs.

In reading order:

- `sources`: `fetch_all` gets all files of a description, side by side.
- `local_paths`: finds files on this machine; `urls`: what a URL says, and how it is shown without its credentials.
- `cache`: where downloads are cached.
- `download`: how a file or folder gets from its URL into the cache.
- `unpacking`: archives.
- `upload`: the way back, for `eas-host upload`.
- `policy`: time-outs and bounds; `download_errors`: how a download can fail.
- `disk`: whether there is space; `progress`: progress bars.
"""

from __future__ import annotations

from eas_host.fetch.policy import FetchPolicy
from eas_host.fetch.sources import fetch_all

__all__ = ["FetchPolicy", "fetch_all"]
