"""
The command `eas-host pack`, for each kind of processor, and its messages for everything that can be wrong.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest

from eas_host.fetch.unpacking.archive import unpack
from support.build import ProcessorBuilder
from support.command import Ended, run
from support.host import StartHost
from support.libraries import library, processor
from support.tars import names, write_files


def packed(ended: Ended) -> list[str]:
    """The names in the archive that a run has made."""
    assert ended.code == 0, ended.stderr
    found = re.search(r"packed [\d.]+ \w+: (.*)$", ended.stdout)
    assert found, ended.stdout
    return sorted(names(Path(found[1])))


def jar(path: Path, class_path: str = "", ending: str = "\r\n") -> Path:
    """A jar with a manifest; lines of it are cut as the specification demands."""
    line = f"Class-Path: {class_path}"
    pieces = [line[at : at + 70] for at in range(0, len(line), 70)]
    manifest = f"Manifest-Version: 1.0{ending}{f'{ending} '.join(pieces)}{ending}{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", manifest)
    return path


# cpp.


def test_report_names_each_file_and_where_it_comes_from(tmp_path: Path) -> None:
    """The report also has each size, what stays behind, and the archive."""
    one = library(tmp_path / "opt/libone.so")
    processor(tmp_path / "build/libecho.so", one, flags=(f"-Wl,-rpath=.:{one.parent}",))
    ended = run("pack", "build/libecho.so", cwd=tmp_path)
    assert packed(ended) == ["libecho.so", "libone.so"]
    assert re.search(rf"^libone\.so +[\d.]+ KiB  rpath of libecho\.so: {one}$", ended.stdout, re.MULTILINE)
    assert re.search(r"^  libc\.so\.6 +glibc +GLIBC_", ended.stdout, re.MULTILINE)
    assert ended.stdout.splitlines()[-1].endswith(f": {tmp_path}/build/echo.tar.gz")
    assert ended.stderr == ""


def test_missing_rpath_warning_is_on_stderr(tmp_path: Path) -> None:
    one = library(tmp_path / "libone.so")
    ended = run("pack", processor(tmp_path / "libecho.so", one))
    assert re.fullmatch(r"\[.*\] \[WARNING\] no rpath leads .* link libecho\.so with -Wl,-rpath=\.\n", ended.stderr)


def test_output_option_names_the_archive(tmp_path: Path) -> None:
    processor(tmp_path / "libecho.so")
    for flag in ("-o", "--output"):
        assert packed(run("pack", "libecho.so", flag, "x.tgz", cwd=tmp_path)) == ["libecho.so"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["libecho.so", "x.tgz"]


def test_output_in_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    entry = processor(tmp_path / "libecho.so")
    ended = run("pack", entry, "-o", "out/x.tgz", cwd=tmp_path)
    ended.fails_in_one_line(2, f"cannot be written: there is no folder {tmp_path}/out")


def test_two_builds_give_the_same_archive_bytes(tmp_path: Path) -> None:
    """The builds lie in two places and are packed at two times."""
    archives = []
    for name in ("a", "b"):
        one = library(tmp_path / name / "libone.so")
        run("pack", processor(tmp_path / name / "libecho.so", one, flags=("-Wl,-rpath=.",)))
        archives.append((tmp_path / name / "echo.tar.gz").read_bytes())
    assert archives[0] == archives[1]


def test_link_to_a_versioned_library_is_packed_under_the_links_name(tmp_path: Path) -> None:
    processor(tmp_path / "libecho.so.1.2")
    (tmp_path / "libecho.so").symlink_to("libecho.so.1.2")
    assert packed(run("pack", tmp_path / "libecho.so")) == ["libecho.so"]


def test_folder_is_packed_whole_with_libraries_from_elsewhere(tmp_path: Path, start: StartHost) -> None:
    """Libraries from elsewhere are put beside the processor."""
    outside, inside = library(tmp_path / "opt/libout.so"), library(tmp_path / "build/lib/libin.so.1")
    processor(tmp_path / "build/lib/libecho.so", outside, inside, flags=(f"-Wl,-rpath=.:{outside.parent}",))
    (tmp_path / "build/lib/libin.so").symlink_to("libin.so.1")
    write_files(tmp_path / "build", {"words.txt": "", "echo.o": "", ".easignore": "*.o\n"})
    ended = run("pack", tmp_path / "build")
    assert packed(ended) == ["lib", "lib/libecho.so", "lib/libin.so", "lib/libin.so.1", "lib/libout.so", "words.txt"]
    assert "and 1 other file of the folder: words.txt" in ended.stdout
    unpack(tmp_path / "build.tar.gz", tmp_path / "served")
    shutil.rmtree(tmp_path / "opt")
    assert start(entry=tmp_path / "served/lib/libecho.so").call(b"").body == b"2"


def test_two_libraries_of_one_name_are_refused(tmp_path: Path) -> None:
    """Two files cannot lie in one place: the user says which is meant."""
    one = library(tmp_path / "opt/libone.so")
    processor(tmp_path / "build/libecho.so", one, flags=("-Wl,--disable-new-dtags", f"-Wl,-rpath={one.parent}"))
    library(tmp_path / "build/libone.so")
    run("pack", tmp_path / "build").fails_in_one_line(3, "libone.so: two files", "/opt/libone.so", "rename")


# java.


def test_jars_of_the_class_path_are_packed(tmp_path: Path) -> None:
    """So are the jars that these name: below the jar in their place, others beside it."""
    entry = jar(tmp_path / "build/echo.jar", "lib/a%20b.jar lib/second.jar ../other/third.jar gone.jar http://x/y.jar")
    jar(tmp_path / "build/lib/a b.jar", "second.jar ../echo.jar")
    jar(tmp_path / "build/lib/second.jar", ending="\n")
    jar(tmp_path / "other/third.jar")
    ended = run("pack", entry)
    assert packed(ended) == ["echo.jar", "lib", "lib/a b.jar", "lib/second.jar", "third.jar"]
    assert re.search(r"^third\.jar +\d+ B  Class-Path of echo\.jar: /", ended.stdout, re.MULTILINE)
    warnings = re.findall(r"the Class-Path of (\S+) names (\S+), where no jar is", ended.stderr)
    assert warnings == [("echo.jar", "gone.jar"), ("echo.jar", "http://x/y.jar")]


def test_java_folder_is_packed_with_jars_that_it_names_elsewhere(tmp_path: Path) -> None:
    """Jars from elsewhere lie beside those that name them."""
    jar(tmp_path / "target/echo.jar", "lib/a.jar ../b.jar")
    jar(tmp_path / "target/lib/a.jar")
    jar(tmp_path / "b.jar")
    write_files(tmp_path / "target", {"log4j.properties": ""})
    ended = run("pack", tmp_path / "target")
    assert packed(ended) == ["b.jar", "echo.jar", "lib", "lib/a.jar", "log4j.properties"]


def test_jars_of_the_classpath_option_are_packed(tmp_path: Path) -> None:
    """Beside the processor; those that a manifest names stay where it names them."""
    entry = jar(tmp_path / "echo.jar", "lib/used.jar")
    for name in ("used", "more"):
        jar(tmp_path / f"lib/{name}.jar")
    other = jar(tmp_path / "other.jar")
    ended = run("pack", entry, "--classpath", tmp_path / "lib", "--classpath", other)
    assert packed(ended) == ["echo.jar", "lib", "lib/used.jar", "more.jar", "other.jar"]
    assert re.search(r"^more\.jar +\d+ B  --classpath: /", ended.stdout, re.MULTILINE)


def test_wrong_classpath_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    entry = jar(tmp_path / "echo.jar")
    for wrong in ("absent", "empty"):
        expected = f"--classpath {tmp_path / wrong}: expected a jar, or a folder of jars"
        run("pack", entry, "--classpath", tmp_path / wrong).fails_in_one_line(2, expected)
    other = processor(tmp_path / "libecho.so")
    run("pack", other, "--classpath", entry).fails_in_one_line(2, "--classpath: is for Java processors")


def test_packed_jar_is_served(builder: ProcessorBuilder, tmp_path: Path, start: StartHost) -> None:
    entry = Path(shutil.copy(builder.jar("Contract"), tmp_path))
    assert packed(run("pack", entry)) == ["contract.jar"]
    unpack(tmp_path / "contract.tar.gz", tmp_path / "served")
    host = start("java", tmp_path / "served/contract.jar", mainclass="Contract")
    assert host.call(b"x").body == b"x"


def test_folder_with_so_and_jar_needs_the_type_option(tmp_path: Path) -> None:
    folder = jar(tmp_path / "build/echo.jar").parent
    processor(folder / "libecho.so", flags=("-l:libz.so.1", "-Wl,-rpath=."))
    run("pack", folder).fails_in_one_line(2, "build", "a .so and a .jar", "--type cpp or java")
    assert packed(run("pack", folder, "--type", "java")) == ["echo.jar", "libecho.so"]
    assert packed(run("pack", folder, "--type", "cpp")) == ["echo.jar", "libecho.so", "libz.so.1"]


# service.json.


def describe(folder: Path, path: str, of: str = "cpp") -> Path:
    text = f'{{"name": "x", "processor_path": "{path}", "processor_entry": "libecho.so", "processor_type": "{of}"}}'
    return write_files(folder, {"service.json": text}) / "service.json"


def test_description_names_the_file_or_folder_to_pack(tmp_path: Path) -> None:
    processor(tmp_path / "build/libecho.so")
    for path in ("build/", "./build/libecho.so"):
        assert packed(run("pack", describe(tmp_path, path))) == ["libecho.so"]


@pytest.mark.parametrize(
    ("path", "of", "words"),
    [
        ("http://127.0.0.1/x.tar.gz", "cpp", ["http://127.0.0.1/x.tar.gz", "on this machine"]),
        ("x.tar", "cpp", ["x.tar", "packed already"]),
        ("", "cpp", ["no processor_path"]),
        ("app.py", "python", ["eas-host pysdk pack"]),
    ],
)
def test_description_without_a_local_unpacked_processor_is_refused(
    tmp_path: Path, path: str, of: str, words: list[str]
) -> None:
    shutil.make_archive(str(tmp_path / "x"), "tar", write_files(tmp_path / "y", {"z": ""}))
    run("pack", describe(tmp_path, path, of)).fails_in_one_line(2, "service.json", *words)


# What is wrong: one line, and no archive.


@pytest.fixture
def wrong(builder: ProcessorBuilder, tmp_path: Path) -> Path:
    """A folder with files that are not processors."""
    for name in ("mangled", "no_process", "plain_c"):
        shutil.copy(builder.cpp(name), tmp_path)
    other = bytearray((tmp_path / "libplain_c.so").read_bytes())
    other[18] = 8  # e_machine: MIPS
    files: dict[str, str | bytes] = {
        "libmips.so": bytes(other),
        "text.so": "GROUP",
        "bad.jar": "PK",
        "app.py": "",
        "half/x.txt": "",
    }
    write_files(tmp_path, {**files, "libcut.so": bytes(other[:3000])})
    (tmp_path / "libplain_c.so").unlink()
    write_files(tmp_path / "python", {"app.py": ""})
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, ["ENTRY", "eas-host pack --help"]),
        (["nothing.so"], 3, ["nothing.so", "no such file"]),
        (["text.so"], 3, ["text.so", "not an ELF file"]),
        (["libmangled.so"], 3, ["libmangled.so", "process", 'extern "C"']),
        (["libno_process.so"], 3, ["libno_process.so", "missing symbol process"]),
        (["libmips.so"], 3, ["libmips.so", "another machine"]),
        (["bad.jar"], 3, ["bad.jar", "not a jar"]),
        (["app.py"], 2, ["app.py", "eas-host pysdk pack"]),
        (["python"], 3, ["python", "eas-host pysdk pack"]),
        (["half"], 3, ["half", "no .so that exports initialize and process"]),
        (["libmangled.so", "more.so"], 2, ["more.so", "unexpected"]),
        (["x", "--type", "python"], 2, ["--type", "python", "cpp or java"]),
        (["x", "--outptu", "y"], 2, ["--outptu", "--output"]),
    ],
)
def test_wrong_arguments_and_broken_processors_are_refused_without_an_archive(
    wrong: Path, words: list[str], code: int, said: list[str]
) -> None:
    run("pack", *words, cwd=wrong).fails_in_one_line(code, *said)
    assert list(wrong.rglob("*.tar.gz")) == []


def test_folder_with_an_incomplete_processor_is_refused(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The message names what is missing. Beside a complete processor it is a library like others."""
    shutil.copy(builder.cpp("mangled"), tmp_path)
    run("pack", tmp_path).fails_in_one_line(3, "libmangled.so", 'extern "C"')
    processor(tmp_path / "libecho.so")
    assert packed(run("pack", tmp_path)) == ["libecho.so", "libmangled.so"]


