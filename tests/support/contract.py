"""
What the contract processor of each language tells about itself.
"""

from __future__ import annotations

from support.host import Host
from support.wire import command


def loaded(host: Host) -> dict[str, str]:
    """What `initialize` was given, by name."""
    state, loads, folder, entry, config = host.call(command("loaded")).text.split("\n", 4)
    return dict(line.split("=", 1) for line in (state, loads, folder, entry, config))
