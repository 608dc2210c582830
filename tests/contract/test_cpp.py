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
def test_output_pointers_are_preset_to_null_and_0(host: Host) -> None:
    """Each call of process finds them so."""
    for _ in range(3):
        assert host.call(command("preset")).body == b"yes"


@columns("cpp")
@pytest.mark.parametrize(
    ("verb", "number"),
    [("negative", "-1"), ("negative-buffer", "-8"), ("null-size", "5")],
    ids=["size -1", "size -8 with a buffer", "NULL with size 5"],
)
def test_impossible_output_size_answers_500(host: Host, verb: str, number: str) -> None:
    """Such a size is the processor's fault, and the log says what it was."""
    answer = host.call(command(verb))
    assert answer.status == 500
    assert len(answer.text.strip().splitlines()) == 1
    host.expect_log(rf"(?<!\d){number}(?!\d)")
    assert host.call(b"next").body == b"next"


@columns("cpp")
def test_output_buffer_of_size_0_is_an_empty_answer(host: Host) -> None:
    """The buffer is released as any other."""
    answer = host.call(command("empty-buffer"))
    assert (answer.status, answer.body) == (200, b"")


@columns("cpp")
def test_missing_model_arguments_arrive_as_empty_texts(host: Host) -> None:
    """Never NULL; the state is preset to something that is not success."""
    seen = loaded(host)
    assert (seen["entry"], seen["config"]) == ("", "")
    assert int(seen["state"]) != 0
    assert seen["loads"] == "1"


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_model_entry_arrives_absolute_and_model_config_unchanged(start: StartHost, isolation: str) -> None:
    """The entry counts from the folder where the host was started."""
    text = 'line one\n{"key": "ключ"}\t--flag'
    host = start(model_entry="models/1", model_config=text, isolation=isolation)
    seen = loaded(host)
    assert seen["entry"] == str(host.folder / "cwd" / "models" / "1")
    assert seen["config"] == text
    assert seen["folder"] == str(host.entry.parent)


def test_model_config_at_file_passes_the_files_whole_text(start: StartHost, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{\n  "batch": 1\n}\n', encoding="utf-8")
    host = start(model_entry="/absolute/model", model_config=f"@{config}")
    seen = loaded(host)
    assert seen["entry"] == "/absolute/model"
    assert seen["config"] == '{\n  "batch": 1\n}\n'


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_rpath_dot_finds_a_library_in_the_entrys_folder(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, isolation: str
) -> None:
    """The host may be started in any folder."""
    start_folder = ship_with_library(builder, tmp_path / "shipped")
    host = start(entry=start_folder / "libneeds_beside.so", isolation=isolation)
    assert host.call(b"").body == b"from beside"


def ship_with_library(builder: ProcessorBuilder, folder: Path) -> Path:
    """A folder with libneeds_beside.so and the libbeside.so that it needs."""
    folder.mkdir()
    shutil.copy(builder.cpp("beside"), folder)
    shutil.copy(needs_beside(builder), folder)
    return folder


def test_relative_entry_counts_from_the_working_directory(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    ship_with_library(builder, tmp_path / "shipped")
    assert start(entry="../../shipped/libneeds_beside.so").call(b"").body == b"from beside"


def test_processor_in_plain_c_is_served(start: StartHost, builder: ProcessorBuilder) -> None:
    """A model that is not NULL comes back in each call."""
    host = start(entry=builder.cpp("plain_c"))
    assert host.path == "/api/predict/plain_c"
    assert host.call(b"x").body == b"model"


def test_exceptions_of_a_statically_linked_processor_are_caught(start: StartHost, builder: ProcessorBuilder) -> None:
    """Such a processor brings its own C++ library."""
    host = start(entry=builder.cpp("contract", "-static-libstdc++", "-static-libgcc", called="static"))
    answer = host.call(command("throw", "from another libstdc++"))
    assert (answer.status, answer.message) == (400, "from another libstdc++")
    host.expect_log("runtime_error")
    assert host.call(command("throw-other")).status == 400
    host.expect_log("unknown exception of type int")
    assert host.call(b"next").body == b"next"


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_output_of_initialize_is_in_the_log(start: StartHost, builder: ProcessorBuilder, isolation: str) -> None:
    """A last line without an end is there, too."""
    host = start(entry=builder.cpp("prints_while_loading"), isolation=isolation)
    host.wait_for_log("loading on stderr")
    host.stop()
    host.wait_for_log("loading half")
