"""
Workers that are no Python processes. That they keep the contract is tested in the column cpp-native of all its tests;
here is what they are for, how they are chosen, and what is theirs alone: becoming another program, and back.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.worker.cpp.native_worker import PROGRAM
from support.build import ProcessorBuilder
from support.command import load
from support.contract import loaded
from support.host import Host, StartHost
from support.proc import children
from support.python import PYBIND11, assert_serves, embedding_python, pybind11_flags, python_flags


def natives(host: Host) -> int:
    """How many of its workers are no Python processes."""
    return sum(Path(f"/proc/{pid}/exe").readlink() == PROGRAM for pid in children(host.pid))


# Processors that start a Python.


@pytest.mark.parametrize("flags", [(), ("-DASKS",)], ids=["does not ask", "asks"])
def test_processor_with_its_own_python_runs_in_a_native_worker(
    start: StartHost, builder: ProcessorBuilder, flags: tuple[str, ...]
) -> None:
    """Through the C API, as it is."""
    host = start(entry=embedding_python(builder, *flags, called=f"own{len(flags)}"))
    assert natives(host) == 1
    assert_serves(host)
    host.wait_for_log(r"it calls Py_Initialize(Ex)?, .*--worker native")


@pytest.mark.parametrize("flags", PYBIND11.values(), ids=PYBIND11)
def test_processor_with_a_pybind11_interpreter_serves(
    start: StartHost, builder: ProcessorBuilder, flags: tuple[str, ...]
) -> None:
    """The processor may start it at any time."""
    assert_serves(start(entry=builder.cpp("embeds_pybind11", *pybind11_flags(), *flags)))


def test_libpython_without_an_rpath_is_that_of_the_host(start: StartHost, builder: ProcessorBuilder) -> None:
    flags = [flag for flag in python_flags() if "rpath" not in flag]
    assert_serves(start(entry=builder.cpp("embeds_python", *flags, called="no_place")))


def test_each_worker_process_is_native(start: StartHost, builder: ProcessorBuilder) -> None:
    host = start(entry=embedding_python(builder, called="own0"), worker_processes=3)
    assert natives(host) == 3
    assert_serves(host)


# How they are chosen.


@pytest.mark.parametrize("worker", ["auto", "python", "native"])
def test_worker_option_chooses_between_python_and_native(
    start: StartHost, builder: ProcessorBuilder, worker: str
) -> None:
    """Without the option, and without a reason, a worker is a Python process."""
    host = start(entry=builder.cpp("contract"), worker=worker)
    assert natives(host) == (worker == "native")


def test_native_worker_is_refused_for_python(builder: ProcessorBuilder) -> None:
    """Other languages have no such worker."""
    load(builder.python("contract.py"), "process", "--worker", "native").fails_in_one_line(2, "--worker", "python")


def test_native_worker_is_refused_with_isolation_none(builder: ProcessorBuilder) -> None:
    """The host's own process is a Python."""
    load(builder.cpp("contract"), "none", "--worker", "native").fails_in_one_line(2, "--isolation none", "--worker")


# What they do differently: loading.


def test_native_worker_passes_nothing_of_its_own_to_children(start: StartHost, builder: ProcessorBuilder) -> None:
    """
    A library beside the processor is found, and what the processor starts inherits neither the means for that nor our
    descriptors nor our handlers of signals.
    """
    beside = builder.cpp("beside").parent
    entry = builder.cpp("surroundings", f"-L{beside}", "-lbeside")
    (entry.parent / "lib").mkdir()
    (entry.parent / "lib" / "libbeside.so").symlink_to(beside / "libbeside.so")
    host = start(entry=entry, worker="native")
    assert host.call(b"").text.splitlines() == ["from beside", "LD_LIBRARY_PATH=unset", "inheritable=0", "child=15"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_process", ["missing symbol process"]),
        ("mangled", ["process", 'extern "C"']),
        ("undefined_symbol", ["undefined symbol", "nobody_defines_this"]),
        ("bad_state", ["initialize", "state 7"]),
        ("state_untouched", ["did not set *state"]),
        ("surroundings", ["missing library libbeside.so"]),
    ],
)
def test_load_failure_has_the_words_of_any_worker(builder: ProcessorBuilder, name: str, words: list[str]) -> None:
    flags = [f"-L{builder.cpp('beside').parent}", "-lbeside"] if name == "surroundings" else []
    entry = builder.cpp(name, *flags, called=f"{name}_alone")
    load(entry, "process", "--worker", "native").fails_in_one_line(3, str(entry), *words)


def test_exception_in_initialize_is_reported(builder: ProcessorBuilder) -> None:
    """The log has the user's frames, and none of the host's."""
    entry = builder.cpp("throws_in_initialize")
    load(entry, "process", "--worker", "native").fails_with(3, str(entry), "runtime_error", "the model file is torn")


@pytest.mark.parametrize("name", ["segv_in_initialize", "crashes_in_constructor"])
def test_crash_while_loading_is_reported_with_its_signal(builder: ProcessorBuilder, name: str) -> None:
    ended = load(builder.cpp(name), "process", "--worker", "native")
    ended.fails_with(3, f"lib{name}.so", "SIGSEGV", "loading")
    assert "Python" not in ended.complaint


def test_file_that_is_not_elf_is_refused(tmp_path: Path) -> None:
    """A file that cannot be loaded at all needs no other worker."""
    (tmp_path / "libtext.so").write_text("no library", encoding="utf-8")
    load(tmp_path / "libtext.so", "process", "--worker", "native").fails_in_one_line(3, "not an ELF file")


def test_model_config_longer_than_an_argument_arrives_whole(start: StartHost, tmp_path: Path) -> None:
    """The text may have any script."""
    config = "ключ\n" * 100_000
    host = start(worker="native", model_entry="/a b/модель", model_config=f"@{config_in(tmp_path, config)}")
    seen = loaded(host)
    assert (seen["entry"], seen["config"], seen["folder"]) == ("/a b/модель", config, str(host.entry.parent))


def config_in(folder: Path, text: str) -> Path:
    (folder / "config").write_text(text, encoding="utf-8")
    return folder / "config"
