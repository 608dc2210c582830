"""
Links in a folder that is packed: those that stay inside are kept, those that lead out are followed, and what comes of
it unpacks under the rules for archives of strangers.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eas_host.errors import EntryInvalid
from eas_host.fetch.unpacking.archive import unpack
from eas_host.pack import pack_folder
from eas_host.pack.archive.member import PackedArchive
from support.tars import content, links, names, plant


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to be packed, beside another one with a file in it."""
    plant(tmp_path / "outside", {"file": "from outside", "inner/deep": "deep"})
    return plant(tmp_path / "demo", {"app.py": "", "lib/real": "inside"})


def link(folder: Path, /, **targets: str | Path) -> None:
    for name, target in targets.items():
        (folder / name).symlink_to(target)


def packed_links(folder: Path) -> tuple[PackedArchive, dict[str, str]]:
    """The package of *folder*, which must unpack as any other one, and the links in it."""
    packed = pack_folder(folder)
    unpack(packed.path, folder.with_name("out"))
    return packed, links(packed.path)


def followed(packed: PackedArchive, folder: Path) -> dict[str, str]:
    return {link.name: os.path.relpath(link.source, folder.parent) for link in packed.followed}


def test_links_that_stay_inside(folder: Path) -> None:
    """They are kept in their own words: to files, to folders, to other links, to the folder itself."""
    link(folder, lib64="lib", one="lib/real", two="one", here=".", up="lib/../lib64")
    (folder / "lib" / "back").symlink_to("../app.py")
    packed, kept = packed_links(folder)
    assert kept == {
        "here": ".",
        "lib/back": "../app.py",
        "lib64": "lib",
        "one": "lib/real",
        "two": "one",
        "up": "lib/../lib64",
    }
    assert packed.followed == ()


def test_absolute_links_that_lead_inside(folder: Path) -> None:
    """They become relative, so that they lead inside wherever the package is unpacked."""
    link(folder, one=folder / "lib" / "real", top=folder)
    (folder / "lib" / "app").symlink_to(folder / "app.py")
    other_name = folder.with_name("another name")
    other_name.symlink_to(folder)
    link(folder, two=other_name / "lib" / "real")
    assert packed_links(folder)[1] == {"lib/app": "../app.py", "one": "lib/real", "top": ".", "two": "lib/real"}


def test_links_out_to_files(folder: Path) -> None:
    """The first link that leads out becomes the file; those that lead to it inside stay links to it."""
    link(folder, python3=folder.parent / "outside" / "file", python="python3", again="../outside/file")
    packed, kept = packed_links(folder)
    assert kept == {"python": "python3"}
    assert content(packed.path, "python3") == content(packed.path, "again") == b"from outside"
    assert followed(packed, folder) == {"again": "outside/file", "python3": "outside/file"}


def test_a_file_from_outside_keeps_its_run_bit(folder: Path) -> None:
    (folder.parent / "outside" / "file").chmod(0o700)
    link(folder, tool="../outside/file")
    pack_folder(folder)
    unpack(folder.with_name("demo.tar.gz"), folder.with_name("out"))
    assert os.access(folder.with_name("out") / "tool", os.X_OK)


def test_links_out_to_folders(folder: Path) -> None:
    """Their contents are packed; links inside them that stay inside stay links, others are followed in turn."""
    outside = folder.parent / "outside"
    link(outside, same="file", absolute=outside / "inner", far="/etc/hostname", home=folder / "app.py")
    link(folder, data="../outside")
    packed, kept = packed_links(folder)
    assert kept == {"data/absolute": "inner", "data/home": "../app.py", "data/same": "file"}
    assert content(packed.path, "data/inner/deep") == b"deep"
    assert followed(packed, folder)["data"] == "outside"
    assert "data/far" in {link.name for link in packed.followed}


def test_what_is_left_out_is_not_followed(folder: Path) -> None:
    """.easignore speaks of links too, of those to folders with a slash as well, and of what is behind them."""
    plant(folder, {".easignore": "gone\nfolder/\n*.log\n"})
    plant(folder.parent / "outside", {"x.log": ""})
    link(folder, gone="/no/such/file", folder="../outside/inner", data="../outside")
    packed, _ = packed_links(folder)
    assert names(packed.path) == ["app.py", "data", "data/file", "data/inner", "data/inner/deep", "lib", "lib/real"]


def test_links_to_what_is_left_out(folder: Path) -> None:
    """They would lead nowhere, so they are left out too, with a word for each."""
    plant(folder, {".easignore": "secret\n", "secret": "x"})
    link(folder, one="secret", two="one")
    packed, kept = packed_links(folder)
    assert kept == {}
    assert [note for note in packed.notes if "which it leads" in note] == [
        "one: left out, as is secret, to which it leads",
        "two: left out, as is one, to which it leads",
    ]


@pytest.mark.parametrize("target", ["nothing", "/no/such/place", "../outside/nothing", "app.py/x"])
def test_dangling(folder: Path, target: str) -> None:
    """A link that leads nowhere is an error that names it, and no archive is made."""
    (folder / "lib" / "broken").symlink_to(target)
    with pytest.raises(EntryInvalid, match=f"demo/lib/broken: a link to {target}, which is not there"):
        pack_folder(folder)
    assert not folder.with_name("demo.tar.gz").exists()


def test_circles(folder: Path) -> None:
    link(folder, one="two", two="one")
    with pytest.raises(EntryInvalid, match="demo/one: a link that leads in a circle"):
        pack_folder(folder)


@pytest.mark.parametrize("target", ["../..", "/", "../../.."])
def test_a_folder_that_holds_the_link(folder: Path, target: str) -> None:
    """To follow it would never end."""
    (folder / "lib" / "up").symlink_to(target)
    with pytest.raises(EntryInvalid, match=r"demo/lib/up: a link to /.*, which holds the link itself"):
        pack_folder(folder)


def test_a_circle_through_the_outside(folder: Path) -> None:
    """Folders outside that lead to each other are packed once, and the way back is a link."""
    link(folder.parent / "outside", peer=folder.parent / "peer")
    plant(folder.parent / "peer", {"x": ""})
    link(folder.parent / "peer", back=folder.parent / "outside")
    link(folder, data="../outside")
    packed, kept = packed_links(folder)
    assert kept == {"data/peer/back": ".."}
    assert "data/peer/x" in names(packed.path)


def test_unreadable(folder: Path) -> None:
    """A file that cannot be read is an error that names it, and no archive is made. Nobody can read this one."""
    link(folder, memory="/proc/self/mem")
    with pytest.raises(EntryInvalid, match=r"/proc/\d+/mem: cannot be read: "):
        pack_folder(folder)
    assert list(folder.parent.glob("*.tar.gz")) + list(folder.parent.glob(".*")) == []
