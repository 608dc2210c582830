"""
`pytest --quick` runs the tests that start no program.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eas_host.python_env import python_command
from support.build import TESTS
from support.quick import is_small

CONFTEST = """
import subprocess
import pytest
from support.quick import QuickTests

def pytest_configure(config):
    config.pluginmanager.register(QuickTests())

@pytest.fixture(scope="session")
def started():
    subprocess.run(["touch", "started"])

@pytest.fixture
def cleaned_up():
    yield
    subprocess.run(["touch", "cleaned-up"], check=True)
    assert False, "half of the test is missing"
"""
CASES = """
import os, subprocess, sys, threading

def test_starts_none():
    pass

def test_starts_python():
    subprocess.run([sys.executable, "-c", "pass"], check=True)

def test_starts_one(cleaned_up):
    subprocess.run(["touch", "started"])

def test_starts_one_by_a_shell():
    os.system("touch started")

def test_starts_one_in_a_fixture(started):
    pass

def test_has_the_same_fixture(started):
    pass

def test_catches_everything():
    try:
        subprocess.run(["touch", "started"])
    except BaseException:
        assert False

def test_starts_one_in_a_child():
    if not os.fork():
        try:
            subprocess.run(["touch", "started"])
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0

def test_starts_one_on_a_thread():
    thread = threading.Thread(target=subprocess.run, args=(["touch", "started"],))
    thread.start()
    thread.join()
"""


def test_quick_leaves_out_tests_that_start_a_program(tmp_path: Path) -> None:
    """Such a test ends before the program starts, and fails nothing; cleaning up may start some."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_cases.py").write_text(CASES)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "test_cases.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed, 7 left out" in done.stdout
    assert done.returncode == 0
    assert (tmp_path / "cleaned-up").exists()
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("command", "small"),
    [
        ([sys.executable, "-c", "print(1)"], True),
        (["/usr/bin/tar", "-cf", "x"], True),
        (python_command.command("eas_host.workers.main"), False),
        ([sys.executable, "-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])", "eas-host"], False),
        ([sys.executable, "app.py"], False),
        (["/venv/bin/eas-host", "serve"], False),
        (["javac", "A.java"], False),
    ],
)
def test_small_programs_are_distinguished_from_parts_of_the_host(command: list[str], *, small: bool) -> None:
    """No part of the host is small, although it is a few lines for Python, too."""
    assert is_small(command) is small
