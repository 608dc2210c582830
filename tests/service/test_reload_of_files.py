"""
What `--reload` sees as a change, and how it treats files that change all the time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import support.host
from eas_host.deploy.deployment import INSTALLED, PYTHON_FILES
from eas_host.service.file_watcher import Fingerprint, fingerprint
from eas_host.service.self_written_files import SelfWrittenFiles
from support.env import SITE, make_env, script
from support.host import Host, StartHost

DONE = r"^\[INFO\] Service reload successfully$"
REFUSED = "the old version goes on serving"

APP = """
import pathlib

import allspark
{first}

MODEL = pathlib.Path({model!r})


class Reads(allspark.BaseProcessor):
    def initialize(self):
        {initialize}

    def process(self, data):
        return b"{version} " + MODEL.read_bytes(), 200
"""


class Program:
    """A program in *folder* and a model beside that, at *model* inside its folder."""

    def __init__(self, folder: Path, model: str = "model.bin") -> None:
        self.entry = folder / "program" / "app.py"
        self.model_folder = folder / "models"
        self.model = self.model_folder / model
        self.entry.parent.mkdir()
        self.model_folder.mkdir()

    def write(self, version: int, first: str = "", initialize: str = "pass") -> None:
        self.entry.write_text(APP.format(version=version, model=str(self.model), first=first, initialize=initialize))


@pytest.fixture
def program(tmp_path: Path) -> Program:
    made = Program(tmp_path)
    made.model.write_bytes(b"one")
    made.write(1)
    return made


def serve(start: StartHost, program: Program) -> Host:
    host = start("python", program.entry, model_entry=program.model_folder, reload=True)
    host.mark()
    return host


def test_missing_module_that_is_written_later_is_reloaded(start: StartHost, program: Program) -> None:
    """First a program imports what is not there, which is refused."""
    host = serve(start, program)
    host.allow_log(REFUSED)
    program.write(2, first="from package import helper")
    host.wait_for_log(f"no module named 'package'.*{REFUSED}")
    host.mark()
    package = program.entry.parent / "package"
    package.mkdir()
    (package / "helper.py").write_text("")
    host.wait_for_log(DONE)
    assert host.call().body == b"2 one"


def test_module_that_changes_twice_within_a_second_is_loaded_as_it_is(
    start: StartHost, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python itself would take the compiled code of a source of the same size for that of the new one."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    program.model.write_bytes(b"model")
    program.write(1, first="import helper", initialize="MODEL.write_text(helper.TEXT)")
    helper = program.entry.with_name("helper.py")
    helper.write_text("TEXT = 'one'")
    os.utime(helper, ns=(0, 1_000_000_000))
    host = start("python", program.entry, reload=True)
    assert host.call(b"").body == b"1 one"
    helper.write_text("TEXT = 'two'")
    os.utime(helper, ns=(0, 1_500_000_000))
    host.wait_for_log(DONE)
    assert host.call(b"").body == b"1 two"


def test_version_that_hangs_is_given_up_when_its_files_change(start: StartHost, program: Program) -> None:
    """Nothing that it becomes would be used."""
    host = serve(start, program)
    program.write(2, initialize="import threading; threading.Event().wait()")
    host.wait_for_log("another version is loaded")
    program.write(3)
    host.wait_for_log("it is not used")
    host.wait_for_log(DONE)
    assert host.call().body == b"3 one"
    while len(host.workers()) > 1:
        pass


def test_file_that_a_version_writes_while_loading_is_not_a_change(start: StartHost, program: Program) -> None:
    """Somebody who changes the model is still heard. A child of the program writes, which only the file shows."""
    writes = "__import__('subprocess').run(['touch', MODEL.parent / 'cache.bin'])"
    program.write(1, initialize=writes)
    host = serve(start, program)
    host.wait_for_log(r"the service itself writes \S*/cache.bin while it loads")
    program.write(2, initialize=writes)
    host.wait_for_log(DONE)
    while host.call().body != b"2 one":  # a version of the first loads may have come first
        pass
    host.mark()
    program.model.write_bytes(b"two")
    host.wait_for_log(DONE)
    assert host.call().body == b"2 two"
    assert host.new_log().count("another version is loaded") == 1


def test_link_that_leads_to_another_folder_is_a_change(start: StartHost, tmp_path: Path) -> None:
    """A model whose newest version is a link is changed by changing the link, or what it leads to."""
    program = Program(tmp_path, "current/model.bin")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.bin").write_text(name)
    current = program.model_folder / "current"
    current.symlink_to(tmp_path / "one")
    program.write(1)
    host = serve(start, program)
    (program.model_folder / "next").symlink_to(tmp_path / "two")
    (program.model_folder / "next").rename(current)
    host.wait_for_log(DONE)
    assert host.call().body == b"1 two"
    host.mark()
    (tmp_path / "two" / "model.bin").write_text("three")
    host.wait_for_log(DONE)
    assert host.call().body == b"1 three"


def test_folder_that_is_removed_and_made_again_is_reloaded(start: StartHost, program: Program) -> None:
    host = serve(start, program)
    host.allow_log(REFUSED)
    away = program.model_folder.with_name("away")
    for model in (b"two", b"three"):
        host.mark()
        program.model_folder.rename(away)
        shutil.rmtree(away)
        program.model_folder.mkdir()
        program.model.write_bytes(model)
        while host.call().body != b"1 " + model:
            host.wait_for_log(DONE)


def test_changes_are_polled_where_the_system_has_no_watches(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user namespace of this test has none."""
    without = "echo 0 > /proc/sys/user/max_inotify_instances"
    namespace = ["unshare", "--user", "--map-root-user", "sh", "-c"]
    if subprocess.run([*namespace, without], check=False, capture_output=True).returncode:
        pytest.skip("no namespaces of users here")
    command = [*namespace, f'{without} && exec "$@"', "sh", *support.host.program()]
    monkeypatch.setattr(support.host, "program", lambda: command)
    with Host(tmp_path / "host", entry=program.entry, reload=True) as host:
        host.wait_for_log("changes are seen later")
        program.write(2)
        host.wait_for_log(DONE)
        assert host.call().body == b"2 one"


