"""
What only a Java processor can do: two forms of Process, jars, class loaders, a JVM of its own.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from support.build import ROOT, ProcessorBuilder
from support.columns import columns
from support.host import Host, StartHost
from support.wire import command

JAVA_SOURCES = ROOT / "java" / "src"


@pytest.mark.parametrize("isolation", ["process", "none"])
@pytest.mark.parametrize("name", ["StringToString", "StringToBytes", "BytesToString"])
def test_process_with_string_or_bytes_is_called_with_utf8(
    start: StartHost, builder: ProcessorBuilder, name: str, isolation: str
) -> None:
    """byte[] and String, in any pair; also text beyond the Basic Multilingual Plane."""
    host = start("java", builder.jar(name), isolation=isolation)
    for text in ("", "plain", "ключ 錠 😀", "nul \0 inside", "x" * 100_000 + "é"):
        answer = host.call(text.encode())
        assert (answer.status, answer.text) == (200, f"<{text}>")


def test_null_string_is_an_empty_200(start: StartHost, builder: ProcessorBuilder) -> None:
    """A null byte[] is one, too."""
    answer = start("java", builder.jar("NullString")).call(b"x")
    assert (answer.status, answer.body) == (200, b"")


def test_invalid_utf8_becomes_javas_replacement_character(start: StartHost, builder: ProcessorBuilder) -> None:
    """Only the bytes that are no text are replaced."""
    answer = start("java", builder.jar("StringToString")).call(b"a\xffb")
    assert (answer.status, answer.text) == (200, "<a\ufffdb>")


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_constructor_gets_absolute_model_entry_and_model_config(start: StartHost, isolation: str) -> None:
    host = start("java", model_entry="model.pmml", model_config="some: ключ\nmore", isolation=isolation)
    text = host.call(command("loaded")).text
    assert f"entry={host.folder / 'cwd' / 'model.pmml'}\nconfig=some: ключ\nmore" in text


@columns("java")
def test_missing_model_arguments_are_empty_strings(host: Host) -> None:
    """They are not null; in C++ they are empty, too."""
    assert host.call(command("loaded")).text.endswith("\nentry=\nconfig=")


def host_classes() -> list[str]:
    """All classes of the host's own Java part, which the user's jars must not see."""
    return [".".join(path.relative_to(JAVA_SOURCES).with_suffix("").parts) for path in JAVA_SOURCES.rglob("*.java")]


@columns("java")
def test_user_classes_cannot_see_the_hosts_classes(host: Host) -> None:
    """User classes see the JDK and their own jars only."""
    assert host_classes()
    for name in host_classes():
        assert host.call(command("sees", name)).body == b"no", name
    for name in ("org.jpype.JPypeContext", "org.jpype.classloader.JPypeClassLoader"):
        assert host.call(command("sees", name)).body == b"no", name
    for name in ("Contract", "java.sql.Driver", "java.net.http.HttpClient"):
        assert host.call(command("sees", name)).body == b"yes", name


@columns("java")
def test_context_class_loader_is_the_users(host: Host) -> None:
    """Libraries look for their services through it."""
    assert host.call(command("context")).body == b"true"
    assert host.call(command("resource", "META-INF/MANIFEST.MF")).body == b"true"


@columns("java")
def test_null_checks_and_stack_overflows_of_the_jvm_still_work(host: Host) -> None:
    """A JVM makes them of SIGSEGV; the crash handler must leave that signal to it."""
    for _ in range(3):
        assert host.call(command("nulls", "400000")).body == b"100000"
        assert b"StackOverflowError" in host.call(command("deep")).body
    host.allow_log("StackOverflowError")


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_jvm_options_reach_the_jvm_with_quoted_words(start: StartHost, isolation: str) -> None:
    host = start("java", jvm_options='-Xmx256m "-Dtest.words=two words" -Dtest.one=1', isolation=isolation)
    assert host.call(command("property", "test.words")).text == "two words"
    assert host.call(command("property", "test.one")).text == "1"


def test_mainclass_chooses_among_several_classes(start: StartHost, builder: ProcessorBuilder) -> None:
    """One of them is in a package."""
    jar = builder.jar("FirstOfTwo", "SecondOfTwo", "packaged.InPackage")
    assert start("java", jar, mainclass="SecondOfTwo").call(b"").body == b"second"
    assert start("java", jar, mainclass="packaged.InPackage").call(b"12").body == b"packaged 2"


def test_only_class_with_constructor_and_process_is_found(start: StartHost, builder: ProcessorBuilder) -> None:
    """There is no --mainclass, and the jar has other classes."""
    jar = builder.jar("packaged.InPackage", "LibraryPart", "NoConstructor", "HiddenProcessor", "NoProcess")
    assert start("java", jar).call(b"12").body == b"packaged 2"


def test_classpath_takes_jars_and_folders(start: StartHost, builder: ProcessorBuilder) -> None:
    """A folder holds jars or classes."""
    library = builder.jar("LibraryPart")
    for path in (library, library.parent):
        host = start("java", builder.jar("UsesLibrary"), classpath=[path])
        assert host.call(b"").body == b"from the library"


def test_classpath_may_be_given_several_times(start: StartHost, builder: ProcessorBuilder) -> None:
    paths: list[str | Path] = [builder.jar("NoProcess"), builder.jar("LibraryPart")]
    assert start("java", builder.jar("UsesLibrary"), classpath=paths).call(b"").body == b"from the library"


def test_entry_may_be_a_folder_of_jars(start: StartHost, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """All jars of the folder are the program."""
    folder = tmp_path / "echo-program"
    folder.mkdir()
    shutil.copy(builder.jar("UsesLibrary"), folder)
    shutil.copy(builder.jar("LibraryPart"), folder)
    host = start("java", folder, mainclass="UsesLibrary")
    assert host.call(b"").body == b"from the library"
    assert host.path == "/api/predict/echo-program"


def test_class_is_found_in_a_folder_of_jars_without_mainclass(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    folder = tmp_path / "program"
    folder.mkdir()
    shutil.copy(builder.jar("UsesLibrary"), folder)
    shutil.copy(builder.jar("LibraryPart"), folder)
    assert start("java", folder).call(b"").body == b"from the library"


@columns("java")
def test_trace_in_the_log_is_javas_own(host: Host) -> None:
    """Class, method, file and line."""
    assert host.call(command("throw", "look")).status == 400
    host.expect_log("IllegalStateException")
    assert re.search(r"Contract\.java:\d+", host.wait_for_log(r"userCodeThatThrows\(").string)
