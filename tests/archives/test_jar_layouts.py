"""
Jars that hold jars: Spring Boot's, web applications, jars with their libraries in lib/.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from eas_host.archives import jar_layouts
from support.build import ProcessorBuilder
from support.command import run
from support.host import StartHost
from support.service import Services, describe, services, tar

__all__ = ["services"]

MANIFEST = "Manifest-Version: 1.0\r\n\r\n"


class Shape(NamedTuple):
    """A layout: what such a file is called, and where it has its parts."""

    file: str
    classes: str
    libraries: str
    called: str


BOOT = Shape("app.jar", "BOOT-INF/classes/", "BOOT-INF/lib/", "a Spring Boot jar")
WAR = Shape("app.war", "WEB-INF/classes/", "WEB-INF/lib/", "a web application (WAR)")
LIB = Shape("app.jar", "", "lib/", "a jar with jars in lib/")
shapes = pytest.mark.parametrize("shape", [BOOT, WAR, LIB], ids=["boot", "war", "lib"])


class Packer:
    """Packs processors as build tools do."""

    def __init__(self, builder: ProcessorBuilder, folder: Path) -> None:
        self._builder = builder
        self._folder = folder

    def members(self, shape: Shape) -> dict[str, bytes]:
        """A processor, and the library that it needs as a jar inside."""
        return {
            "META-INF/MANIFEST.MF": MANIFEST.encode(),
            f"{shape.classes}UsesLibrary.class": (self._builder.classes() / "UsesLibrary.class").read_bytes(),
            f"{shape.libraries}part.jar": self._builder.jar("LibraryPart").read_bytes(),
        }

    def pack(self, shape: Shape, members: Mapping[str, bytes] | None = None) -> Path:
        return self.zip(self._folder / shape.file, members or self.members(shape))

    def zip(self, target: Path, members: Mapping[str, bytes]) -> Path:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as jar:
            for name, data in members.items():
                jar.writestr(name, data)
        return target


@pytest.fixture
def packer(builder: ProcessorBuilder, tmp_path: Path) -> Packer:
    return Packer(builder, tmp_path)


@shapes
@pytest.mark.parametrize("mainclass", ["UsesLibrary", None])
def test_served(start: StartHost, packer: Packer, tmp_path: Path, shape: Shape, mainclass: str | None) -> None:
    """The class is found, named or not, and what it needs with it; what was unpacked goes with the host."""
    host = start("java", packer.pack(shape), mainclass=mainclass, cache=tmp_path / "cache")
    assert host.path == "/api/predict/app"
    assert host.call(b"").body == b"from the library"
    assert len(list((tmp_path / "cache").glob("workspaces/*/unpacked/*"))) == 1
    host.stop()
    assert list((tmp_path / "cache").glob("workspaces/*")) == []


@shapes
def test_as_another_user(start: StartHost, packer: Packer, tmp_path: Path, shape: Shape) -> None:
    """What was unpacked is that user's to read, and the sandbox shows it."""
    tmp_path.chmod(0o755)
    user = "nobody" if os.geteuid() == 0 else None
    host = start("java", packer.pack(shape), cache=tmp_path / "cache", sandbox=True, user=user)
    assert host.call(b"").body == b"from the library"


def test_without_a_type(packer: Packer) -> None:
    """The ending of a WAR tells its type, as that of a jar does; so does the folder of either."""
    ended = run("--entry", packer.pack(WAR), "--mainclass", "Gone")
    ended.fails_with(3, "app.war: there is no class Gone")


def test_in_the_hosts_own_process(start: StartHost, packer: Packer, tmp_path: Path) -> None:
    host = start("java", packer.pack(BOOT), isolation="none", cache=tmp_path / "cache")
    assert host.call(b"").body == b"from the library"


@pytest.mark.parametrize("shape", [BOOT, WAR], ids=["boot", "war"])
def test_unpacked_by_its_user(start: StartHost, packer: Packer, tmp_path: Path, shape: Shape) -> None:
    """The folder that such a jar was unpacked to is the same program."""
    with zipfile.ZipFile(packer.pack(shape)) as jar:
        jar.extractall(tmp_path / "folder")
    assert start("java", tmp_path / "folder").call(b"").body == b"from the library"


def test_reload(start: StartHost, packer: Packer, tmp_path: Path) -> None:
    """A version has its own: the jar may be overwritten, and the next version is what it then holds."""
    members = packer.members(BOOT)
    host = start("java", packer.pack(BOOT), reload=True, cache=tmp_path / "cache")
    assert host.call(b"").body == b"from the library"
    classes = tmp_path / "classes"
    source = tmp_path / "LibraryPart.java"
    source.write_text('public class LibraryPart { static String says() { return "changed"; } }')
    ProcessorBuilder(tmp_path).compiled(source, classes)
    packer.zip(tmp_path / "part.jar", {"LibraryPart.class": (classes / "LibraryPart.class").read_bytes()})
    packer.pack(BOOT, members | {"BOOT-INF/lib/part.jar": (tmp_path / "part.jar").read_bytes()})
    host.wait_for_log(r"^\[INFO\] Service reload successfully$")
    assert host.call(b"").body == b"changed"


