"""
Processors that embed Python. Those that start one get a worker that is no Python process (see test_native_worker.py).
In a process that is one, those that ask first work, and the others are told what to write instead: what that is shows
docs/embedding-python.md, whose examples are run by meta/test_readme.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.binaries import dynamic_section, python_embedding
from eas_host.errors import EntryInvalid
from support.build import ProcessorBuilder
from support.command import load
from support.host import StartHost
from support.libraries import library, processor, readelf
from support.python import PYBIND11, assert_serves, embedding_python, jep_jar, pybind11_flags, uses_jep

in_python = pytest.mark.parametrize("option", [("worker", "python"), ("isolation", "none")], ids=["worker", "none"])


@in_python
def test_processor_that_uses_the_running_python_serves(
    start: StartHost, builder: ProcessorBuilder, option: tuple[str, str]
) -> None:
    """All of its threads use it."""
    assert_serves(start(entry=embedding_python(builder, "-DASKS", called="asks"), **dict([option])))


@in_python
def test_processor_that_starts_python_unasked_is_refused(builder: ProcessorBuilder, option: tuple[str, str]) -> None:
    """The processor would crash; the line says what it calls and what to call instead."""
    entry = embedding_python(builder, called="starts")
    ended = load(entry, "process", f"--{option[0]}", option[1])
    ended.fails_in_one_line(3, str(entry), "Py_Initialize", "Py_IsInitialized", "PyGILState_Ensure")


@pytest.mark.every_python
@pytest.mark.parametrize("flags", PYBIND11.values(), ids=PYBIND11)
def test_crash_of_a_pybind11_interpreter_is_explained(builder: ProcessorBuilder, flags: tuple[str, ...]) -> None:
    """Whether it asks cannot be seen from outside; that it met the worker's Python shows when it has crashed."""
    entry = builder.cpp("embeds_pybind11", *pybind11_flags(), *flags)
    load(entry, "process", "--worker", "python").fails_with(3, str(entry), "Py_IsInitialized", "PyGILState_Ensure")


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_processor_that_only_links_libpython_serves(
    start: StartHost, builder: ProcessorBuilder, isolation: str
) -> None:
    """The link changes nothing."""
    host = start(entry=embedding_python(builder, "-DLINKS", called="links"), isolation=isolation)
    assert host.call(b"").body.startswith(b"3.")
    assert "--worker native" not in host.log.text()


def test_jep_in_a_java_processor_is_explained(tmp_path: Path) -> None:
    """jep's own words say nothing of the cause."""
    entry, jar = uses_jep(tmp_path), jep_jar()
    options = f"-Djava.library.path={jar.parent}"
    ended = load(entry, "process", "--mainclass", "UsesJep", "--classpath", jar, "--jvm-options", options)
    ended.fails_with(3, "UsesJep", "jep", "a JVM of its own")


def test_crash_without_python_has_no_hint_of_python(builder: ProcessorBuilder) -> None:
    ended = load(builder.cpp("segv_in_initialize"))
    ended.fails_with(3, "SIGSEGV")
    assert "Python" not in ended.complaint


# What the files say.


def test_library_of_the_package_that_starts_python_is_found(tmp_path: Path) -> None:
    """The processor may find it in several ways."""
    for folder, rpath in (("lib", ""), ("far", "$ORIGIN/far"), ("far", "far")):
        starts = library(tmp_path / folder / "libstarts.so", calls="Py_InitializeEx")
        entry = processor(tmp_path / "libone.so", starts, flags=(f"-Wl,-rpath,{rpath}",) if rpath else ())
        with pytest.raises(EntryInvalid, match=f"{starts}: it calls Py_InitializeEx"):
            python_embedding.check(entry)


def test_one_library_that_asks_for_the_running_python_is_enough(tmp_path: Path) -> None:
    starts = library(tmp_path / "libstarts.so", calls="Py_InitializeFromConfig")
    asks = library(tmp_path / "libasks.so", starts, calls="Py_IsInitialized")
    python_embedding.check(processor(tmp_path / "libone.so", asks))
    python_embedding.check(processor(tmp_path / "libother.so"))


def test_call_inside_libpython_does_not_count(tmp_path: Path) -> None:
    """libpython lies beside a processor that brings its own."""
    python = library(tmp_path / "libpython3.11.so.1.0", calls="Py_Initialize")
    python_embedding.check(processor(tmp_path / "libone.so", python))


def test_longer_function_names_do_not_count(tmp_path: Path) -> None:
    python_embedding.check(library(tmp_path / "libone.so", calls="Py_InitializeNothing"))
    python_embedding.check(library(tmp_path / "libother.so", calls="My_Py_Initialize"))


def test_dynamic_section_is_what_binutils_read(builder: ProcessorBuilder, tmp_path: Path) -> None:
    path = processor(tmp_path / "libone.so", flags=("-Wl,-rpath,/opt:.",))
    for library_ in (path, builder.cpp("contract")):
        found = dynamic_section.read(library_)
        assert found is not None
        assert list(found.needed) == readelf(library_, "NEEDED")
        assert ":".join(found.folders) == "".join(readelf(library_, "RUNPATH"))
        assert found.mentions("initialize")
        assert not found.mentions("initializ")


def test_damaged_file_is_left_to_the_dynamic_linker(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Reading it never fails."""
    whole = builder.cpp("plain_c").read_bytes()
    path = tmp_path / "libcut.so"
    damaged = [b"", *(whole[:size] for size in range(1, len(whole), len(whole) // 50))]
    damaged += [whole[:at] + b"\xff" * 8 + whole[at + 8 :] for at in range(16, 1200)]
    for content in damaged:
        path.write_bytes(content)
        python_embedding.check(path)
    python_embedding.check(tmp_path / "nothing.so")
