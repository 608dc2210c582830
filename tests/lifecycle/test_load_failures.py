"""
Each way in which a processor cannot be loaded has its own message: exit code 3, a line that says what, where and what
to do, the user's own frames where there are any, and none of the host's.
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
def test_missing_entry_is_reported(tmp_path: Path, name: str, isolation: str) -> None:
    load(tmp_path / name, isolation).fails_in_one_line(3, str(tmp_path / name), "No such file")


def test_folder_as_a_cpp_entry_is_reported(tmp_path: Path) -> None:
    load(tmp_path, language="cpp").fails_in_one_line(3, str(tmp_path), "directory")


def damaged(builder: ProcessorBuilder, folder: Path, at: int, data: bytes) -> Path:
    """A copy of a good library with *data* written over it *at* an offset."""
    content = bytearray(builder.cpp("contract").read_bytes())
    content[at : at + len(data)] = data
    path = folder / "libdamaged.so"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\n", b"PK\x03\x04" + bytes(100)])
def test_file_that_is_not_elf_is_reported(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "libtext.so"
    path.write_bytes(content)
    load(path).fails_in_one_line(3, str(path), "not an ELF file")


def test_library_for_another_machine_is_reported(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """e_machine at offset 18; 21 is 64-bit PowerPC, on which no test runs."""
    path = damaged(builder, tmp_path, 18, b"\x15\x00")
    load(path).fails_in_one_line(3, str(path), "another machine")


def test_library_of_32_bits_is_reported(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """EI_CLASS at offset 4."""
    load(damaged(builder, tmp_path, 4, b"\x01")).fails_in_one_line(3, "32-bit")


def test_program_instead_of_a_library_is_reported(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """A program is an ELF file, too."""
    load(damaged(builder, tmp_path, 16, b"\x02\x00")).fails_in_one_line(3, "not a shared library")


def test_truncated_library_is_reported(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """An upload that broke off: the linker's own words, whatever they are, with the file's name."""
    path = tmp_path / "libhalf.so"
    path.write_bytes(builder.cpp("contract").read_bytes()[:5000])
    load(path).fails_with(3, str(path))


@each_isolation
def test_missing_library_is_named(builder: ProcessorBuilder, isolation: str) -> None:
    load(needs_beside(builder), isolation).fails_in_one_line(3, "libneeds_beside.so", "libbeside.so", "missing library")


@each_isolation
@pytest.mark.parametrize("symbol", ["initialize", "process"])
def test_missing_processor_function_is_named(builder: ProcessorBuilder, symbol: str, isolation: str) -> None:
    entry = builder.cpp(f"no_{symbol}")
    load(entry, isolation).fails_in_one_line(3, str(entry), f"missing symbol {symbol}")


def test_function_without_extern_c_is_reported(builder: ProcessorBuilder) -> None:
    load(builder.cpp("mangled")).fails_in_one_line(3, "process", 'extern "C"')


def test_undefined_symbol_is_named(builder: ProcessorBuilder) -> None:
    """As it is written in C++, too."""
    load(builder.cpp("undefined_symbol")).fails_in_one_line(
        3, "undefined symbol nobody_defines_this(double) (_Z19nobody_defines_thisd); link the library"
    )


@each_isolation
def test_state_that_is_not_success_is_reported(builder: ProcessorBuilder, isolation: str) -> None:
    load(builder.cpp("bad_state"), isolation).fails_in_one_line(
        3, "libbad_state.so", "initialize failed with state 7; it got no model: neither --model-entry nor model_path"
    )


def test_state_that_is_not_success_shows_what_the_model_was(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """A folder with what is in it, since an archive may have brought a folder of its own; the first names only."""
    library = builder.cpp("bad_state")
    (tmp_path / "model" / "model").mkdir(parents=True)
    model = ("--model-entry", str(tmp_path / "model"))
    load(library, "process", *model).fails_in_one_line(3, f"the model_entry is {model[1]}, a folder with model/")
    for number in range(6):
        (tmp_path / "model" / f"part{number}").touch()
    load(library, "process", *model).fails_in_one_line(3, "a folder with model/, part0, part1, part2, part3, ...")
    absent = ("--model-entry", str(tmp_path / "absent"))
    load(library, "process", *absent).fails_in_one_line(3, f"the model_entry is {absent[1]}: No such file or directory")


def test_state_that_was_never_set_is_reported(builder: ProcessorBuilder) -> None:
    """The message does not show the sentinel's number."""
    load(builder.cpp("state_untouched")).fails_in_one_line(3, "initialize", "state", "set")


