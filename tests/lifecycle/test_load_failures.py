"""
Every way in which a processor cannot be loaded has its own message: exit code 3, a line that says what, where
and what to do, the user's own frames where there are any, and never ours.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.command import load
from support.libraries import needs_beside

ISOLATIONS = ("process", "none")
each_isolation = pytest.mark.parametrize("isolation", ISOLATIONS)


# C++.


@each_isolation
@pytest.mark.parametrize("name", ["libabsent.so", "absent.jar", "absent.py"])
def test_no_such_file(tmp_path: Path, name: str, isolation: str) -> None:
    load(tmp_path / name, isolation).fails_in_one_line(3, str(tmp_path / name), "No such file")


def test_a_folder(tmp_path: Path) -> None:
    load(tmp_path, language="cpp").fails_in_one_line(3, str(tmp_path), "directory")


def damaged(builder: ProcessorBuilder, folder: Path, at: int, data: bytes) -> Path:
    """A copy of a good library with *data* written over it *at* an offset."""
    content = bytearray(builder.cpp("contract").read_bytes())
    content[at : at + len(data)] = data
    path = folder / "libdamaged.so"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\n", b"PK\x03\x04" + bytes(100)])
def test_not_elf(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "libtext.so"
    path.write_bytes(content)
    load(path).fails_in_one_line(3, str(path), "not an ELF file")


def test_another_machine(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """e_machine at offset 18; 21 is 64-bit PowerPC, on which no test runs."""
    path = damaged(builder, tmp_path, 18, b"\x15\x00")
    load(path).fails_in_one_line(3, str(path), "another machine")


def test_32_bits(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """EI_CLASS at offset 4."""
    load(damaged(builder, tmp_path, 4, b"\x01")).fails_in_one_line(3, "32-bit")


def test_a_program(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """An executable is ELF too, but no library."""
    load(damaged(builder, tmp_path, 16, b"\x02\x00")).fails_in_one_line(3, "not a shared library")


def test_cut_short(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """An upload that broke off: the linker's own words, whatever they are, with the file's name."""
    path = tmp_path / "libhalf.so"
    path.write_bytes(builder.cpp("contract").read_bytes()[:5000])
    load(path).fails_with(3, str(path))


@each_isolation
def test_missing_library(builder: ProcessorBuilder, isolation: str) -> None:
    load(needs_beside(builder), isolation).fails_in_one_line(3, "libneeds_beside.so", "libbeside.so", "missing library")


@each_isolation
@pytest.mark.parametrize("symbol", ["initialize", "process"])
def test_missing_symbol(builder: ProcessorBuilder, symbol: str, isolation: str) -> None:
    entry = builder.cpp(f"no_{symbol}")
    load(entry, isolation).fails_in_one_line(3, str(entry), f"missing symbol {symbol}")


def test_mangled_symbol(builder: ProcessorBuilder) -> None:
    """Forgotten extern "C" is said as such."""
    load(builder.cpp("mangled")).fails_in_one_line(3, "process", 'extern "C"')


def test_undefined_symbol(builder: ProcessorBuilder) -> None:
    load(builder.cpp("undefined_symbol")).fails_in_one_line(3, "undefined symbol", "nobody_defines_this")


@each_isolation
def test_state(builder: ProcessorBuilder, isolation: str) -> None:
    load(builder.cpp("bad_state"), isolation).fails_in_one_line(3, "libbad_state.so", "initialize", "state", "7")


def test_state_untouched(builder: ProcessorBuilder) -> None:
    """A state that was never set is said as such, not as the sentinel's number."""
    load(builder.cpp("state_untouched")).fails_in_one_line(3, "initialize", "state", "set")


@each_isolation
def test_initialize_throws(builder: ProcessorBuilder, isolation: str) -> None:
    load(builder.cpp("throws_in_initialize"), isolation).fails_with(
        3, "initialize", "runtime_error", "the model file is torn"
    )


def test_initialize_throws_an_int(builder: ProcessorBuilder) -> None:
    load(builder.cpp("throws_int_in_initialize")).fails_with(3, "initialize", "int")


