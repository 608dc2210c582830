"""
Jars that contain jars are served: Spring Boot's, web applications, and jars with their libraries in lib/.
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
def test_class_and_its_libraries_are_found_inside_the_jar(
    start: StartHost, packer: Packer, tmp_path: Path, shape: Shape, mainclass: str | None
) -> None:
    """The class is found with or without --mainclass; what was unpacked is removed with the host."""
    host = start("java", packer.pack(shape), mainclass=mainclass, cache=tmp_path / "cache")
    assert host.path == "/api/predict/app"
    assert host.call(b"").body == b"from the library"
    assert len(list((tmp_path / "cache").glob("workspaces/*/unpacked/*"))) == 1
    host.stop()
    assert list((tmp_path / "cache").glob("workspaces/*")) == []


@shapes
def test_unpacked_jar_is_readable_for_user_and_sandbox(
    start: StartHost, packer: Packer, tmp_path: Path, shape: Shape
) -> None:
    tmp_path.chmod(0o755)
    user = "nobody" if os.geteuid() == 0 else None
    host = start("java", packer.pack(shape), cache=tmp_path / "cache", sandbox=True, user=user)
    assert host.call(b"").body == b"from the library"


def test_war_ending_tells_the_processor_type(packer: Packer) -> None:
    """The option --processor-type is not given."""
    ended = run("--entry", packer.pack(WAR), "--mainclass", "Gone")
    ended.fails_with(3, "app.war: there is no class Gone")


def test_nested_jar_is_served_with_isolation_none(start: StartHost, packer: Packer, tmp_path: Path) -> None:
    host = start("java", packer.pack(BOOT), isolation="none", cache=tmp_path / "cache")
    assert host.call(b"").body == b"from the library"


@pytest.mark.parametrize("shape", [BOOT, WAR], ids=["boot", "war"])
def test_folder_that_the_user_unpacked_is_served_like_the_jar(
    start: StartHost, packer: Packer, tmp_path: Path, shape: Shape
) -> None:
    with zipfile.ZipFile(packer.pack(shape)) as jar:
        jar.extractall(tmp_path / "folder")
    assert start("java", tmp_path / "folder").call(b"").body == b"from the library"


def test_reload_serves_the_overwritten_jar(start: StartHost, packer: Packer, tmp_path: Path) -> None:
    """Each version unpacks the jar for itself, so that it may be overwritten."""
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
def test_nested_jar_in_a_package_is_served_and_described(
    services: Services, packer: Packer, tmp_path: Path, shape: Shape, how: str
) -> None:
    """The jar is the package itself, in an archive, or the archive holds its content. `desc` sees the same."""
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
def test_missing_class_suggests_the_name_that_the_program_uses(packer: Packer, tmp_path: Path, shape: Shape) -> None:
    """The suggested name has no folder of the layout, such as BOOT-INF/classes, in front."""
    for name in ("UsesLibary", "com.acme.UsesLibrary"):
        ended = run("--entry", packer.pack(shape), "--mainclass", name, "--cache", tmp_path / "cache")
        ended.fails_with(3, f"there is no class {name}; did you mean UsesLibrary?")


def test_libraries_keep_the_order_in_which_they_were_packed(
    start: StartHost, packer: Packer, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """This order is the class path of whoever built the jar."""
    source = tmp_path / "LibraryPart.java"
    source.write_text('public class LibraryPart { static String says() { return "other"; } }')
    other = builder.compiled(source, tmp_path / "classes") / "LibraryPart.class"
    packer.zip(tmp_path / "other.jar", {"LibraryPart.class": other.read_bytes()})
    members = packer.members(BOOT)
    library = members.pop("BOOT-INF/lib/part.jar")
    members |= {"BOOT-INF/lib/z.jar": (tmp_path / "other.jar").read_bytes(), "BOOT-INF/lib/a.jar": library}
    host = start("java", packer.pack(BOOT, members), mainclass="UsesLibrary", cache=tmp_path / "cache")
    assert host.call(b"").body == b"other"


def test_jar_on_the_classpath_option_is_not_unpacked(packer: Packer, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """A jar of --classpath is taken as Java takes it: its lib/ may be for its own use."""
    packer.zip(tmp_path / "library.jar", {"lib/part.jar": builder.jar("LibraryPart").read_bytes()})
    ended = run("--entry", builder.jar("UsesLibrary"), "--classpath", tmp_path / "library.jar")
    ended.fails_with(3, "class LibraryPart is missing")


def test_member_that_leads_out_of_the_folder_is_refused(packer: Packer, tmp_path: Path) -> None:
    """Nothing is written, and no workspace is left."""
    members = packer.members(BOOT) | {"BOOT-INF/classes/../../../../../evil.class": b"x"}
    ended = run("--entry", packer.pack(BOOT, members), "--cache", tmp_path / "cache")
    ended.fails_in_one_line(3, "app.jar: not unpacked: its member", "leads out of the folder")
    assert list((tmp_path / "cache").glob("workspaces/*")) == []
    assert list(tmp_path.rglob("evil.class")) == []


def test_unknown_layout_asks_to_unpack_and_name_the_folder(packer: Packer, tmp_path: Path) -> None:
    """The jar has no classes and holds jars elsewhere."""
    ear = packer.zip(tmp_path / "app.ear", {"META-INF/application.xml": b"<x/>", "web/shop.war": b"x"})
    ended = run("--entry", ear, "--processor-type", "java")
    ended.fails_with(
        3, "app.ear: there is no class in it, but jars such as web/shop.war; unpack it, and name the folder"
    )


@shapes
def test_pack_warns_that_eas_may_not_unpack_the_layout(packer: Packer, tmp_path: Path, shape: Shape) -> None:
    ended = run("pack", packer.pack(shape), "-o", tmp_path / "out.tar.gz")
    assert ended.code == 0, ended.stderr
    assert f"{shape.file} is {shape.called}: this host unpacks what is inside, EAS may not" in ended.stderr


def test_layout_is_recognised_by_the_beginning_of_member_names(packer: Packer, tmp_path: Path) -> None:
    """A file that is no zip has no layout."""
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
