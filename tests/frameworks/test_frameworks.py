"""
Processors with the frameworks that people use recognise ten digits, each on the Python that it needs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support import LONG
from support.frameworks import Package, package
from support.program import Program
from support.service import Services, services

__all__ = ["services"]

QUIET = {"ORT_DISABLE_TELEMETRY": "1"}
"""ONNX Runtime leaves a file of its own in the temporary folder else, and a host's must be empty in the end."""


@pytest.fixture(
    params=[
        pytest.param(name, marks=pytest.mark.framework(name))
        for name in ("tensorflow", "scikit-learn", "onnxruntime", "pytorch")
    ]
)
def made(request: pytest.FixtureRequest) -> Package:
    return package(request.param)


def test_service_recognises_ten_digits(made: Package, services: Services) -> None:
    """`eas-host test app.json`."""
    made.check(services.start(made.description, variables=QUIET, keepalive=LONG))


def test_program_recognises_ten_digits(made: Package, tmp_path: Path) -> None:
    """`ENV/bin/python app.py`."""
    variables = {"EAS_HOST_MODEL_ENTRY": str(made.model), "EAS_HOST_KEEPALIVE": str(LONG), **QUIET}
    with Program(tmp_path / "run", made.folder / "app.py", (), variables, made.interpreter) as program:
        program.wait_for_log("Service start successfully")
        made.check(program)
