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
def test_forms_of_process(start: StartHost, builder: ProcessorBuilder, name: str, isolation: str) -> None:
    """byte[] and String, in any pair; text is UTF-8 both ways, also beyond the Basic Multilingual Plane."""
    host = start("java", builder.jar(name), isolation=isolation)
    for text in ("", "plain", "ключ 錠 😀", "nul \0 inside", "x" * 100_000 + "é"):
        answer = host.call(text.encode())
        assert (answer.status, answer.text) == (200, f"<{text}>")


def test_null_string(start: StartHost, builder: ProcessorBuilder) -> None:
    """A null String is an empty 200, as a null byte[] is."""
    answer = start("java", builder.jar("NullString")).call(b"x")
    assert (answer.status, answer.body) == (200, b"")


def test_invalid_utf8_for_a_string(start: StartHost, builder: ProcessorBuilder) -> None:
    """
    Bytes that are no text cost no more than themselves: Java's own replacement character stands for them.
    """
    answer = start("java", builder.jar("StringToString")).call(b"a\xffb")
    assert (answer.status, answer.text) == (200, "<a\ufffdb>")


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_model_arguments(start: StartHost, isolation: str) -> None:
    """The constructor gets both arguments, the entry absolute."""
    host = start("java", model_entry="model.pmml", model_config="some: ключ\nmore", isolation=isolation)
    text = host.call(command("loaded")).text
    assert f"entry={host.folder / 'cwd' / 'model.pmml'}\nconfig=some: ключ\nmore" in text


@columns("java")
def test_nothing_given(host: Host) -> None:
    """As in C++, what is not given is "" and not null."""
    assert host.call(command("loaded")).text.endswith("\nentry=\nconfig=")


def host_classes() -> list[str]:
    """All classes of the host's own Java part, which the user's jars must not see."""
    return [".".join(path.relative_to(JAVA_SOURCES).with_suffix("").parts) for path in JAVA_SOURCES.rglob("*.java")]


@columns("java")
def test_class_loader_hides_the_host(host: Host) -> None:
    """The user's classes see the JDK and their own jars only."""
    assert host_classes()
    for name in host_classes():
        assert host.call(command("sees", name)).body == b"no", name
    for name in ("org.jpype.JPypeContext", "org.jpype.classloader.JPypeClassLoader"):
        assert host.call(command("sees", name)).body == b"no", name
    for name in ("Contract", "java.sql.Driver", "java.net.http.HttpClient"):
        assert host.call(command("sees", name)).body == b"yes", name


@columns("java")
def test_context_class_loader(host: Host) -> None:
    """
    Libraries that look for their services find them through the thread's class loader, which is the user's.
    """
    assert host.call(command("context")).body == b"true"
    assert host.call(command("resource", "META-INF/MANIFEST.MF")).body == b"true"


@columns("java")
def test_signals_of_the_jvm(host: Host) -> None:
    """A JVM makes its null checks and stack limits of SIGSEGV; a watch for crashes must leave them to it."""
    for _ in range(3):
        assert host.call(command("nulls", "400000")).body == b"100000"
        assert b"StackOverflowError" in host.call(command("deep")).body
    host.allow_log("StackOverflowError")


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_jvm_options(start: StartHost, isolation: str) -> None:
    """--jvm-options reaches the JVM, quoted words and all."""
    host = start("java", jvm_options='-Xmx256m "-Dtest.words=two words" -Dtest.one=1', isolation=isolation)
    assert host.call(command("property", "test.words")).text == "two words"
    assert host.call(command("property", "test.one")).text == "1"


def test_mainclass(start: StartHost, builder: ProcessorBuilder) -> None:
    """--mainclass chooses among several classes, and names one in a package."""
    jar = builder.jar("FirstOfTwo", "SecondOfTwo", "packaged.InPackage")
    assert start("java", jar, mainclass="SecondOfTwo").call(b"").body == b"second"
    assert start("java", jar, mainclass="packaged.InPackage").call(b"12").body == b"packaged 2"


def test_the_one_class_is_found(start: StartHost, builder: ProcessorBuilder) -> None:
    """
    Without --mainclass: the one public class with the constructor and Process, whatever else is in the jar.
    """
    jar = builder.jar("packaged.InPackage", "LibraryPart", "NoConstructor", "HiddenProcessor", "NoProcess")
    assert start("java", jar).call(b"12").body == b"packaged 2"


def test_classpath(start: StartHost, builder: ProcessorBuilder) -> None:
    """--classpath brings libraries: jars, folders of jars, folders of classes."""
    library = builder.jar("LibraryPart")
    for path in (library, library.parent):
        host = start("java", builder.jar("UsesLibrary"), classpath=[path])
        assert host.call(b"").body == b"from the library"


def test_classpath_twice(start: StartHost, builder: ProcessorBuilder) -> None:
    """--classpath may be given several times."""
    paths: list[str | Path] = [builder.jar("NoProcess"), builder.jar("LibraryPart")]
    assert start("java", builder.jar("UsesLibrary"), classpath=paths).call(b"").body == b"from the library"


def test_folder_of_jars(start: StartHost, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The entry may be a folder: all of its jars are the program."""
    folder = tmp_path / "echo-program"
    folder.mkdir()
    shutil.copy(builder.jar("UsesLibrary"), folder)
    shutil.copy(builder.jar("LibraryPart"), folder)
    host = start("java", folder, mainclass="UsesLibrary")
    assert host.call(b"").body == b"from the library"
    assert host.path == "/api/predict/echo-program"


def test_folder_of_jars_without_mainclass(start: StartHost, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The one class that fits is looked for in all of them."""
    folder = tmp_path / "program"
    folder.mkdir()
    shutil.copy(builder.jar("UsesLibrary"), folder)
    shutil.copy(builder.jar("LibraryPart"), folder)
    assert start("java", folder).call(b"").body == b"from the library"


@columns("java")
def test_trace_is_java(host: Host) -> None:
    """The trace in the log is Java's own: class, method, file and line."""
    assert host.call(command("throw", "look")).status == 400
    host.expect_log("IllegalStateException")
    assert re.search(r"Contract\.java:\d+", host.wait_for_log(r"userCodeThatThrows\(").string)
