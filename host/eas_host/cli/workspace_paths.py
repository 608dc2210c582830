"""
Paths in the workspace of a service, for people: they are relative to it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from eas_host.config import HostConfig
from eas_host.deploy.workspace.workspace import cache_folder


class WorkspacePaths:
    """
    Makes paths in the workspace relative to it, since the workspace no longer exists when the user reads them.
    """

    def __init__(self, config: HostConfig) -> None:
        self._root = cache_folder(config) / "workspaces"

    def shorten(self, path: str) -> str:
        """
        Make *path* relative to the workspace, if it is in it.
        """
        if not Path(path).is_relative_to(self._root):
            return path
        slash = "/" if path.endswith("/") else ""
        return str(Path(*Path(path).relative_to(self._root).parts[1:])) + slash

    def shorten_in(self, text: str) -> str:
        """
        Make all paths within *text* relative: an error names the file that its user packed, not the copy.
        """
        return re.sub(rf"{re.escape(str(self._root))}/[^/\s]+/", "", text)

    def shorten_all(self, value: Any) -> Any:  # noqa: ANN401  any JSON
        """
        Make all paths in *value* relative.
        """
        if isinstance(value, str):
            return self.shorten(value)
        if isinstance(value, list):
            return [self.shorten_all(one) for one in value]
        return {key: self.shorten_all(one) for key, one in value.items()} if isinstance(value, dict) else value
