"""
The libraries in the package of a cpp processor are those that the dynamic linker would load, without the system's own.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from eas_host.errors import EntryInvalid
from eas_host.fetch.unpacking.archive import unpack
from eas_host.pack.dependencies.system_libraries import component_of
from eas_host.pack.processor import PackedProcessor, pack_processor
from eas_host.pack.report import report_processor
from support.build import ProcessorBuilder
from support.host import StartHost
from support.libraries import library, processor
from support.tars import links, names, write_files

OLD = ("-Wl,--disable-new-dtags",)
NEW = ("-Wl,--enable-new-dtags",)


def taken(done: PackedProcessor) -> dict[str, str]:
    return {row.name: row.reason for row in done.added}


def test_libraries_of_libraries_are_packed_beside_the_processor(tmp_path: Path) -> None:
    """Each library is packed once."""
    deep = library(tmp_path / "opt/deep/libdeep.so")
    one = library(tmp_path / "opt/libone.so.1", deep, flags=(f"-Wl,-rpath={deep.parent}",))
    two = library(tmp_path / "opt/libtwo.so", one, flags=("-Wl,-rpath=$ORIGIN",))
    entry = processor(tmp_path / "build/libecho.so", two, one, flags=(f"-Wl,-rpath={two.parent}",))
    done = pack_processor(entry)
    assert done.packed.path == tmp_path / "build/echo.tar.gz"
    assert sorted(names(done.packed.path)) == ["libdeep.so", "libecho.so", "libone.so.1", "libtwo.so"]
    assert taken(done) == {
        "libecho.so": "the processor",
        "libtwo.so": "rpath of libecho.so",
        "libone.so.1": "rpath of libecho.so",
        "libdeep.so": "rpath of libone.so.1",
    }


def test_package_runs_without_the_folders_that_it_was_made_from(tmp_path: Path, start: StartHost) -> None:
    """An old-style rpath counts for the whole chain."""
    deep = library(tmp_path / "opt/libdeep.so")
    one = library(tmp_path / "opt/libone.so", deep)
    entry = processor(tmp_path / "build/libecho.so", one, flags=(*OLD, f"-Wl,-rpath=.:{one.parent}"))
    done = pack_processor(entry)
    assert done.packed.notes == ()
    unpack(done.packed.path, tmp_path / "served")
    shutil.rmtree(tmp_path / "opt")
    shutil.rmtree(tmp_path / "build")
    assert start(entry=tmp_path / "served/libecho.so").call(b"").body == b"2"


def test_libraries_are_searched_in_the_linkers_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DT_RPATH comes before LD_LIBRARY_PATH, that before DT_RUNPATH, and that before what lies beside the processor."""
    made = {name: library(tmp_path / name / "libone.so") for name in ("rpath", "variable", "build")}
    monkeypatch.setenv("LD_LIBRARY_PATH", str(made["variable"].parent))
    flag = f"-Wl,-rpath={made['rpath'].parent}"
    reasons = []
    for flags in ((*OLD, flag), (*NEW, flag)):
        entry = processor(tmp_path / "build/libecho.so", made["rpath"], flags=flags)
        reasons.append(taken(pack_processor(entry))["libone.so"])
    monkeypatch.delenv("LD_LIBRARY_PATH")
    reasons.append(taken(pack_processor(entry))["libone.so"])
    made["rpath"].unlink()
    reasons.append(taken(pack_processor(entry))["libone.so"])
    assert reasons == ["rpath of libecho.so", "LD_LIBRARY_PATH", "rpath of libecho.so", "beside the entry"]


def test_libraries_in_lib_and_lib64_are_packed_beside_the_entry(tmp_path: Path) -> None:
    """A worker looks there."""
    one, two = library(tmp_path / "lib/libone.so"), library(tmp_path / "lib64/libtwo.so")
    done = pack_processor(processor(tmp_path / "libecho.so", one, two))
    assert {name: taken(done)[name] for name in ("libone.so", "libtwo.so")} == {
        "libone.so": "beside the entry",
        "libtwo.so": "beside the entry",
    }


