"""
Links in a folder that is packed: those that stay inside are kept, those that lead out are followed, and the package
unpacks under the rules for archives of strangers.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eas_host.errors import EntryInvalid
from eas_host.fetch.unpacking.archive import unpack
from eas_host.pack.archive.member import PackedArchive
from eas_host.pack.python_folder import pack_folder
from support.tars import content, links, names, write_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to be packed, beside another one with a file in it."""
    write_files(tmp_path / "outside", {"file": "from outside", "inner/deep": "deep"})
    return write_files(tmp_path / "demo", {"app.py": "", "lib/real": "inside"})


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


def test_links_inside_the_folder_are_kept_unchanged(folder: Path) -> None:
    """The links lead to files, to folders, to other links, and to the folder itself."""
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


def test_absolute_links_into_the_folder_become_relative(folder: Path) -> None:
    """Relative links lead inside wherever the package is unpacked."""
    link(folder, one=folder / "lib" / "real", top=folder)
    (folder / "lib" / "app").symlink_to(folder / "app.py")
    other_name = folder.with_name("another name")
    other_name.symlink_to(folder)
    link(folder, two=other_name / "lib" / "real")
    assert packed_links(folder)[1] == {"lib/app": "../app.py", "one": "lib/real", "top": ".", "two": "lib/real"}


def test_link_to_a_file_outside_becomes_that_file(folder: Path) -> None:
    """Links to this link inside the folder stay links."""
    link(folder, python3=folder.parent / "outside" / "file", python="python3", again="../outside/file")
    packed, kept = packed_links(folder)
    assert kept == {"python": "python3"}
    assert content(packed.path, "python3") == content(packed.path, "again") == b"from outside"
    assert followed(packed, folder) == {"again": "outside/file", "python3": "outside/file"}


def test_file_from_outside_keeps_its_run_bit(folder: Path) -> None:
    (folder.parent / "outside" / "file").chmod(0o700)
    link(folder, tool="../outside/file")
    pack_folder(folder)
    unpack(folder.with_name("demo.tar.gz"), folder.with_name("out"))
    assert os.access(folder.with_name("out") / "tool", os.X_OK)


def test_link_to_a_folder_outside_becomes_its_contents(folder: Path) -> None:
    """Links inside that folder that stay inside stay links, others are followed in turn."""
    outside = folder.parent / "outside"
    link(outside, same="file", absolute=outside / "inner", far="/etc/hostname", home=folder / "app.py")
    link(folder, data="../outside")
    packed, kept = packed_links(folder)
    assert kept == {"data/absolute": "inner", "data/home": "../app.py", "data/same": "file"}
    assert content(packed.path, "data/inner/deep") == b"deep"
    assert followed(packed, folder)["data"] == "outside"
    assert "data/far" in {link.name for link in packed.followed}


def test_ignored_link_is_not_followed(folder: Path) -> None:
    """.easignore speaks of links too, of those to folders with a slash as well, and of what is behind them."""
    write_files(folder, {".easignore": "gone\nfolder/\n*.log\n"})
    write_files(folder.parent / "outside", {"x.log": ""})
    link(folder, gone="/no/such/file", folder="../outside/inner", data="../outside")
    packed, _ = packed_links(folder)
    assert names(packed.path) == ["app.py", "data", "data/file", "data/inner", "data/inner/deep", "lib", "lib/real"]


def test_links_to_ignored_files_are_left_out_with_a_note(folder: Path) -> None:
    """Such links would lead nowhere."""
    write_files(folder, {".easignore": "secret\n", "secret": "x"})
    link(folder, one="secret", two="one")
    packed, kept = packed_links(folder)
    assert kept == {}
    assert [note for note in packed.notes if "which it leads" in note] == [
        "one: left out, as is secret, to which it leads",
        "two: left out, as is one, to which it leads",
    ]


@pytest.mark.parametrize("target", ["nothing", "/no/such/place", "../outside/nothing", "app.py/x"])
def test_dangling_link_is_refused(folder: Path, target: str) -> None:
    """The message names the link, and no archive is made."""
    (folder / "lib" / "broken").symlink_to(target)
    with pytest.raises(EntryInvalid, match=f"demo/lib/broken: a link to {target}, which is not there"):
        pack_folder(folder)
    assert not folder.with_name("demo.tar.gz").exists()


def test_circular_links_are_refused(folder: Path) -> None:
    link(folder, one="two", two="one")
    with pytest.raises(EntryInvalid, match="demo/one: a link that leads in a circle"):
        pack_folder(folder)


@pytest.mark.parametrize("target", ["../..", "/", "../../.."])
def test_link_to_a_folder_that_holds_it_is_refused(folder: Path, target: str) -> None:
    """Whoever follows it comes to no end."""
    (folder / "lib" / "up").symlink_to(target)
    with pytest.raises(EntryInvalid, match=r"demo/lib/up: a link to /.*, which holds the link itself"):
        pack_folder(folder)


def test_folders_outside_that_link_to_each_other_are_packed_once(folder: Path) -> None:
    """The way back is a link."""
    link(folder.parent / "outside", peer=folder.parent / "peer")
    write_files(folder.parent / "peer", {"x": ""})
    link(folder.parent / "peer", back=folder.parent / "outside")
    link(folder, data="../outside")
    packed, kept = packed_links(folder)
    assert kept == {"data/peer/back": ".."}
    assert "data/peer/x" in names(packed.path)


def test_unreadable_file_is_refused(folder: Path) -> None:
    """The message names the file, and no archive is made. Nobody can read this one."""
    link(folder, memory="/proc/self/mem")
    with pytest.raises(EntryInvalid, match=r"/proc/\d+/mem: cannot be read: "):
        pack_folder(folder)
    assert list(folder.parent.glob("*.tar.gz")) + list(folder.parent.glob(".*")) == []
