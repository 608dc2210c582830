"""
Counts the lines that tests run, of Python and of C++: `make coverage PYTEST_ARGS="tests/cli/test_command_line.py"`.

Without arguments these are the native tests and a choice of the others, `USUAL`, that takes a few minutes; the figures
must not fall below `FLOORS` then. `PYTEST_ARGS=tests` measures all.

All of it happens in an environment of its own, build/coverage. The package there is compiled with gcov's counters, and
coverage.py follows every Python process that a test starts, workers among them. Counters are written when a process
ends: one that is killed, or ends by a crash, writes none, so the figures are a little below the truth.

Some tests cannot pass here, such as those that compare what a process prints, or how much memory it takes: their
failures are shown, and the figures follow all the same.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import environments

FOLDER: Final = environments.ROOT / "build" / "coverage"
SOURCE: Final = FOLDER / "source"
# As the compilers' names, since that is what setuptools hands to each step: compile, link a module, link a program.
_FLAGS: Final = "--coverage -fprofile-abs-path -fprofile-update=atomic"  # worker threads count the same lines
COUNTING: Final = {"CC": f"gcc {_FLAGS}", "CXX": f"g++ {_FLAGS}"}


USUAL: Final = (
    ("--quick", "tests"),
    (
        "tests/contract",
        "tests/workers/test_crashes.py",
        "tests/crash_reports",
        "tests/cli/test_serve.py",
        "tests/cli/test_invoke.py",
        "tests/debugging/test_check_cpp.py",
        "tests/debugging/test_check_java.py",
        "tests/debugging/test_check_python.py",
        "tests/debugging/test_sanitizers.py",
    ),
)
"""The arguments of each call of pytest, where none are given."""
FLOORS: Final = {"Python": 80.0, "C++": 90.0}
"""Percent of the lines, a little below what was measured: when exactly a process is killed moves some of them."""


DYING: Final = r"(crash|fault|last_words)\.cc"
"""Files whose code runs in processes that die by it, and so write no counters: their tests look at what it records."""


def measure(programs: Path, calls: Sequence[Sequence[str]]) -> int:
    """Runs the native tests, then pytest with the arguments of each of *calls*. Returns its worst exit code."""
    environments.run_checked("make", f"--jobs={os.cpu_count()}", "-C", SOURCE / "native", "run", "FLAVOR=coverage")
    variables = {"COVERAGE_FILE": str(FOLDER / "python" / "data")}
    (FOLDER / "python").mkdir()
    coverage = (programs / "python", "-m", "coverage")
    pytest = (*coverage, "run", "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile")
    code = max(environments.run(*pytest, *arguments, variables=variables) for arguments in calls)
    environments.run_checked(*coverage, "combine", "--quiet", variables=variables)
    environments.run_checked(*coverage, "json", "--quiet", "-o", FOLDER / "python.json", variables=variables)
    with (FOLDER / "python.txt").open("w", encoding="utf-8") as report:
        environments.run_checked(*coverage, "report", variables=variables, stdout=report)
    return code


def collect_native(programs: Path) -> None:
    """Adds up what the native tests have counted, and the hosts and workers that the other tests have started."""
    parts = [f"--filter={SOURCE}/{folder}/" for folder in ("native/src", "native/worker", "native/guardian")]
    parts.append(f"--exclude={SOURCE}/native/src/{DYING}")
    outputs = [f"--txt={FOLDER / 'cpp.txt'}", f"--json-summary={FOLDER / 'cpp.json'}"]
    environments.run_checked(programs / "gcovr", f"--root={SOURCE}", *parts, *outputs, SOURCE / "build")


def figures() -> dict[str, tuple[float, int, str]]:
    """For each language the percentage of its lines that were run, their number, and the file that lists them."""
    python: dict[str, Any] = json.loads((FOLDER / "python.json").read_text(encoding="utf-8"))["totals"]
    cpp: dict[str, Any] = json.loads((FOLDER / "cpp.json").read_text(encoding="utf-8"))
    return {
        "Python": (python["percent_covered"], python["num_statements"], "build/coverage/python.txt"),
        "C++": (cpp["line_percent"], cpp["line_total"], "build/coverage/cpp.txt"),
    }


def main() -> int:
    """Returns pytest's exit code; 1 if a figure is below its floor."""
    programs = environments.make(FOLDER, sys.executable, "test,coverage", COUNTING)
    given = sys.argv[1:]
    code = measure(programs, [given] if given else USUAL)
    collect_native(programs)
    print()
    for language, (percent, total, path) in figures().items():
        below = not given and percent < FLOORS[language]
        floor = f"; the floor is {FLOORS[language]:g} %" if below else ""
        print(f"{language:7} {percent:.1f} % of {total} lines   ({path}){floor}")
        code = code or int(below)
    return code


if __name__ == "__main__":
    sys.exit(main())
