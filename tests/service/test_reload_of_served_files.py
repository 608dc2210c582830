"""
`--reload` is not fooled: only what is served makes another version, whatever else changes around it.

Nothing tells a test that nothing happens. So each one first changes what must not count, then what must: the log names
the latter alone, and there is one new version.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.host import Host, StartHost
from support.libraries import library, processor
from support.python import embedding_python
from support.service import Services, describe, services

__all__ = ["services"]

DONE = r"^\[INFO\] Service reload successfully$"
RELOADED = re.compile(r"reload: (.*) changed; another version is loaded")

APP = """
import sqlite3
import threading

import allspark
import scoring
import package.part

FOLDER = {folder!r}


class App(allspark.BaseProcessor):
    def initialize(self):
        with open(FOLDER + "/labels.txt") as file:
            self.labels = file.read()
        with open(FOLDER + "/cache.bin", "wb") as file:
            file.write(b"cached")

    def process(self, data):
        import lazy

        with open(FOLDER + "/answers.csv", "a") as file:
            file.write("one more")
        database = sqlite3.connect(FOLDER + "/answers.sqlite")
        database.execute("create table if not exists answers (text)")
        database.execute("insert into answers values ('one more')")
        database.commit()
        database.close()
        return f"{{scoring.VERSION}} {{lazy.VERSION}} {{self.labels}}".encode(), 200
"""
ENDLESS_LOG = """
import threading, time


def write():
    with open({path!r}, "a", buffering=1) as file:
        while True:
            file.write("still here\\n")
            time.sleep(0.005)