@each_isolation
def test_exception_in_initialize_is_reported(builder: ProcessorBuilder, isolation: str) -> None:
    load(builder.cpp("throws_in_initialize"), isolation).fails_with(
        3, "initialize", "runtime_error", "the model file is torn"
    )


def test_int_thrown_in_initialize_is_reported(builder: ProcessorBuilder) -> None:
    load(builder.cpp("throws_int_in_initialize")).fails_with(3, "initialize", "int")


@pytest.mark.parametrize("name", ["segv_in_initialize", "crashes_in_constructor"])
def test_crash_while_loading_is_reported_with_its_signal(builder: ProcessorBuilder, name: str) -> None:
    """The load is tried only once."""
    load(builder.cpp(name)).fails_with(3, f"lib{name}.so", "SIGSEGV", "loading")


def test_exit_0_inside_initialize_is_a_failed_load(builder: ProcessorBuilder) -> None:
    load(builder.cpp("exits_in_initialize")).fails_with(3, "libexits_in_initialize.so", "exit")


# Java.


@each_isolation
def test_missing_java_class_is_named(builder: ProcessorBuilder, isolation: str) -> None:
    ended = load(builder.jar("Contract"), isolation, "--mainclass", "com.example.Absent")
    ended.fails_in_one_line(3, "com.example.Absent", "contract.jar")


@pytest.mark.parametrize("content", [b"", b"no jar at all", b"PK\x03\x04" + bytes(100)])
def test_file_that_is_not_a_jar_is_reported(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.jar"
    path.write_bytes(content)
    load(path, "process", "--mainclass", "Contract").fails_in_one_line(3, str(path))


def test_folder_without_jars_is_reported(tmp_path: Path) -> None:
    load(tmp_path, language="java").fails_in_one_line(3, str(tmp_path), "jar")


@each_isolation
def test_java_class_without_the_constructor_is_reported(builder: ProcessorBuilder, isolation: str) -> None:
    ended = load(builder.jar("NoConstructor"), isolation, "--mainclass", "NoConstructor")
    ended.fails_in_one_line(3, "NoConstructor", "constructor", "String, String")


@pytest.mark.parametrize("method", ["Load", "Process"])
def test_missing_java_method_is_named(builder: ProcessorBuilder, method: str) -> None:
    name = f"No{method}"
    load(builder.jar(name), "process", "--mainclass", name).fails_in_one_line(3, name, method)


def test_process_method_of_another_form_is_reported(builder: ProcessorBuilder) -> None:
    load(builder.jar("WrongProcess"), "process", "--mainclass", "WrongProcess").fails_in_one_line(
        3, "Process", "byte[]"
    )


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("AnswersByFuture", "Future<byte[]> Process(byte[])"),
        ("AnswersText", "CompletableFuture<String> Process(byte[])"),
        ("AnswersLists", "Iterator<? extends List<byte[]>> Process(String)"),
    ],
)
def test_java_class_that_returns_no_answer_is_reported(builder: ProcessorBuilder, name: str, method: str) -> None:
    """It says what is there, and what to return if the answer is to come later."""
    load(builder.jar(f"wrong.{name}"), "process").fails_in_one_line(
        3, f"it has public {method}", "an answer that comes later is a CompletableFuture<byte[]>"
    )


def test_java_class_that_takes_only_batches_is_reported(builder: ProcessorBuilder) -> None:
    load(builder.jar("OnlyBatches"), "process", "--batching", "adaptive").fails_in_one_line(
        3, 'no method "public byte[] Process(byte[] input)"', "which takes batches, and no request that runs by itself"
    )


def test_java_class_that_is_not_public_is_reported(builder: ProcessorBuilder) -> None:
    ended = load(builder.jar("HiddenProcessor"), "process", "--mainclass", "HiddenProcessor")
    ended.fails_in_one_line(3, "HiddenProcessor", "public")


def test_jar_without_a_processor_class_asks_for_mainclass(builder: ProcessorBuilder) -> None:
    load(builder.jar("NoConstructor", "NoProcess", "LibraryPart")).fails_in_one_line(3, "--mainclass")


def test_several_processor_classes_in_a_jar_are_listed(builder: ProcessorBuilder) -> None:
    """The user can choose one of them."""
    ended = load(builder.jar("FirstOfTwo", "SecondOfTwo"))
    ended.fails_in_one_line(3, "FirstOfTwo", "SecondOfTwo", "--mainclass")


@each_isolation
@pytest.mark.parametrize(
    ("name", "message"), [("LoadThrows", "the model file is torn"), ("ConstructorThrows", "no such model")]
)
def test_exception_of_java_code_while_loading_is_reported(
    builder: ProcessorBuilder, name: str, message: str, isolation: str
) -> None:
    """The user's frames stand above the line."""
    ended = load(builder.jar(name), isolation)
    ended.fails_with(3, name, "IllegalStateException", message)
    assert "userCodeThatThrows" in ended.stderr


