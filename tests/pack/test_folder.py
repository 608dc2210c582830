"""
The package of a Python processor's folder: what is in it, what is left out, and what the report says.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from eas_host.errors import ConfigError, EntryNotFound
from eas_host.fetch.unpacking.archive import unpack
from eas_host.pack.archive.member import PackedArchive
from eas_host.pack.python_folder import pack_folder
from eas_host.pack.report import report, short_size
from support.tars import content, names, write_files


def test_archive_lies_beside_the_folder_and_holds_its_contents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The archive bears the folder's name; EASCMD's line says where it is."""
    folder = write_files(
        tmp_path / "demo", {"app.py": "print()", "ENV/bin/python": b"\x7fELF", "model/a.bin": b"\0" * 9}
    )
    (folder / "empty").mkdir()
    packed = pack_folder(folder)
    assert packed.path == tmp_path / "demo.tar.gz"
    assert names(packed.path) == ["ENV", "ENV/bin", "ENV/bin/python", "app.py", "empty", "model", "model/a.bin"]
    assert content(packed.path, "model/a.bin") == b"\0" * 9
    assert (packed.files, packed.size, packed.packed_size) == (3, 20, packed.path.stat().st_size)
    assert capsys.readouterr().out == f"[PYSDK] Creating package: {tmp_path}/demo.tar.gz\n"


