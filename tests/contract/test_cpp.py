"""
What only a C++ processor can do: raw pointers, a state to set, libraries beside it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.columns import columns
from support.contract import loaded
from support.host import Host, StartHost
from support.libraries import needs_beside
from support.wire import command

HOST_OPTIONS = {"worker_threads": 2}
ISOLATIONS = ("process", "none")


@columns("cpp")
def test_output_pointers_are_preset(host: Host) -> None:
    """process finds NULL and 0 in its output pointers, in each call."""
    for _ in range(3):
        assert host.call(command("preset")).body == b"yes"


@columns("cpp")
@pytest.mark.parametrize(
    ("verb", "number"),
    [("negative", "-1"), ("negative-buffer", "-8"), ("null-size", "5")],
    ids=["size -1", "size -8 with a buffer", "NULL with size 5"],
)
def test_impossible_output(host: Host, verb: str, number: str) -> None:
    """A size that cannot be is the processor's fault: 500, and the log says what it was."""
    answer = host.call(command(verb))
    assert answer.status == 500
    assert len(answer.text.strip().splitlines()) == 1
    host.expect_log(rf"(?<!\d){number}(?!\d)")
    assert host.call(b"next").body == b"next"


@columns("cpp")
def test_a_buffer_of_size_0(host: Host) -> None:
    """It is an empty answer, and the buffer is released as any other."""
    answer = host.call(command("empty-buffer"))
    assert (answer.status, answer.body) == (200, b"")


@columns("cpp")
def test_nothing_given(host: Host) -> None:
    """What is not given arrives as "", never NULL; the state is preset to something that is not success."""
    seen = loaded(host)
    assert (seen["entry"], seen["config"]) == ("", "")
    assert int(seen["state"]) != 0
    assert seen["loads"] == "1"


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_model_arguments(start: StartHost, isolation: str) -> None:
    """
    model_entry arrives absolute, from the folder where the host was started; model_config word for word.
    """
    text = 'line one\n{"key": "ключ"}\t--flag'
    host = start(model_entry="models/1", model_config=text, isolation=isolation)
    seen = loaded(host)
    assert seen["entry"] == str(host.folder / "cwd" / "models" / "1")
    assert seen["config"] == text
    assert seen["folder"] == str(host.entry.parent)


def test_model_config_from_a_file(start: StartHost, tmp_path: Path) -> None:
    """@FILE gives the file's text, all of it."""
    config = tmp_path / "config.json"
    config.write_text('{\n  "batch": 1\n}\n', encoding="utf-8")
    host = start(model_entry="/absolute/model", model_config=f"@{config}")
    seen = loaded(host)
    assert seen["entry"] == "/absolute/model"
    assert seen["config"] == '{\n  "batch": 1\n}\n'


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_library_beside_the_entry(start: StartHost, builder: ProcessorBuilder, tmp_path: Path, isolation: str) -> None:
    """-rpath=. finds a library in the entry's folder, wherever the host is started."""
    start_folder = ship_with_library(builder, tmp_path / "shipped")
    host = start(entry=start_folder / "libneeds_beside.so", isolation=isolation)
    assert host.call(b"").body == b"from beside"


def ship_with_library(builder: ProcessorBuilder, folder: Path) -> Path:
    """A folder with libneeds_beside.so and the libbeside.so that it needs."""
    folder.mkdir()
    shutil.copy(builder.cpp("beside"), folder)
    shutil.copy(needs_beside(builder), folder)
    return folder


def test_relative_entry(start: StartHost, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """An entry's path counts from where the command is given."""
    ship_with_library(builder, tmp_path / "shipped")
    assert start(entry="../../shipped/libneeds_beside.so").call(b"").body == b"from beside"


def test_processor_in_c(start: StartHost, builder: ProcessorBuilder) -> None:
    """The public header serves C too, and a model that is not NULL comes back in each call."""
    host = start(entry=builder.cpp("plain_c"))
    assert host.path == "/api/predict/plain_c"
    assert host.call(b"x").body == b"model"


def test_linked_statically(start: StartHost, builder: ProcessorBuilder) -> None:
    """A processor may bring its own C++ library; its exceptions are caught all the same."""
    host = start(entry=builder.cpp("contract", "-static-libstdc++", "-static-libgcc", called="static"))
    answer = host.call(command("throw", "from another libstdc++"))
    assert (answer.status, answer.text) == (400, "from another libstdc++")
    host.expect_log("runtime_error")
    assert host.call(command("throw-other")).status == 400
    host.expect_log("unknown exception of type int")
    assert host.call(b"next").body == b"next"


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_prints_while_loading(start: StartHost, builder: ProcessorBuilder, isolation: str) -> None:
    """What initialize prints is in the log, also a last line without an end."""
    host = start(entry=builder.cpp("prints_while_loading"), isolation=isolation)
    host.wait_for_log("loading on stderr")
    host.stop()
    host.wait_for_log("loading half")
