"""
`--reload` with a description: each change in it makes another version, and while that one is broken the old one serves.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.build import ProcessorBuilder
from support.fileserver import FileServer
from support.service import Services, describe, services, tar
from support.wire import request

__all__ = ["services"]

DONE = r"^\[INFO\] Service reload successfully$"
REFUSED = "the old version goes on serving"
SHOWN = "s3cret"

APP = """
import allspark

with open("../../model/version.txt") as file:
    MODEL = file.read()


class Versioned(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return f"{version} {{MODEL}}|".encode() + data, 200
"""
CONFIGURED = """
import os

import allspark


class Configured(allspark.BaseProcessor):
    def initialize(self):
        self.config = os.environ["SERVICE_CONFIG"]

    def process(self, data):
        return self.config, 200
"""


class ChangingService:
    """A service whose files a test changes, and the words of what serves."""

    def __init__(self, services: Services, description: Path) -> None:
        self.host = services.start(description, reload=True)
        self.host.mark()

    def answers(self, text: str) -> None:
        assert self.host.call(b"x").text == text

    def change(self, how: Callable[[], object], text: str) -> None:
        """After *how* another version serves, which answers *text*."""
        self.host.mark()
        how()
        self.host.wait_for_log(DONE)
        self.answers(text)

    def break_(self, how: Callable[[], object], why: str, text: str) -> None:
        """After *how* the version that answers *text* still does; the log says *why*, without a trace of ours."""
        self.host.mark()
        self.host.allow_log(REFUSED)
        how()
        self.host.wait_for_log(f"{why}.*{REFUSED}")
        self.answers(text)


def rewrite(path: Path, text: str) -> Callable[[], object]:
    return lambda: path.write_text(text, encoding="utf-8")


def replace(path: Path, source: Path) -> Callable[[], object]:
    """As a compiler or a copy does: over the old file."""
    return lambda: shutil.copy(source, path)


# What lies on this machine.


def test_change_of_a_program_or_its_model_is_reloaded(services: Services, tmp_path: Path) -> None:
    """The folders are the user's; each change makes another version."""
    (tmp_path / "code").mkdir()
    (tmp_path / "model").mkdir()
    entry, model = tmp_path / "code" / "app.py", tmp_path / "model" / "version.txt"
    entry.write_text(APP.format(version="a"), encoding="utf-8")
    model.write_text("1", encoding="utf-8")
    service = ChangingService(
        services, describe(tmp_path, name="p", processor_path="code", processor_entry="app.py", model_path="model")
    )
    service.answers("a 1|x")
    service.change(rewrite(entry, APP.format(version="b")), "b 1|x")
    service.break_(rewrite(entry, "import nothing_of_that_name\n"), "nothing_of_that_name", "b 1|x")
    service.change(rewrite(entry, APP.format(version="c")), "c 1|x")
    service.change(rewrite(model, "2"), "c 2|x")
    service.break_(model.unlink, "version.txt", "c 2|x")
    service.change(rewrite(model, "3"), "c 3|x")


def test_change_of_a_library_or_its_model_in_place_is_reloaded(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """While it serves."""
    built = {number: builder.cpp("versioned", f"-DVERSION={number}") for number in (-1, 1, 2, 3)}
    (tmp_path / "code").mkdir()
    entry, model = tmp_path / "code" / "libversioned.so", tmp_path / "version.txt"
    shutil.copy(built[1], entry)
    model.write_text("1\n", encoding="utf-8")
    service = ChangingService(services, describe(tmp_path, name="l", processor_path="code", model_path="version.txt"))
    service.answers("1 1|x")
    service.change(replace(entry, built[2]), "2 1|x")
    service.break_(replace(entry, built[-1]), "7", "2 1|x")
    service.change(replace(entry, built[3]), "3 1|x")
    service.change(rewrite(model, "2\n"), "3 2|x")


def test_change_of_a_jar_is_reloaded(services: Services, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """A bare file: what is named is watched, not what lies beside it."""
    jar = tmp_path / "main.jar"
    shutil.copy(builder.jar("StringToString"), jar)
    service = ChangingService(services, describe(tmp_path, name="j", processor_path="main.jar"))
    service.answers("<x>")
    service.break_(rewrite(jar, "no jar"), r"main\.jar", "<x>")
    service.change(replace(jar, builder.jar("Contract")), "x")


def test_change_of_an_archive_is_reloaded(services: Services, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Half an archive is refused."""
    built = {number: builder.cpp("versioned", f"-DVERSION={number}") for number in (1, 2)}
    archive = tar(tmp_path / "package.tar.gz", {"libversioned.so": built[1]})
    (tmp_path / "version.txt").write_text("m\n", encoding="utf-8")
    keys = {"processor_path": "package.tar.gz", "model_path": "version.txt"}
    service = ChangingService(services, describe(tmp_path, name="a", **keys))
    service.answers("1 m|x")
    whole = archive.read_bytes()
    service.break_(
        lambda: archive.write_bytes(whole[: len(whole) // 2]), r"processor_path: .*package\.tar\.gz", "1 m|x"
    )
    service.change(lambda: tar(archive, {"libversioned.so": built[2]}), "2 m|x")


# The description.


def test_change_of_description_fields_is_reloaded(services: Services, tmp_path: Path) -> None:
    """Options, the token and what a processor reads; nothing of a wrong description counts."""
    (tmp_path / "app.py").write_text(CONFIGURED, encoding="utf-8")

    def written(**keys: object) -> Path:
        return describe(tmp_path, name="f", processor_path="app.py", **keys)

    host = services.start(written(), reload=True)

    def change(**keys: object) -> None:
        host.mark()
        written(**keys)
        host.wait_for_log(DONE)

    def told(token: str = "") -> dict[str, Any]:
        with host.connect() as client:
            headers = [("Authorization", token)] if token else []
            answer = client.send(request(path=host.path, body=b"x", headers=headers)).read()
        assert answer.status == 200
        seen: dict[str, Any] = json.loads(answer.text)
        return seen

    change(model_config={"k": 1}, metadata={"rpc": {"worker_threads": 2}})
    assert told()["model_config"] == {"k": 1}
    change(token=SHOWN, metadata={"rpc.keepalive": 60000})
    assert host.call(b"x").status == 401
    assert told(SHOWN)["metadata"] == {"rpc.keepalive": 60000}
    host.mark()
    host.allow_log(REFUSED)
    written(metadata={"rpc": {"keepalive": "soon"}})
    host.wait_for_log(f"service.json:1:.*keepalive.*{REFUSED}")
    assert host.call(b"x").status == 401
    assert told(SHOWN)["token"] == SHOWN
    change()
    assert "token" not in told()


def test_change_of_the_description_fetches_its_urls_again(
    services: Services, server: FileServer, tmp_path: Path
) -> None:
    """Nobody watches a server."""

    def put(version: str, etag: str) -> None:
        server.put("/app.py", APP.format(version=version).encode(), etag=etag)

    put("a", '"1"')
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "version.txt").write_text("m", encoding="utf-8")

    def written(**keys: object) -> Callable[[], object]:
        keys = {"name": "u", "processor_path": server.url("/app.py"), "model_path": "model", **keys}
        return lambda: describe(tmp_path, **keys)

    written()()
    service = ChangingService(services, tmp_path / "service.json")
    service.answers("a m|x")
    put("b", '"2"')
    service.answers("a m|x")
    service.change(written(model_config="2"), "b m|x")
    absent = server.url("/absent.py")
    service.break_(written(processor_path=absent), re.escape(absent), "b m|x")
    put("c", '"3"')
    service.change(written(model_config="3"), "c m|x")
