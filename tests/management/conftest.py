"""
A control plane for each module of tests, and a namespace of its own for each test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from support.kubernetes import ControlPlane, control_plane


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with control_plane(tmp_path_factory.mktemp("plane")) as started:
        yield started


@pytest.fixture
def cluster(plane: ControlPlane, request: pytest.FixtureRequest) -> ControlPlane:
    """A namespace of its own for each test."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name)[-50:].strip("-")
    plane.new_namespace(name)
    return plane