def test_exception_in_a_static_initialiser_is_reported(builder: ProcessorBuilder) -> None:
    ended = load(builder.jar("StaticFails"))
    ended.fails_with(3, "StaticFails")
    assert "NumberFormatException" in ended.stderr


def test_missing_class_of_a_java_library_is_named(builder: ProcessorBuilder) -> None:
    ended = load(builder.jar("UsesLibrary"))
    ended.fails_with(3, "LibraryPart")


def test_exit_in_java_load_is_a_failed_load(builder: ProcessorBuilder) -> None:
    load(builder.jar("ExitsInLoad")).fails_with(3, "exitsinload.jar", "exit")


def test_class_for_a_newer_java_is_reported(builder: ProcessorBuilder, tmp_path: Path) -> None:
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


def test_wrong_jvm_option_is_reported_in_the_jvms_words(builder: ProcessorBuilder) -> None:
    ended = load(builder.jar("Contract"), "process", "--jvm-options", "-XX:NoSuchOption=1")
    assert ended.code in (2, 3), ended
    assert "NoSuchOption" in ended.stderr


# Python.


@each_isolation
def test_python_syntax_error_is_reported_with_file_and_line(builder: ProcessorBuilder, isolation: str) -> None:
    """Python's own marks stand under it."""
    ended = load(builder.python("syntax_error.py"), isolation)
    ended.fails_with(3, "syntax_error.py:3", "SyntaxError")
    assert "class Broken(allspark.BaseProcessor)" in ended.stderr


@each_isolation
def test_missing_python_module_is_named(builder: ProcessorBuilder, isolation: str) -> None:
    """The message says what to do about it."""
    ended = load(builder.python("import_error.py"), isolation)
    ended.fails_with(3, "import_error.py", "a_module_that_nobody_has", "install")
    assert 'import_error.py", line ' in ended.stderr


@each_isolation
@pytest.mark.parametrize("name", ["raises_on_import.py", "initialize_raises.py"])
def test_exception_of_python_code_while_loading_is_reported(
    builder: ProcessorBuilder, name: str, isolation: str
) -> None:
    """The user's frames stand above the line."""
    ended = load(builder.python(name), isolation)
    ended.fails_with(3, name, "RuntimeError", "the model file is torn")
    assert "in user_code_that_throws" in ended.stderr


def test_exception_in_a_python_constructor_is_reported(builder: ProcessorBuilder) -> None:
    ended = load(builder.python("constructor_raises.py"))
    ended.fails_with(3, "constructor_raises.py", "Mine", "not built today")


@each_isolation
@pytest.mark.parametrize("name", ["exits_on_import.py", "exits_in_initialize.py"])
def test_sys_exit_0_while_loading_is_a_failed_load(builder: ProcessorBuilder, name: str, isolation: str) -> None:
    load(builder.python(name), isolation).fails_with(3, name, "SystemExit")


def test_python_file_without_a_processor_class_is_reported(builder: ProcessorBuilder) -> None:
    load(builder.python("no_subclass.py")).fails_in_one_line(3, "no_subclass.py", "BaseProcessor")


def test_two_python_processor_classes_are_listed(builder: ProcessorBuilder) -> None:
    """The user can choose one of them."""
    load(builder.python("two_subclasses.py")).fails_in_one_line(3, "First", "Second", "two_subclasses.py:")


def test_missing_python_class_is_named_with_those_there_are(builder: ProcessorBuilder) -> None:
    entry = builder.python("two_subclasses.py")
    load(f"{entry}:Third").fails_in_one_line(3, "Third", "First", "Second")


def test_python_class_that_is_not_a_processor_is_reported(builder: ProcessorBuilder) -> None:
    load(f"{builder.python('no_subclass.py')}:NotOne").fails_in_one_line(3, "NotOne", "BaseProcessor")


def test_missing_initialize_method_is_named(tmp_path: Path) -> None:
    """The base class says it."""
    path = tmp_path / "empty_one.py"
    path.write_text("import allspark\n\n\nclass Mine(allspark.BaseProcessor):\n    pass\n", encoding="utf-8")
    load(path).fails_with(3, "empty_one.py", "Mine", "initialize")


# Whatever the language.


def test_one_worker_that_cannot_load_ends_the_host_with_one_message(builder: ProcessorBuilder) -> None:
    """There are three workers."""
    ended = load(builder.cpp("bad_state"), "process", "--worker-processes", "3")
    ended.fails_in_one_line(3, "state", "7")
