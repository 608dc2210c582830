"""
`pytest --frameworks tensorflow,pytorch`: the tests in tests/frameworks, of these frameworks.

They need environments of some 100 MB each. `make test-frameworks` makes these and gives the option; without it there
are no such tests.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.build import TESTS

FOLDER = TESTS / "frameworks"


class FrameworkTests:
    """The plugin behind the option, with the *names* that were given, or none."""

    def __init__(self, names: str) -> None:
        self._names = names.split(",") if names else []

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        return True if collection_path == FOLDER and not self._names else None

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leaves out other frameworks than those that are asked for."""
        chosen: list[pytest.Item] = []
        others: list[pytest.Item] = []
        for item in items:
            mark = item.get_closest_marker("framework")
            (others if mark and mark.args[0] not in self._names else chosen).append(item)
        if others:
            config.hook.pytest_deselected(items=others)
            items[:] = chosen
