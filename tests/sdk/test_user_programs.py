"""
Programs as users write them, each started both ways: `python app.py` and `eas-host --entry app.py`.

They stand in `programs/`, one folder each, with the model folders and the packages that they need around them: one for
each habit that is known of real programs. They name the ports that users name; EAS_HOST_LISTEN wins over those, so
that the tests disturb nobody. A folder is copied before its program is run.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from support import processor_python
from support.host import Host
from support.program import PROGRAMS, Program

ALONE, HOSTED = "alone", "hosted"
KEY_ERROR = "KeyError('b')" if processor_python.release() >= (3, 7) else "KeyError('b',)"


class Call(NamedTuple):
    """A request and what must come of it: the answer's status, its body, and a line of the log."""

    sent: bytes | None
    status: int
    answer: str | bytes | re.Pattern[str]
    says: str = ""
    path: str | None = None
    method: str = "POST"


class Case(NamedTuple):
    """
    A program, how it is started, and what it answers.

    *says* counts lines: it has each pattern that is in the log, and in how many lines. In *variables*, `{folder}` is
    the folder with the program's name.
    """

    name: str
    entry: str
    calls: list[Call]
    says: Mapping[str, int] = {}
    variables: Mapping[str, str] = {}
    arguments: tuple[str, ...] = ()
    ways: tuple[str, ...] = (ALONE, HOSTED)


def reads(name: str, value: str) -> Call:
    """A look at a property from outside."""
    return Call(None, 200, f"{value}\n", path=f"/api/builtin/prop?name={name}", method="GET")


TRUE, FALSE = Call(b"10 20", 200, "True", path="/test"), Call(b"2 105", 400, "False")
NO_SUCH_NAME = "'MyProcessor' object has no attribute 'pre_proccess'"
CAT, BIRD = Call(b"0", 200, "cat"), Call(b"2", 200, "bird")

# What a program returns and what its client gets: a code that is no HTTP status answers 400.
STATUSES = {0: 200, 201: 201, 404: 404, 450: 450, 503: 503, 999: 400, -1: 400}