@pytest.mark.parametrize("name", ["segv_in_initialize", "crashes_in_constructor"])
def test_crash_while_loading(builder: ProcessorBuilder, name: str) -> None:
    """A crash is told with its signal, and tried once only."""
    load(builder.cpp(name)).fails_with(3, f"lib{name}.so", "SIGSEGV", "loading")


def test_exit_while_loading(builder: ProcessorBuilder) -> None:
    """exit(0) inside initialize is no clean stop."""
    load(builder.cpp("exits_in_initialize")).fails_with(3, "libexits_in_initialize.so", "exit")


# Java.


@each_isolation
def test_no_such_class(builder: ProcessorBuilder, isolation: str) -> None:
    ended = load(builder.jar("Contract"), isolation, "--mainclass", "com.example.Absent")
    ended.fails_in_one_line(3, "com.example.Absent", "contract.jar")


@pytest.mark.parametrize("content", [b"", b"no jar at all", b"PK\x03\x04" + bytes(100)])
def test_not_a_jar(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.jar"
    path.write_bytes(content)
    load(path, "process", "--mainclass", "Contract").fails_in_one_line(3, str(path))


def test_folder_without_jars(tmp_path: Path) -> None:
    load(tmp_path, language="java").fails_in_one_line(3, str(tmp_path), "jar")


@each_isolation
def test_no_constructor(builder: ProcessorBuilder, isolation: str) -> None:
    ended = load(builder.jar("NoConstructor"), isolation, "--mainclass", "NoConstructor")
    ended.fails_in_one_line(3, "NoConstructor", "constructor", "String, String")


@pytest.mark.parametrize("method", ["Load", "Process"])
def test_missing_method(builder: ProcessorBuilder, method: str) -> None:
    name = f"No{method}"
    load(builder.jar(name), "process", "--mainclass", name).fails_in_one_line(3, name, method)


def test_process_of_another_form(builder: ProcessorBuilder) -> None:
    load(builder.jar("WrongProcess"), "process", "--mainclass", "WrongProcess").fails_in_one_line(
        3, "Process", "byte[]"
    )


def test_class_is_not_public(builder: ProcessorBuilder) -> None:
    ended = load(builder.jar("HiddenProcessor"), "process", "--mainclass", "HiddenProcessor")
    ended.fails_in_one_line(3, "HiddenProcessor", "public")


def test_no_class_fits(builder: ProcessorBuilder) -> None:
    load(builder.jar("NoConstructor", "NoProcess", "LibraryPart")).fails_in_one_line(3, "--mainclass")


def test_several_classes_fit(builder: ProcessorBuilder) -> None:
    """They are listed, so that one can be chosen."""
    ended = load(builder.jar("FirstOfTwo", "SecondOfTwo"))
    ended.fails_in_one_line(3, "FirstOfTwo", "SecondOfTwo", "--mainclass")


@each_isolation
@pytest.mark.parametrize(
    ("name", "message"), [("LoadThrows", "the model file is torn"), ("ConstructorThrows", "no such model")]
)
def test_java_code_throws(builder: ProcessorBuilder, name: str, message: str, isolation: str) -> None:
    """The user's exception, with the user's frames above the line."""
    ended = load(builder.jar(name), isolation)
    ended.fails_with(3, name, "IllegalStateException", message)
    assert "userCodeThatThrows" in ended.stderr


def test_static_initialiser_throws(builder: ProcessorBuilder) -> None:
    ended = load(builder.jar("StaticFails"))
    ended.fails_with(3, "StaticFails")
    assert "NumberFormatException" in ended.stderr


def test_java_library_is_missing(builder: ProcessorBuilder) -> None:
    ended = load(builder.jar("UsesLibrary"))
    ended.fails_with(3, "LibraryPart")


def test_java_exits_while_loading(builder: ProcessorBuilder) -> None:
    load(builder.jar("ExitsInLoad")).fails_with(3, "exitsinload.jar", "exit")


def test_class_for_a_newer_java(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Bytes 6 and 7 of a class file are its version; 99 is no Java of today."""
    classes = tmp_path / "classes"
    shutil.copytree(builder.classes(), classes)
    newer = bytearray((classes / "Contract.class").read_bytes())
    newer[6:8] = b"\x00\x63"
    (classes / "Contract.class").write_bytes(newer)
    other = ProcessorBuilder(tmp_path / "made")
    other.folder.mkdir()
    other.adopt_classes(classes)
    load(other.jar("Contract"), "process", "--mainclass", "Contract").fails_with(3, "Contract", "version")


def test_wrong_jvm_option(builder: ProcessorBuilder) -> None:
    """The JVM's own complaint is passed on."""
    ended = load(builder.jar("Contract"), "process", "--jvm-options", "-XX:NoSuchOption=1")
    assert ended.code in (2, 3), ended
    assert "NoSuchOption" in ended.stderr


# Python.


@each_isolation
def test_syntax_error(builder: ProcessorBuilder, isolation: str) -> None:
    """File and line, and Python's own marks under it."""
    ended = load(builder.python("syntax_error.py"), isolation)
    ended.fails_with(3, "syntax_error.py:3", "SyntaxError")
    assert "class Broken(allspark.BaseProcessor)" in ended.stderr


@each_isolation
def test_import_error(builder: ProcessorBuilder, isolation: str) -> None:
    """The module's name, and what to do about it."""
    ended = load(builder.python("import_error.py"), isolation)
    ended.fails_with(3, "import_error.py", "a_module_that_nobody_has", "install")
    assert 'import_error.py", line ' in ended.stderr


@each_isolation
@pytest.mark.parametrize("name", ["raises_on_import.py", "initialize_raises.py"])
def test_python_code_raises(builder: ProcessorBuilder, name: str, isolation: str) -> None:
    """The user's exception, with the user's frames above the line."""
    ended = load(builder.python(name), isolation)
    ended.fails_with(3, name, "RuntimeError", "the model file is torn")
    assert "in user_code_that_throws" in ended.stderr


def test_constructor_raises(builder: ProcessorBuilder) -> None:
    ended = load(builder.python("constructor_raises.py"))
    ended.fails_with(3, "constructor_raises.py", "Mine", "not built today")


@each_isolation
@pytest.mark.parametrize("name", ["exits_on_import.py", "exits_in_initialize.py"])
def test_python_exits_while_loading(builder: ProcessorBuilder, name: str, isolation: str) -> None:
    """sys.exit(0) is no clean stop."""
    load(builder.python(name), isolation).fails_with(3, name, "SystemExit")


def test_no_subclass(builder: ProcessorBuilder) -> None:
    load(builder.python("no_subclass.py")).fails_in_one_line(3, "no_subclass.py", "BaseProcessor")


def test_two_subclasses(builder: ProcessorBuilder) -> None:
    """They are listed, so that one can be chosen."""
    load(builder.python("two_subclasses.py")).fails_in_one_line(3, "First", "Second", "two_subclasses.py:")


def test_no_such_python_class(builder: ProcessorBuilder) -> None:
    entry = builder.python("two_subclasses.py")
    load(f"{entry}:Third").fails_in_one_line(3, "Third", "First", "Second")


def test_python_class_is_no_processor(builder: ProcessorBuilder) -> None:
    load(f"{builder.python('no_subclass.py')}:NotOne").fails_in_one_line(3, "NotOne", "BaseProcessor")


def test_initialize_is_missing(tmp_path: Path) -> None:
    """The base class says which method is not there."""
    path = tmp_path / "empty_one.py"
    path.write_text("import allspark\n\n\nclass Mine(allspark.BaseProcessor):\n    pass\n", encoding="utf-8")
    load(path).fails_with(3, "empty_one.py", "Mine", "initialize")


# Whatever the language.


def test_no_process_is_left(builder: ProcessorBuilder) -> None:
    """One of three workers that cannot load ends the host, with one message."""
    ended = load(builder.cpp("bad_state"), "process", "--worker-processes", "3")
    ended.fails_in_one_line(3, "state", "7")
