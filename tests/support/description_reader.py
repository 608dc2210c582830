"""
Descriptions that a test writes down: read, or refused with all their mistakes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eas_host.description import Description, read
from eas_host.errors import ConfigError


class ServiceJson:
    """
    A folder with one file, `service.json`, that each call writes anew.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / "service.json"

    def read(self, text: str | bytes | dict[str, Any], *overrides: str) -> Description:
        """The description that *text*, or the JSON of a dictionary, is."""
        if isinstance(text, dict):
            text = json.dumps(text)
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(self.file, overrides)

    def refused(self, text: str | bytes | dict[str, Any], *overrides: str) -> list[str]:
        """The mistakes that *text* is refused for, without the folder; the message counts them right."""
        with pytest.raises(ConfigError) as caught:
            self.read(text, *overrides)
        folder = f"{self.file.parent}/"
        message, detail = caught.value.message.replace(folder, ""), caught.value.detail.replace(folder, "")
        assert "\n" not in message
        if not detail:
            return [message]
        lines = detail.splitlines()
        assert message == f"service.json has {len(lines)} mistakes"
        assert len(lines) > 1
        return lines