def test_rpath_counts_for_libraries_without_a_runpath(tmp_path: Path) -> None:
    """DT_RPATH counts for what its libraries need, but not for one that has a DT_RUNPATH."""
    deep = library(tmp_path / "opt/libdeep.so")
    entry_flags = (*OLD, f"-Wl,-rpath={tmp_path / 'opt'}")
    one = library(tmp_path / "opt/libone.so", deep)
    assert "libdeep.so" in taken(pack_processor(processor(tmp_path / "libecho.so", one, flags=entry_flags)))
    one = library(tmp_path / "opt/libone.so", deep, flags=(*NEW, "-Wl,-rpath=/nowhere"))
    with pytest.raises(EntryInvalid, match=r"libone\.so needs libdeep\.so"):
        pack_processor(processor(tmp_path / "libecho.so", one, flags=entry_flags))


def test_library_for_another_machine_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dynamic linker skips it, too, and a file of that name that is not a library."""
    right = library(tmp_path / "right/libone.so")
    wrong = bytearray(right.read_bytes())
    wrong[18] = 8  # e_machine: MIPS
    write_files(tmp_path, {"mips/libone.so": bytes(wrong), "text/libone.so": "GROUP ( libone.so.1 )"})
    folders = [str(tmp_path / name) for name in ("none", "mips", "text", "right")]
    monkeypatch.setenv("LD_LIBRARY_PATH", ":".join(folders))
    done = pack_processor(processor(tmp_path / "build/libecho.so", right))
    assert done.added[1].source == right


def test_missing_libraries_are_named_with_what_needs_them(tmp_path: Path) -> None:
    """No archive is made."""
    deep, gone = library(tmp_path / "libdeep.so"), library(tmp_path / "libgone.so")
    one = library(tmp_path / "libone.so", deep)
    entry = processor(tmp_path / "libecho.so", one, gone)
    deep.unlink()
    gone.unlink()
    message = (
        r"libecho\.so: missing library: libecho\.so needs libgone\.so; libone\.so needs libdeep\.so; put it beside"
    )
    with pytest.raises(EntryInvalid, match=message):
        pack_processor(entry)
    assert list(tmp_path.glob("*.tar.gz")) == []


def test_library_with_two_names_is_packed_once(tmp_path: Path) -> None:
    """It is packed with a link, or under the first name if it answers to the second by its SONAME."""
    one = library(tmp_path / "libone.so.1")
    stub = library(tmp_path / "stub/libother.so")
    (tmp_path / "libother.so").symlink_to("libone.so.1")
    done = pack_processor(processor(tmp_path / "libecho.so", one, stub))
    assert links(done.packed.path) == {"libother.so": "libone.so.1"}
    user = library(tmp_path / "libuser.so", one)
    done = pack_processor(processor(tmp_path / "libecho.so", stub, user))
    assert sorted(names(done.packed.path)) == ["libecho.so", "libother.so", "libuser.so"]


# What stays with the system.


def test_glibc_and_cpp_runtime_are_left_out_and_named(
    builder: ProcessorBuilder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report has the versions that they must have."""
    entry = Path(shutil.copy(builder.cpp("contract"), tmp_path))
    done = pack_processor(entry)
    assert names(done.packed.path) == ["libcontract.so"]
    report_processor(done)
    said = capsys.readouterr().out
    assert re.search(r"^  libc\.so\.6 +glibc +GLIBC_2\.[\d.]+$", said, re.MULTILINE)
    assert re.search(r"^  libstdc\+\+\.so\.6 +C\+\+ runtime +CXXABI_[\d.]+, GLIBCXX_3[\d.]+$", said, re.MULTILINE)