def test_help_has_an_example() -> None:
    ended = run("pack", "--help")
    assert (ended.code, ended.stderr) == (0, "")
    assert "eas-host pack build/libecho.so" in ended.stdout


# What is left out, and --dry-run.


def test_jar_that_no_manifest_names_is_left_out_and_named(tmp_path: Path) -> None:
    """The report says why, of other files beside the processor too."""
    jar(tmp_path / "lib/used.jar")
    jar(tmp_path / "forgotten.jar")
    write_files(tmp_path, {"Echo.java": "class Echo {}", "app.log": "started", "notes.txt": ""})
    ended = run("pack", jar(tmp_path / "echo.jar", "lib/used.jar"))
    assert packed(ended) == ["echo.jar", "lib", "lib/used.jar"]
    left = {line.split()[0]: line.split("B  ")[1] for line in ended.stdout.split("left out:\n")[1].splitlines()[:-1]}
    assert left == {
        "Echo.java": "source code",
        "app.log": "a log",
        "forgotten.jar": "neither the manifest of echo.jar nor that of a jar it names has it in its Class-Path;"
        " --classpath packs it",
        "notes.txt": "echo.jar does not name it",
    }


def test_rule_that_leaves_out_a_part_of_a_folder_is_named(tmp_path: Path) -> None:
    jar(tmp_path / "p/echo.jar")
    texts = {".easignore": "*.log\n", "a.log": "12345", "__pycache__/m.pyc": "1234567"}
    write_files(tmp_path / "p", texts)
    ended = run("pack", tmp_path / "p")
    assert packed(ended) == ["echo.jar"]
    assert re.search(r"^ +a\.log +5 B +\.easignore: \*\.log$", ended.stdout, re.MULTILINE)
    assert re.search(r"^ +__pycache__/ +7 B +by default: __pycache__/$", ended.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", [("pack",), ("pysdk", "pack")])
def test_dry_run_lists_all_and_writes_nothing(tmp_path: Path, command: tuple[str, ...]) -> None:
    jar(tmp_path / "p/echo.jar")
    write_files(tmp_path / "p", {"conf/a.txt": "12345", "app.py": "", ".git/HEAD": "x"})
    ended = run(*command, "--dry-run", tmp_path / "p")
    assert ended.code == 0, ended.stderr
    assert re.search(r"^conf/a\.txt +5 B$", ended.stdout, re.MULTILINE)
    assert re.search(r"^ +\.git/ +1 B +by default: \.git$", ended.stdout, re.MULTILINE)
    assert ended.stdout.splitlines()[-1].endswith(f"nothing is written; without --dry-run: {tmp_path}/p.tar.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["p"]
