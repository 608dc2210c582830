"""
Counts the lines that tests run, of Python and of C++: `make coverage PYTEST_ARGS="tests/cli/test_command_line.py"`.

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
from pathlib import Path
from typing import Any, Final

import environments

FOLDER: Final = environments.ROOT / "build" / "coverage"
SOURCE: Final = FOLDER / "source"
# As the compilers' names, since that is what setuptools hands to each step: compile, link a module, link a program.
COUNTING: Final = {"CC": "gcc --coverage -fprofile-abs-path", "CXX": "g++ --coverage -fprofile-abs-path"}


def measure(programs: Path, arguments: list[str]) -> int:
    """Runs the native tests, then pytest with *arguments*. Returns its exit code."""
    environments.run_checked("make", f"--jobs={os.cpu_count()}", "-C", SOURCE / "native", "run", "FLAVOR=coverage")
    variables = {"COVERAGE_FILE": str(FOLDER / "python" / "data")}
    (FOLDER / "python").mkdir()
    coverage = (programs / "python", "-m", "coverage")
    code = environments.run(*coverage, "run", "-m", "pytest", *arguments, variables=variables)
    environments.run_checked(*coverage, "combine", "--quiet", variables=variables)
    environments.run_checked(*coverage, "json", "--quiet", "-o", FOLDER / "python.json", variables=variables)
    with (FOLDER / "python.txt").open("w", encoding="utf-8") as report:
        environments.run_checked(*coverage, "report", variables=variables, stdout=report)
    return code


def collect_native(programs: Path) -> None:
    """Adds up what the native tests have counted, and the hosts and workers that the other tests have started."""
    parts = [f"--filter={SOURCE}/{folder}/" for folder in ("native/src", "native/worker", "native/guardian")]
    outputs = [f"--txt={FOLDER / 'cpp.txt'}", f"--json-summary={FOLDER / 'cpp.json'}"]
    environments.run_checked(programs / "gcovr", f"--root={SOURCE}", *parts, *outputs, SOURCE / "build")


def figures() -> list[str]:
    """The two lines of the result: one for Python, one for C++."""
    python: dict[str, Any] = json.loads((FOLDER / "python.json").read_text(encoding="utf-8"))["totals"]
    cpp: dict[str, Any] = json.loads((FOLDER / "cpp.json").read_text(encoding="utf-8"))
    return [
        f"Python  {python['percent_covered']:.1f} % of {python['num_statements']} lines   (build/coverage/python.txt)",
        f"C++     {cpp['line_percent']:.1f} % of {cpp['line_total']} lines   (build/coverage/cpp.txt)",
    ]


def main() -> int:
    """Returns pytest's exit code."""
    programs = environments.make(FOLDER, sys.executable, "test,coverage", COUNTING)
    code = measure(programs, sys.argv[1:])
    collect_native(programs)
    print("", *figures(), sep="\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