def test_archive_is_named_after_the_real_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pack .` and a link to the folder put it beside that."""
    folder = write_files(tmp_path / "real" / "demo", {"app.py": ""})
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    for name in (".", "../demo/", str(tmp_path / "link")):
        assert pack_folder(Path(name)).path == tmp_path / "real" / "demo.tar.gz"


def test_archive_inside_the_folder_is_not_packed_into_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time either."""
    folder = write_files(tmp_path / "demo", {"app.py": ""})
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert names(pack_folder(folder, Path("demo/out.tgz")).path) == ["app.py"]


def test_path_that_is_not_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EntryNotFound, match="file: not a folder"):
        pack_folder(tmp_path / "file")
    with pytest.raises(EntryNotFound, match="nothing: no such folder"):
        pack_folder(tmp_path / "nothing")
    with pytest.raises(EntryNotFound, match="root of the file system"):
        pack_folder(Path("/"))


# What is left out.

LEFT_OUT = [".git/config", "x/__pycache__/app.cpython-311.pyc", ".DS_Store", "x/.DS_Store", ".easignore", "x/old.pyc"]
TAKEN = [".gitignore", "x/old.py", "x/only.pyc", "x/.easignore"]


def test_version_control_and_caches_are_left_out(tmp_path: Path) -> None:
    """A .pyc is a cache only where its source lies beside it."""
    folder = write_files(tmp_path / "demo", dict.fromkeys([*LEFT_OUT, *TAKEN], ""))
    assert [name for name in names(pack_folder(folder).path) if name != "x"] == sorted(TAKEN)


def ignore(folder: Path, text: str | bytes, *files: str) -> list[str]:
    """The names that are packed of *files* with this .easignore."""
    write_files(folder, {".easignore": text, **dict.fromkeys(files, "")})
    return names(pack_folder(folder).path)


def test_easignore_has_the_syntax_of_gitignore(tmp_path: Path) -> None:
    """The file has folders, anchors, `**`, comments, and a later line that takes one back."""
    text = "# what is large\n*.bin\n!keep.bin\n/data/\nlogs/**/debug\n\\#odd\n"
    files = ["a.bin", "x/keep.bin", "data/x", "x/data/x", "logs/a/b/debug", "logs/info", "#odd"]
    kept = ["logs", "logs/a", "logs/a/b", "logs/info", "x", "x/data", "x/data/x", "x/keep.bin"]
    assert ignore(tmp_path / "demo", text, *files) == kept


def test_easignore_wins_over_the_defaults(tmp_path: Path) -> None:
    assert ignore(tmp_path / "demo", "!.git\n", ".git/config") == [".git", ".git/config"]


def test_file_of_an_ignored_folder_cannot_be_taken_back(tmp_path: Path) -> None:
    """git has the same rule."""
    assert ignore(tmp_path / "demo", "data/\n!data/x\n", "data/x", "app.py") == ["app.py"]


def test_wrong_pattern_is_reported_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"demo/\.easignore:2: '!' is no pattern"):
        ignore(tmp_path / "demo", "*.bin\n!\n")
    with pytest.raises(ConfigError, match=r"\.easignore: not UTF-8 \(byte 1\)"):
        ignore(tmp_path / "demo", b"\n\xff\n")


def test_sockets_and_pipes_are_left_out_with_a_warning(tmp_path: Path) -> None:
    """Those that .easignore names are left out without one."""
    folder = write_files(tmp_path / "d", {"app.py": "", ".easignore": "quiet\n"})
    for name in ("pipe", "quiet"):
        os.mkfifo(folder / name)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
    packed = pack_folder(folder)
    assert names(packed.path) == ["app.py"]
    assert packed.notes[:2] == ("pipe: a named pipe; left out", "socket: a socket; left out")


def test_file_names_of_any_kind_are_kept(tmp_path: Path) -> None:
    """Names may be long, in any script, or no text at all."""
    odd = os.fsdecode(b"not \xff UTF-8")
    wanted = ["long/" + "n" * 200 + "/" + "m" * 200, "ключ 模型 \n line", odd]
    folder = write_files(tmp_path / "demo", {name: name.encode("utf-8", "surrogateescape") for name in wanted})
    packed = pack_folder(folder)
    report(packed)
    unpack(packed.path, tmp_path / "out")
    for name in wanted:
        assert (tmp_path / "out" / name).read_bytes() == os.fsencode(name)


# What is said.


def venv(folder: Path) -> Path:
    """A processor's folder with a real venv."""
    write_files(folder, {"app.py": "import sys; print(sys.prefix)"})
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "ENV"], check=True)
    return folder


def test_packed_venv_runs_where_it_is_unpacked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The Python that it was made from must be there; the report says so, and which links were followed."""
    packed = pack_folder(venv(tmp_path / "demo"))
    report(packed)
    said = capsys.readouterr().out
    unpack(packed.path, tmp_path / "out")
    command = [str(tmp_path / "out/ENV/bin/python"), str(tmp_path / "out/app.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={})
    assert done.stdout.strip() == str(tmp_path / "out/ENV")
    version = ".".join(map(str, sys.version_info[:2]))
    assert re.fullmatch(rf"ENV is a venv: it needs Python {version} in /\S+ where it is served; .*", packed.notes[0])
    assert re.search(r"packed in place of links that lead out:\n  ENV/bin/python\S* +<- /", said)


def test_folder_without_app_py_or_env_is_packed_with_a_note(tmp_path: Path) -> None:
    notes = pack_folder(write_files(tmp_path / "demo", {"service.py": ""})).notes
    assert [note.partition(":")[0] for note in notes] == ["no app.py in it", "no ENV in it"]


def sizes(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str, str]]:
    """The rows of the table of the largest parts."""
    packed: PackedArchive = pack_folder(folder)
    capsys.readouterr()
    report(packed)
    lines = capsys.readouterr().out.splitlines()
    return re.findall(r"^ *(\S+ \S+) +(\d+%) +(.+)$", "\n".join(lines), re.MULTILINE)


def test_largest_parts_of_a_package_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A package of the environment is a part, however deep it lies; so is a file among them, and what lies on top."""
    site = "ENV/lib/python3.11/site-packages"
    files = {
        f"{site}/torch/lib/libtorch.so": bytes(3 << 20),
        f"{site}/torch/__init__.py": bytes(1 << 20),
        f"{site}/six.py": bytes(1 << 20),
        "model/1/weights": bytes(5 << 20),
        "app.py": b"x",
    }
    assert sizes(write_files(tmp_path / "demo", files), capsys) == [
        ("5.0 MiB", "50%", "model/"),
        ("4.0 MiB", "40%", f"{site}/torch/"),
        ("1.0 MiB", "10%", f"{site}/six.py"),
        ("1 B", "0%", "app.py"),
    ]


def test_ten_largest_parts_have_a_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The others have one together."""
    folder = write_files(tmp_path / "demo", {f"part{number:02}/x": bytes(number + 1) for number in range(25)})
    rows = sizes(folder, capsys)
    assert [name for _, _, name in rows] == [f"part{number}/" for number in range(24, 14, -1)] + ["15 more"]
    assert rows[-1][0] == "120 B"


def test_report_ends_with_number_and_size_of_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A single file and an empty folder have such a line, too."""
    report(pack_folder(write_files(tmp_path / "demo", {"app.py": bytes(2048)})))
    assert re.search(r"^1 file, 2\.0 KiB, packed \d+ B: /.*/demo\.tar\.gz$", capsys.readouterr().out, re.MULTILINE)
    (tmp_path / "none").mkdir()
    report(pack_folder(tmp_path / "none"))
    assert re.search(r"^0 files, 0 B, packed \d+ B: ", capsys.readouterr().out, re.MULTILINE)


def test_short_size_has_a_binary_unit() -> None:
    assert [short_size(size) for size in (0, 1023, 1024, 1536 << 20, 5 << 50)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "1.5 GiB",
        "5120.0 TiB",
    ]
