"""
Which frames are shown, and how they are written.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.ring.frames import HOST_FILES
from eas_host.symbols import stack
from eas_host.symbols.frame import CodeAddress, StackFrame

LIBRARY = "/srv/libscorer.so"


def frame(
    function: str, module: str = LIBRARY, file: str = "/src/scorer.cc", line: int = 1, offset: int = 0
) -> StackFrame:
    return StackFrame(CodeAddress(module, offset), function, file, line)


def names(frames: list[StackFrame]) -> list[str]:
    return [one.function for one in frames]


HANDLER, CALLER = (frame(name, next(iter(HOST_FILES)), "") for name in ("handler", "caller"))
ABORT = frame("abort", "/lib/x86_64-linux-gnu/libc.so.6", "")
THREAD = frame("start_thread", "/lib64/libc-2.31.so", "")
QSORT = frame("qsort", "/lib/x86_64-linux-gnu/libc.so.6", "")


def test_frames_of_the_host_and_of_the_runtimes_are_cut_at_both_ends() -> None:
    frames = [HANDLER, ABORT, frame("compare"), QSORT, frame("process"), CALLER, THREAD]
    assert names(stack.of_processor(frames)) == ["compare", "qsort", "process"]


def test_functions_of_the_standard_library_are_cut_where_they_are_inlined() -> None:
    at = frame("std::vector<int>::at", file="/usr/include/c++/12/bits/stl_vector.h")
    assert names(stack.of_processor([at, frame("process"), at])) == ["process"]


def test_frames_of_the_runtimes_stay_if_there_are_no_others() -> None:
    assert names(stack.of_processor([HANDLER, ABORT, CALLER, THREAD])) == ["abort"]


def test_of_the_interpreter_only_the_innermost_frames_are_shown() -> None:
    """Where Python code was, Python itself says; a module's frames stay, without those that called it."""
    python = [frame(f"eval{number}", "/opt/python/bin/python3.11", "") for number in range(20)]
    assert names(stack.of_processor([ABORT, *python])) == ["eval0", "eval1", "eval2", "eval3"]
    assert names(stack.of_processor([frame("extension"), *python])) == ["extension"]


@pytest.mark.parametrize(
    ("module", "runtime"),
    [
        ("/lib/x86_64-linux-gnu/libc.so.6", True),
        ("/lib64/ld-linux-x86-64.so.2", True),
        ("/opt/conda/lib/libstdc++.so.6.0.30", True),
        ("/lib/libgcc_s.so.1", True),
        ("[vdso]", True),
        ("/usr/lib/libpython3.11.so.1.0", True),
        ("/opt/venv/bin/python3.9", True),
        ("/srv/python_model.so", False),
        ("/srv/libcrc.so", False),
        ("/srv/libcaffe2.so", False),
        ("/srv/libmodel.so", False),
    ],
)
def test_runtimes_are_known_by_the_names_of_their_files(module: str, *, runtime: bool) -> None:
    assert stack.is_runtime_module(module) is runtime


def test_located_frame_is_a_function_and_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file is relative where that is shorter: below the working directory."""
    monkeypatch.chdir(tmp_path)
    inside = frame("score(int)", file=f"{tmp_path}/src/../scorer.cc", line=41)
    assert stack.texts([inside, frame("process", file="/src/a.cc", line=2)]) == [
        "score(int) (scorer.cc:41)",
        "process (/src/a.cc:2)",
    ]


def test_want_of_debug_information_is_said_once() -> None:
    frames = [frame("score(int)", file="", offset=0x12), frame("process", file="", offset=0x34)]
    assert stack.texts(frames) == [
        f"score(int) ({LIBRARY}+0x12; compile with -g to see the line)",
        f"process ({LIBRARY}+0x34)",
    ]


def test_want_of_debug_information_of_the_system_is_not_said() -> None:
    assert stack.texts([frame("cv::resize", "/usr/lib/libopencv.so", "", offset=1)]) == [
        "cv::resize (/usr/lib/libopencv.so+0x1)"
    ]


def test_recursion_is_written_once() -> None:
    ping, pong, process = frame("ping"), frame("pong"), frame("process")
    assert stack.texts([*[ping] * 40, process]) == [
        "ping (/src/scorer.cc:1) [40 times]",
        "process (/src/scorer.cc:1)",
    ]
    assert stack.texts([*[ping, pong] * 20, process]) == [
        "ping (/src/scorer.cc:1)",
        "pong (/src/scorer.cc:1) [these 2 functions 20 times]",
        "process (/src/scorer.cc:1)",
    ]
    assert stack.is_endless([ping, pong] * 20)
    assert not stack.is_endless([ping, pong, process])
    assert not stack.is_endless([])


@pytest.mark.parametrize("text", ["", "?", "relative.so+0x12", "/x.so", "/x.so+12", f"/x.so+0x{'1' * 17}"])
def test_what_is_no_address_is_shown_as_it_is(text: str) -> None:
    assert CodeAddress.parse(text) is None
    assert str(StackFrame(None, text)) == (text or "?")


def test_address_is_read_as_workers_write_it() -> None:
    assert CodeAddress.parse("/a b/x+0x1.so+0x1f") == CodeAddress("/a b/x+0x1.so", 0x1F)