@pytest.mark.parametrize(
    ("shape", "how"),
    [(BOOT, "file"), (BOOT, "archive"), (BOOT, "content"), (WAR, "archive"), (WAR, "content"), (LIB, "archive")],
)
def test_packages(services: Services, packer: Packer, tmp_path: Path, shape: Shape, how: str) -> None:
    """In a package: as the file itself, in an archive, or as the content of one. `desc` sees the same."""
    members = packer.members(shape)
    path = packer.pack(shape, members)
    if how == "archive":
        path = tar(tmp_path / "package.tar.gz", {f"target/{shape.file}": path})
    elif how == "content":
        path = tar(tmp_path / "package.tar.gz", members)
    description = describe(
        tmp_path, name="packed", processor_path=str(path), processor_type="java", processor_mainclass="UsesLibrary"
    )
    ended = services.run("desc", description, "--json")
    assert ended.code == 0, ended.stderr
    told = json.loads(ended.stdout)["models"][0]["abi"]
    assert told["layout"] == shape.called
    assert told["java"] == 11
    assert "part.jar" in told["jars"]
    assert services.start(description).call(b"").body == b"from the library"


@shapes
def test_a_class_that_is_not_there(packer: Packer, tmp_path: Path, shape: Shape) -> None:
    """The classes that a message offers have the names that they have in the program."""
    for name in ("UsesLibary", "com.acme.UsesLibrary"):
        ended = run("--entry", packer.pack(shape), "--mainclass", name, "--cache", tmp_path / "cache")
        ended.fails_with(3, f"there is no class {name}; did you mean UsesLibrary?")


def test_order_of_the_libraries(start: StartHost, packer: Packer, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The libraries stay in the order in which they were packed: the class path of whoever built the jar."""
    source = tmp_path / "LibraryPart.java"
    source.write_text('public class LibraryPart { static String says() { return "other"; } }')
    other = builder.compiled(source, tmp_path / "classes") / "LibraryPart.class"
    packer.zip(tmp_path / "other.jar", {"LibraryPart.class": other.read_bytes()})
    members = packer.members(BOOT)
    library = members.pop("BOOT-INF/lib/part.jar")
    members |= {"BOOT-INF/lib/z.jar": (tmp_path / "other.jar").read_bytes(), "BOOT-INF/lib/a.jar": library}
    host = start("java", packer.pack(BOOT, members), mainclass="UsesLibrary", cache=tmp_path / "cache")
    assert host.call(b"").body == b"other"


def test_only_the_entry_is_unpacked(packer: Packer, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """What --classpath names is taken as Java takes it: a library's lib/ may be for the library's own use."""
    packer.zip(tmp_path / "library.jar", {"lib/part.jar": builder.jar("LibraryPart").read_bytes()})
    ended = run("--entry", builder.jar("UsesLibrary"), "--classpath", tmp_path / "library.jar")
    ended.fails_with(3, "class LibraryPart is missing")


def test_what_leads_out_is_refused(packer: Packer, tmp_path: Path) -> None:
    """Unpacking is as safe as that of any archive, and nothing is left of it."""
    members = packer.members(BOOT) | {"BOOT-INF/classes/../../../../../evil.class": b"x"}
    ended = run("--entry", packer.pack(BOOT, members), "--cache", tmp_path / "cache")
    ended.fails_in_one_line(3, "app.jar: not unpacked: its member", "leads out of the folder")
    assert list((tmp_path / "cache").glob("workspaces/*")) == []
    assert list(tmp_path.rglob("evil.class")) == []


def test_other_layouts_are_told(packer: Packer, tmp_path: Path) -> None:
    """Where jars lie elsewhere in a jar without classes, it is said what to do."""
    ear = packer.zip(tmp_path / "app.ear", {"META-INF/application.xml": b"<x/>", "web/shop.war": b"x"})
    ended = run("--entry", ear, "--processor-type", "java")
    ended.fails_with(
        3, "app.ear: there is no class in it, but jars such as web/shop.war; unpack it, and name the folder"
    )


@shapes
def test_packing(packer: Packer, tmp_path: Path, shape: Shape) -> None:
    """`pack` takes it, and says that EAS may not know the layout."""
    ended = run("pack", packer.pack(shape), "-o", tmp_path / "out.tar.gz")
    assert ended.code == 0, ended.stderr
    assert f"{shape.file} is {shape.called}: this host unpacks what is inside, EAS may not" in ended.stderr


def test_told_by_the_directory(packer: Packer, tmp_path: Path) -> None:
    """Only the names of members tell, from their beginning on; what is no zip has no layout."""
    plain = {
        "x/BOOT-INF/classes/A.class": b"x",
        "lib/readme.txt": b"lib/x.jar",
        "lib/deep/x.jar": b"x",
        "mylib/x.jar": b"",
    }
    assert jar_layouts.layout(packer.zip(tmp_path / "plain.jar", plain)) is None
    (tmp_path / "text.jar").write_text("BOOT-INF/classes/")
    assert jar_layouts.layout(tmp_path / "text.jar") is None
    assert jar_layouts.layout(tmp_path / "gone.jar") is None
    script = tmp_path / "executable.jar"
    script.write_bytes(b"#!/bin/sh\nexit\n" + packer.pack(BOOT).read_bytes())
    assert jar_layouts.layout(script) is jar_layouts.SPRING_BOOT