threading.Thread(target=write, daemon=True).start()
"""


def write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    texts = dict.fromkeys(("scoring.py", "lazy.py", "package/part.py", "other.py"), "VERSION = 1\n")
    write(folder, texts | {"app.py": APP.format(folder=str(folder)), "labels.txt": "one"})
    return folder


@pytest.fixture
def served(services: Services, package: Path) -> Host:
    """The folder with all that is in it, as a description names it."""
    words = {"name": "p", "processor_path": str(package), "processor_entry": "app.py", "processor_type": "python"}
    return services.start(describe(package.parent, **words), reload=True)


def change(host: Host, *names: str, how: Callable[[], object]) -> None:
    """After *how* there is one new version, for the sake of the files *names* alone."""
    host.mark()
    how()
    host.wait_for_log(DONE)
    log = host.new_log()
    [listed] = RELOADED.findall(log)
    assert sorted(Path(path).name for path in listed.split(", ")) == sorted(names), log


def test_of_a_programs_folder_only_what_it_uses_counts(served: Host, package: Path) -> None:
    """Modules, also those that it imports later, and what it reads; not its outputs, nor what lies beside it."""
    assert served.call(b"").body == b"1 1 one"
    others = {"other.py": "VERSION = 2\n", "notes.md": "", "app.py~": "", "#app.py#": "", "4913": "", ".git/HEAD": ""}

    def edit(name: str, text: str) -> None:
        write(package, others)
        assert served.call(b"").status == 200
        write(package, {name: text})

    change(served, "scoring.py", how=lambda: edit("scoring.py", "VERSION = 22\n"))
    assert served.call(b"").body == b"22 1 one"
    change(served, "lazy.py", how=lambda: edit("lazy.py", "VERSION = 22\n"))
    assert served.call(b"").body == b"22 22 one"
    change(served, "labels.txt", how=lambda: edit("labels.txt", "two"))
    assert served.call(b"").body == b"22 22 two"
    change(served, "requirements.txt", how=lambda: edit("requirements.txt", "# none"))
    change(served, "part.py", how=lambda: edit("package/part.py", "VERSION = 2\n\n"))


def test_module_that_was_missing_counts_when_it_comes(served: Host, package: Path) -> None:
    """It is what the program has looked for."""
    text = "try:\n    import fast\nexcept ImportError:\n    pass\nVERSION = 2\n"
    change(served, "scoring.py", how=lambda: write(package, {"scoring.py": text}))
    change(served, "fast.py", how=lambda: write(package, {"fast.py": ""}))


def test_log_that_grows_all_the_time_does_not_keep_a_version_away(served: Host, package: Path) -> None:
    text = ENDLESS_LOG.format(path=str(package / "program.log"))
    change(served, "scoring.py", how=lambda: write(package, {"scoring.py": f"{text}VERSION = 2\n"}))
    change(served, "scoring.py", how=lambda: write(package, {"scoring.py": f"{text}VERSION = 3\n"}))
    assert served.call(b"").body == b"3 1 one"


def test_of_a_programs_own_folder_only_its_modules_count(start: StartHost, package: Path) -> None:
    host = start("python", package / "app.py", reload=True)

    def edit() -> None:
        write(package, {"other.py": "VERSION = 2\n"})
        assert host.call(b"").status == 200
        write(package, {"scoring.py": "VERSION = 22\n"})

    change(host, "scoring.py", how=edit)


@pytest.mark.parametrize("described", [False, True])
def test_of_a_library_the_libraries_count_that_it_loads(
    services: Services, start: StartHost, tmp_path: Path, *, described: bool
) -> None:
    """Not its source, what a compiler makes on the way, or a library that nobody loads."""
    folder = tmp_path / "code"
    part = library(folder / "libpart.so")
    built = library(tmp_path / "libpart.so", flags=("-Wl,--build-id=none",))
    entry = processor(folder / "libentry.so", part, flags=("-Wl,-rpath=.",))
    if described:
        words = {"name": "p", "processor_path": str(folder), "processor_entry": "libentry.so"}
        host = services.start(describe(tmp_path, **words), reload=True)
    else:
        host = start("cpp", entry, reload=True)
    assert host.call(b"").body == b"1"

    def edit() -> None:
        write(folder, {"entry.cc": "int changed;", "entry.o": "", "libentry.so.tmp": ""})
        shutil.copy(part, folder / "libunused.so")
        # As a linker does that takes its time.
        part.unlink()
        built.replace(part)

    change(host, "libpart.so", how=edit)
    assert host.call(b"").body == b"1"
    change(host, "libentry.so", how=lambda: processor(tmp_path / entry.name).replace(entry))
    assert host.call(b"").body == b"0"


def test_of_a_folder_of_jars_the_jars_count(services: Services, builder: ProcessorBuilder, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    write(folder, {"notes.md": "", "Main.java": ""})
    shutil.copy(builder.jar("StringToString"), folder / "main.jar")
    host = services.start(describe(tmp_path, name="p", processor_path=str(folder)), reload=True)

    def edit() -> None:
        write(folder, {"notes.md": "changed", "Main.java": "class Main {}", "service.log": ""})
        shutil.copy(builder.jar("Contract"), folder / "main.jar")

    change(host, "main.jar", how=edit)
    assert host.call(b"x").body == b"x"


def test_python_file_of_a_library_that_runs_python_counts(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """Which of them it imports, nobody tells."""
    folder = tmp_path / "code"
    write(folder, {"helper.py": "", "notes.md": ""})
    shutil.copy(embedding_python(builder, called="starts"), folder)
    host = services.start(
        describe(tmp_path, name="p", processor_path=str(folder), processor_entry="libstarts.so"), reload=True
    )

    def edit() -> None:
        write(folder, {"notes.md": "changed"})
        write(folder, {"helper.py": "changed = True\n"})

    change(host, "helper.py", how=edit)


def test_library_that_is_written_in_steps_is_loaded_when_it_is_whole(start: StartHost, tmp_path: Path) -> None:
    """A load of the first half fails, and does not stay."""
    entry = processor(tmp_path / "code" / "libentry.so")
    host = start("cpp", entry, reload=True)
    whole = processor(tmp_path / "libentry.so", library(tmp_path / "libpart.so"), flags=(f"-Wl,-rpath={tmp_path}",))
    content = whole.read_bytes()
    host.mark()
    host.allow_log("the old version goes on serving")
    entry.write_bytes(content[:4000])
    host.wait_for_log("the old version goes on serving")
    assert host.call(b"").body == b"0"
    with entry.open("ab") as file:
        file.write(content[4000:])
    host.wait_for_log(DONE)
    assert host.call(b"").body == b"1"