def test_copy_with_the_same_time_and_size_is_a_change(program: Program) -> None:
    """`cp -p` and `tar` make such copies: they set the time of the content, and cannot set that of the change."""
    before = fingerprint([program.model])
    status = program.model.stat()
    while fingerprint([program.model]) == before:
        with program.model.open("r+b") as file:
            file.write(b"two")
        os.utime(program.model, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert program.model.stat().st_mtime_ns == status.st_mtime_ns
    assert program.model.stat().st_size == status.st_size


def test_self_written_files_are_distinguished_from_a_slow_copy() -> None:
    """A file is self-written if it changes in each of three loads in a row, and never in between."""
    self_written = SelfWrittenFiles()
    everything: Fingerprint = dict.fromkeys(("cache", "model", "log"), (0,))
    for _ in range(2):
        self_written.record_load(["cache", "model"])
    self_written.reset()  # the copy goes on while nothing loads
    self_written.record_load(["cache", "model"])
    assert self_written.exclude_from(everything) == everything
    self_written.record_load(["cache", "log"])
    self_written.record_load(["cache"])
    assert self_written.exclude_from(everything).keys() == {"model", "log"}


def test_circular_links_are_walked_once(tmp_path: Path) -> None:
    """Where Python files count, links to folders are not followed."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "a.py").write_text("")
    (inner / "b.txt").write_text("")
    (tmp_path / "again").symlink_to(inner)
    (inner / "up").symlink_to(tmp_path)
    assert set(fingerprint([tmp_path])) == {str(tmp_path / "again" / name) for name in ("a.py", "b.txt")}
    assert list(fingerprint([tmp_path / PYTHON_FILES])) == [str(inner / "a.py")]


OPTIONAL = "try:\n    import added\nexcept ImportError:\n    pass\nelse:\n    MODEL = added.FILE\n"


@pytest.mark.parametrize("described", [False, True])
def test_module_that_is_installed_into_env_is_reloaded(tmp_path: Path, *, described: bool) -> None:
    """So is its removal. What Python itself writes there makes no version."""
    program = Program(tmp_path)
    program.model.write_bytes(b"one")
    program.write(1)
    program.entry.write_text(program.entry.read_text().replace("\n\nclass", f"\n{OPTIONAL}\n\nclass", 1))
    site = make_env(program.entry.parent, modules={"other.py": ""}) / SITE
    description = tmp_path / "service.json"
    description.write_text(json.dumps({"name": "x", "processor_path": "program", "processor_entry": "app.py"}))
    (tmp_path / "new").write_bytes(b"new")
    if described:
        host = Host(tmp_path / "host", {"XDG_CACHE_HOME": str(tmp_path / "c")}, ("serve", description), reload=True)
    else:
        host = Host(tmp_path / "host", entry=program.entry, reload=True)
    with host:
        assert host.call().body == b"1 one"
        host.mark()
        (tmp_path / "added.py").write_text(f"import pathlib\nFILE = pathlib.Path({str(tmp_path / 'new')!r})\n")
        shutil.move(tmp_path / "added.py", site)
        host.wait_for_log(DONE)
        assert host.call().body == b"1 new"
        host.mark()
        (site / "added.py").unlink()
        host.wait_for_log(DONE)
        assert host.call().body == b"1 one"


def test_env_that_is_made_later_is_reloaded(program: Program, tmp_path: Path) -> None:
    with Host(tmp_path / "host", entry=program.entry, reload=True) as host:
        host.allow_log(REFUSED)
        host.mark()
        program.write(2, first="import added")
        host.wait_for_log(f"no module named 'added'.*{REFUSED}")
        host.mark()
        make_env(tmp_path / "made", modules={"added.py": ""})
        (program.entry.parent / "ENV").symlink_to(tmp_path / "made" / "ENV")
        host.wait_for_log(DONE)
        assert host.call().body == b"2 one"


def test_of_an_environment_only_what_is_installed_counts(tmp_path: Path) -> None:
    """Not what Python writes when it imports, nor the files of a package: its metadata tells its version."""
    env = make_env(tmp_path, modules={"module.py": ""})
    for name in ("package", "package-1.0.dist-info"):
        (env / SITE / name).mkdir()
    before = fingerprint([env / INSTALLED])
    names = {str(Path(name).relative_to(env)) for name in before}
    found = {
        "pyvenv.cfg",
        "bin/python",
        *(f"{SITE}/{one}" for one in ("module.py", "package", "package-1.0.dist-info")),
    }
    assert names == found
    for name in ("package/__pycache__", "__pycache__"):
        (env / SITE / name).mkdir()
    (env / SITE / "package" / "file.py").write_text("")
    assert fingerprint([env / INSTALLED]) == before
    (env / SITE / "package-1.0.dist-info" / "RECORD").write_text("")
    after = fingerprint([env / INSTALLED])
    assert {name for name in after if after[name] != before[name]} == {str(env / SITE / "package-1.0.dist-info")}


def test_change_while_the_first_version_is_prepared_is_seen(tmp_path: Path) -> None:
    """
    The files are copied by then; here the program's own Python keeps it waiting. Once it serves, the change is seen.
    """
    description = tmp_path / "service.json"
    program = Program(tmp_path)
    program.model.write_bytes(b"one")
    program.write(1)
    python = program.entry.parent / "ENV" / "bin" / "python"
    for name in ("asked", "answer"):
        os.mkfifo(tmp_path / name)
    wait = f"cd {tmp_path}; touch done; echo > asked; read _ < answer"
    script(python, f'[ -e {tmp_path}/done ] || ({wait})\nexec {sys.executable} "$@"')
    description.write_text(json.dumps({"name": "x", "processor_path": "program", "processor_entry": "./app.py"}))
    host = Host(tmp_path / "host", {"XDG_CACHE_HOME": str(tmp_path / "c")}, ("serve", description), reload=True)
    try:
        (tmp_path / "asked").read_text()
        program.write(2)
        (tmp_path / "answer").write_text("go on\n")
        host.wait_listening()
        host.wait_for_log(DONE)
        assert host.call().body == b"2 one"
        host.stop()
    finally:
        host.kill()


def test_folder_of_a_version_that_does_not_load_is_watched(tmp_path: Path) -> None:
    """The description names another folder; mending the version where it lies is enough."""
    description = tmp_path / "service.json"
    program = Program(tmp_path)
    program.model.write_bytes(b"one")
    for name, version in (("good", 1), ("other", 2)):
        program.entry = tmp_path / name / "app.py"
        program.entry.parent.mkdir()
        program.write(version, first="" if version == 1 else "import nothing_of_that_name")
    words = {"name": "moves", "processor_type": "python", "processor_entry": "./app.py"}
    description.write_text(json.dumps(words | {"processor_path": "good"}))
    variables = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with Host(tmp_path / "host", variables, ("serve", description), reload=True) as host:
        host.mark()
        host.allow_log(REFUSED)
        description.write_text(json.dumps(words | {"processor_path": "other"}))
        host.wait_for_log(f"nothing_of_that_name.*{REFUSED}")
        host.mark()
        program.write(3)
        host.wait_for_log(DONE)
        assert host.call().body == b"3 one"