CASES = [
    # The documents' sample.
    Case(
        "sample",
        "sample/app.py",
        [TRUE, FALSE, Call(b"10", 400, "not enough values to unpack (expected 2, got 1)", "ValueError")],
    ),
    Case("sample-without-run", "sample_without_run/app.py", [TRUE, FALSE], ways=(HOSTED,)),
    Case(
        "sample-with-typo",
        "sample_with_typo/app.py",
        [Call(b"10 20", 400, NO_SUCH_NAME, f"AttributeError: {NO_SUCH_NAME}")],
    ),
    Case("sample-2019", "sample_2019/app.py", [TRUE, FALSE._replace(status=200)]),
    # Constructors and what they take.
    Case("constructor", "constructor/pai_app.py", [Call(b"you", 200, "good day you 3 6 1 1")]),
    Case(
        "processes",
        "processes/processor.py",
        [
            Call(b'{"name": "a"}', 200, "1.5"),
            Call(b'{"name": "c"}', 400, "'c'", "KeyError: 'c'"),
            Call(b'{"name": "b"}', 200, "2"),
        ],
        {"model loaded in process": 2},
    ),
    Case("spawn", "spawn/app.py", [Call(b"6", 200, "42"), Call(b"-1", 200, "-7")]),
    # Properties.
    Case(
        "keepalive-first",
        "keepalive_first/main.py",
        [Call(b"abc", 200, "cba"), reads("rpc.keepalive", "100000")],
        {r"INFO:root:.*rpc\.keepalive.*100000": 2},
    ),
    Case(
        "keepalive-constructor",
        "keepalive_constructor/main.py",
        [Call(b"", 200, "60000"), reads("rpc.keepalive", "60000")],
    ),
    Case("keepalive-inside", "keepalive_inside/service.py", [Call(b"", 200, "500"), reads("rpc.keepalive", "500000")]),
    Case(
        "keepalive-short",
        "keepalive_short/app.py",
        # The log shows where the thread is that has not answered.
        [Call(b"alone", 408, re.compile("321"), "in wait_for_help"), Call(b"help", 200, "help"), Call(b"", 200, "")],
    ),
    # The low level.
    Case(
        "low-level",
        "low_level/a.py",
        [Call(b"4", 200, "16"), Call(b"x", 500, "not a number: b'x'"), *[Call(b"5", 200, "25")] * 10],
    ),
    # Where the model is.
    Case(
        "model-beside",
        "model_beside/predictor/app/app.py",
        [CAT, BIRD],
        {r"\['model', 'predictor'\]|\['predictor', 'model'\]": 1},
    ),
    Case(
        "model-anywhere",
        "model_anywhere/app.py",
        [CAT, BIRD],
        variables={"MODEL_DIR": "model", "PAI_ENDPOINT": "0.0.0.0:8002"},
    ),
    Case("model-method", "model_method/predictor/app/app.py", [CAT, BIRD]),
    Case(
        "model-given",
        "model_method/predictor/app/app.py",
        [Call(b"0", 200, "fish"), Call(b"7", 400, "list index out of range", "IndexError")],
        variables={"EAS_HOST_MODEL_ENTRY": "{folder}/other"},
    ),
    # Files and packages beside the program.
    Case(
        "neighbours",
        "neighbours/service.py",
        [Call(b"1", 200, "height; weights of the first layer; weights of the second layer")],
    ),
    Case(
        "siblings",
        "siblings/app/main.py",
        [
            Call(b"the cat sat", 200, '{"code": 0, "data": 2, "slow": false}'),
            Call(b"", 200, '{"code": -1, "message": "нечего считать", "slow": false}'),
        ],
    ),
    # Flags of the program's own.
    Case("arguments", "arguments/app.py", [Call(b"4", 200, "40")]),
    Case(
        "arguments-given",
        "arguments/app.py",
        [Call(b"4", 200, "12")],
        arguments=("--scale", "3", "--debug"),
        ways=(ALONE,),
    ),
    # What they return.
    Case("returns-float", "returns_float/app.py", [Call(b"2", 200, "0.5"), Call(b"nan", 200, "nan")]),
    Case(
        "returns-dict",
        "returns_dict/app.py",
        [
            Call(b"it's", 200, """{'input': "it's", 'scores': [0.5, 1]}"""),
            Call(b"x", 200, "{'input': 'x', 'scores': [0.5, 1]}"),
        ],
        {r"json\.dumps": 1},
    ),
    Case(
        "returns-str", "returns_str/app.py", [Call("世界".encode(), 200, "你好 世界"), Call(b"", 400, "пустой запрос")]
    ),
    Case(
        "returns-bytearray",
        "returns_bytearray/app.py",
        [Call(b"x", 200, b"\x00\xffx"), Call(b"view", 200, b"\x00\xffview")],
    ),
    Case(
        "returns-json",
        "returns_json/app.py",
        [
            Call(b'{"key": "a"}', 200, '{"code": 200, "result": 1}'),
            Call(b'{"key": "b"}', 200, f'{{"code": 500, "error": "{KEY_ERROR}"}}', "KeyError: 'b'"),
        ],
        variables=processor_python.unbuffered(),  # it prints a traceback, and flushes nothing
    ),
    Case(
        "returns-alone",
        "returns_alone/app.py",
        [Call(b"some text", 400, re.compile("expected"), "process returned bytes; expected")],
    ),
    Case(
        "several-statuses",
        "several_statuses/app.py",
        [Call(b"%d" % code, status, "as asked") for code, status in STATUSES.items()],
    ),
]


def started(case: Case, way: str, folder: Path) -> Host:
    """Starts a copy of the program of *case*."""
    name = Path(case.entry).parts[0]
    shutil.copytree(PROGRAMS / name, folder / name)
    variables = {key: value.format(folder=folder / name) for key, value in case.variables.items()}
    if way == HOSTED:
        return Host(folder / "host", variables, entry=folder / case.entry)
    return Program(folder / "host", folder / case.entry, case.arguments, variables)


@pytest.mark.parametrize(
    ("case", "way"), [pytest.param(case, way, id=f"{case.name}-{way}") for case in CASES for way in case.ways]
)
def test_users_program_starts_and_answers_without_a_change(case: Case, way: str, tmp_path: Path) -> None:
    """The program answers as it would in EAS."""
    with started(case, way, tmp_path) as host:
        for call in case.calls:
            host.mark()
            answer = host.call(call.sent, call.path, call.method)
            assert answer.status == call.status, answer
            if isinstance(call.answer, re.Pattern):
                assert call.answer.search(answer.text), answer
            elif isinstance(call.answer, str):
                assert answer.message == call.answer
            else:
                assert answer.body == call.answer
            if call.says:
                host.expect_log(call.says)
        for pattern, times in case.says.items():
            host.log.wait(pattern, times=times)
    for pattern, times in case.says.items():
        lines = [line for line in host.log.since() if re.search(pattern, line)]
        assert len(lines) == times, lines


def test_every_folder_of_programs_has_a_case() -> None:
    assert {Path(case.entry).parts[0] for case in CASES} == {folder.name for folder in PROGRAMS.iterdir()}
