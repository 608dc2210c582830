"""
Processors that embed Python: what they are built with, the Python that runs the tests and so the host; and how it is
seen that they serve.
"""

from __future__ import annotations

import sysconfig
from concurrent.futures import ThreadPoolExecutor
from importlib import util
from pathlib import Path
from typing import Final

import pytest

from support.build import PYTHON_LIBRARIES, SOURCES, ProcessorBuilder, javac, need, run
from support.host import Host

PYBIND11: Final[dict[str, tuple[str, ...]]] = {"in initialize": (), "while it is opened": ("-DAT_ONCE",)}
"""When embeds_pybind11.cc starts Python, with the flags for it."""


def embedding_python(builder: ProcessorBuilder, *flags: str, called: str) -> Path:
    """lib*called*.so from embeds_python.cc."""
    return builder.cpp("embeds_python", *python_flags(), *flags, called=called)


def python_flags() -> list[str]:
    """How a compiler finds Python.h and libpython."""
    include, folder = sysconfig.get_path("include"), PYTHON_LIBRARIES
    name = f"python{sysconfig.get_config_var('LDVERSION')}"
    if not (Path(include) / "Python.h").is_file() or not list(Path(folder).rglob(f"lib{name}.so")):
        pytest.skip("this Python has no headers, or no shared library")
    return [f"-I{include}", f"-L{folder}", f"-Wl,-rpath,{folder}", f"-l{name}"]


def pybind11_flags() -> list[str]:
    """The same with pybind11."""
    folder = _package("pybind11")
    return [f"-I{folder / 'include'}", "-fvisibility=hidden", *python_flags()]


def jep_jar() -> Path:
    """jep's jar; its library lies beside it."""
    return next(_package("jep").glob("jep-*.jar"))


def uses_jep(folder: Path) -> Path:
    """A jar in *folder* with a processor that starts jep."""
    javac("-cp", jep_jar(), "-d", folder, SOURCES / "jep" / "UsesJep.java")
    run(need("jar"), "cf", folder / "uses_jep.jar", "-C", folder, "UsesJep.class")
    return folder / "uses_jep.jar"


def _package(name: str) -> Path:
    found = util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{name} is not installed")
    return Path(found.submodule_search_locations[0])


def assert_serves(host: Host) -> None:
    """Has the processor of embeds_python.cc or embeds_pybind11.cc draw square roots on several threads at once."""
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda number: host.call(str(number * number).encode()).text, range(100))
    assert list(answers) == [f"{number}.000000" for number in range(100)]