def test_library_of_the_distribution_is_packed(tmp_path: Path) -> None:
    """A library in /usr/lib that is not the C library's may be missing in another image."""
    entry = processor(tmp_path / "libecho.so", flags=("-l:libz.so.1",))
    done = pack_processor(entry)
    assert taken(done)["libz.so.1"] == "system"
    assert [left.name for left in done.excluded] == ["libc.so.6"]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("libc.so.6", "glibc"),
        ("ld-linux-x86-64.so.2", "glibc"),
        ("ld-linux-aarch64.so.1", "glibc"),
        ("libnsl.so.1", "glibc"),
        ("libnsl.so.2", None),  # of a project of its own
        ("libnss_files.so.2", "glibc"),
        ("libnss3.so", None),  # Mozilla's
        ("libcrypt.so.1", None),  # libxcrypt's
        ("libstdc++.so.6", "C++ runtime"),
        ("libgomp.so.1", None),
        ("libcuda.so.1", "driver"),
        ("libcudart.so.12", None),
        ("libnvidia-ml.so.1", "driver"),
        ("libGL.so.1", None),
        ("libmine.so", None),
    ],
)
def test_system_component_is_recognised_by_the_librarys_name(name: str, part: str | None) -> None:
    assert component_of(name) == part


# rpaths.


@pytest.mark.parametrize("rpath", [".", "./", "$ORIGIN", "${ORIGIN}/", "/elsewhere:."])
def test_rpath_to_the_packages_folder_gives_no_note(tmp_path: Path, rpath: str) -> None:
    one = library(tmp_path / "libone.so")
    assert pack_processor(processor(tmp_path / "libecho.so", one, flags=(f"-Wl,-rpath={rpath}",))).packed.notes == ()


def test_missing_rpath_is_noted_with_the_linker_flag(tmp_path: Path) -> None:
    """EAS may look nowhere else."""
    one, two = library(tmp_path / "libone.so"), library(tmp_path / "libtwo.so")
    (note,) = pack_processor(processor(tmp_path / "libecho.so", one, two)).packed.notes
    assert note.startswith("no rpath leads from libecho.so to libone.so, libtwo.so: ")
    assert note.endswith("link libecho.so with -Wl,-rpath=.")


@pytest.mark.parametrize(
    ("flags", "advice"),
    [
        ((), "link libecho.so with -Wl,-rpath=.,--disable-new-dtags, which counts for libone.so too"),
        ((*NEW, "-Wl,-rpath=/nowhere"), "give libone.so the rpath $ORIGIN"),
    ],
)
def test_runpath_that_misses_a_librarys_library_is_noted(tmp_path: Path, flags: tuple[str, ...], advice: str) -> None:
    """A DT_RUNPATH does not count for what a library needs itself."""
    deep = library(tmp_path / "libdeep.so")
    one = library(tmp_path / "libone.so", deep, flags=flags)
    entry = processor(tmp_path / "libecho.so", one, flags=(*NEW, "-Wl,-rpath=."))
    (note,) = pack_processor(entry).packed.notes
    assert note.startswith("no rpath leads from libone.so to libdeep.so: ")
    assert note.endswith(advice)


def test_library_in_a_folder_below_keeps_its_place(tmp_path: Path, start: StartHost) -> None:
    """An rpath such as $ORIGIN/lib finds it there."""
    deep = library(tmp_path / "build/lib/libdeep.so")
    one = library(tmp_path / "build/lib/libone.so", deep, flags=("-Wl,-rpath=$ORIGIN",))
    done = pack_processor(processor(tmp_path / "build/libecho.so", one, flags=("-Wl,-rpath=$ORIGIN/lib",)))
    assert names(done.packed.path) == ["lib", "lib/libdeep.so", "lib/libone.so", "libecho.so"]
    assert done.packed.notes == ()
    unpack(done.packed.path, tmp_path / "served")
    shutil.rmtree(tmp_path / "build")
    assert start(entry=tmp_path / "served/libecho.so").call(b"").body == b"2"


def test_library_linked_by_an_absolute_path_is_refused(tmp_path: Path) -> None:
    """Only this machine has such a path; a library linked by a path inside the folder keeps its place."""
    one = library(tmp_path / "lib/libone.so", flags=("-Wl,-soname=lib/libone.so",))
    done = pack_processor(processor(tmp_path / "libecho.so", one))
    assert names(done.packed.path) == ["lib", "lib/libone.so", "libecho.so"]
    one = library(tmp_path / "lib/libone.so", flags=(f"-Wl,-soname={tmp_path}/lib/libone.so",))
    with pytest.raises(EntryInvalid, match=r"linked to /.*/lib/libone\.so by its path, .* -Wl,-soname=libone\.so"):
        pack_processor(processor(tmp_path / "libecho.so", one))
