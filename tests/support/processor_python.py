"""
`pytest --processor-python 3.6`: the tests' processors in Python run on that one, in an ENV that is linked to this host.

Hosts get it as `--python`, and a program that is started as its author would is started with it. A test that runs a
processor in the host's own process, which has a Python of its own, is left out.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from eas_host.deploy.python import installed
from support.columns import Column
from support.env import make_env

LEFT_OUT = "runs a processor in the host's own process"


class ProcessorPython:
    """
    The Python that processors run on.

    Attributes:
        path: of that in ENV; None: of the host's own.
        release: the first two numbers of its version.
    """

    path: Path | None = None
    release: tuple[int, int] = sys.version_info[:2]


current = ProcessorPython()


def use(wanted: str) -> None:
    """Lets processors run on the Python that is called *wanted*, a version or a path."""
    path, facts = installed.find(wanted, "--processor-python")
    current.release = (facts.release[0], facts.release[1])
    current.path = make_env(Path(tempfile.mkdtemp(prefix="env-")), linked=True, interpreter=path) / "bin" / "python"


def program_python() -> Path:
    """The Python of a program."""
    return current.path or Path(sys.executable)


def concerns(item: pytest.Item) -> bool:
    """Whether the test *item* runs a processor in Python, as far as its parameters tell."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    column = parameters.get("host")
    language = column.language if isinstance(column, Column) else parameters.get("language", "python")
    return language == "python" and not (isinstance(column, Column) and column.isolation == "none")


def release() -> tuple[int, int]:
    """The first two numbers of the version of the Python that processors run on."""
    return current.release


def unbuffered() -> dict[str, str]:
    """
    Variables for a program whose standard error is read while it runs: before 3.9, Python gathers it in a pipe.

    They are not for a program of several processes: an unbuffered `print` writes the line and its end apart, so the
    lines of two processes may mix.
    """
    return {"PYTHONUNBUFFERED": "1"} if current.release < (3, 9) else {}


def options_of(entry: Path, language: str, isolation: str) -> dict[str, Path]:
    """The options of a host for the processor *entry*, if it is in Python."""
    if current.path is None or (language != "python" and ".py" not in entry.name):
        return {}
    if isolation == "none":
        pytest.skip(LEFT_OUT)
    return {"python": current.path}
