"""
`eas-host check` names what is wrong with a shared library before it is opened.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.build import ProcessorBuilder, need, run
from support.checks import check, expect
from support.libraries import library, needs_beside, processor, readelf

C_NAMES = 'extern "C" '
INITIALIZE = "void* initialize(const char*, const char*, int* state) { *state = 0; return nullptr; }\n"
PROCESS = "int process(void*, const void*, int, void**, int*) { return 200; }\n"
ASYNC_PROCESS = "void async_process(void*, const void*, int, long, void (*)(const char*, int, long, int, int)) {}\n"
CANCEL_WITHOUT_MODEL = "void eas_async_cancel(long) {}\n"
MACHINE = 18
"""Where e_machine is."""

Make = Callable[[Path, ProcessorBuilder], Path]


@dataclass(frozen=True)
class Library:
    """
    A library, and the finding that it must get, as a pattern.

    Attributes:
        id: names the case.
        make: makes it in a folder.
        finding: its verdict, file and words.
    """

    id: str
    make: Make
    finding: str

    def __str__(self) -> str:
        return self.id


def existing(name: str, *flags: str) -> Make:
    return lambda _folder, builder: builder.cpp(name, *flags)


def source(text: str, *flags: str) -> Make:
    """The library libone.so, with debug information, of the C++ source *text*."""

    def make(folder: Path, _builder: ProcessorBuilder) -> Path:
        (folder / "one.cc").write_text(text, encoding="utf-8")
        run(need("g++"), "-w", "-g", "-shared", "-fPIC", folder / "one.cc", "-o", folder / "libone.so", *flags)
        return folder / "libone.so"

    return make


def changed(change: Callable[[bytearray], bytes | bytearray]) -> Make:
    """A processor that works, but for a *change* of its bytes."""

    def make(folder: Path, builder: ProcessorBuilder) -> Path:
        path = folder / "libone.so"
        path.write_bytes(change(bytearray(builder.cpp("contract").read_bytes())))
        return path

    return make


def text(content: bytes) -> Make:
    def make(folder: Path, _builder: ProcessorBuilder) -> Path:
        (folder / "libone.so").write_bytes(content)
        return folder / "libone.so"

    return make


def other_machine(data: bytearray) -> bytearray:
    data[MACHINE : MACHINE + 2] = (183 if data[MACHINE] == 62 else 62).to_bytes(2, "little")
    return data


def other_class(data: bytearray) -> bytearray:
    data[4] = 1
    data[MACHINE : MACHINE + 2] = b"\x03\0"
    return data


def damaged_headers(data: bytearray) -> bytearray:
    data[32:40] = b"\xff" * 8  # e_phoff
    return data


def newer(version: bytes, wanted: bytes) -> Callable[[bytearray], bytearray]:
    """Asks for the version *wanted* of a library in the place of *version*."""

    def change(data: bytearray) -> bytearray:
        assert len(version) == len(wanted)
        assert version in data
        return data.replace(b"\0" + version + b"\0", b"\0" + wanted + b"\0")

    return change


def program(folder: Path, _builder: ProcessorBuilder) -> Path:
    (folder / "main.c").write_text("int main(void) { return 0; }\n", encoding="utf-8")
    run(need("gcc"), "-no-pie", folder / "main.c", "-o", folder / "libone.so")
    return folder / "libone.so"


def object_file(folder: Path, _builder: ProcessorBuilder) -> Path:
    (folder / "one.c").write_text("int process(void) { return 0; }\n", encoding="utf-8")
    run(need("gcc"), "-c", folder / "one.c", "-o", folder / "libone.so")
    return folder / "libone.so"


def missing_behind_another(folder: Path, _builder: ProcessorBuilder) -> Path:
    """The library beside it lacks one."""
    last = library(folder / "liblast.so")
    between = library(folder / "libbetween.so", last)
    path = processor(folder / "libone.so", between, flags=("-Wl,-rpath=.",))
    last.unlink()
    return path


def absolute_rpath(folder: Path, _builder: ProcessorBuilder) -> Path:
    other = library(folder / "elsewhere" / "libother.so")
    return processor(folder / "libone.so", other, flags=(f"-Wl,-rpath={other.parent}",))


def no_rpath(folder: Path, _builder: ProcessorBuilder) -> Path:
    return processor(folder / "libone.so", library(folder / "libother.so"))


LIBRARIES = [
    Library("no-initialize", existing("no_initialize"), r"error libno_initialize\.so: missing symbol initialize; a p"),
    Library("no-process", existing("no_process"), r"error libno_process\.so: missing symbol process; a processor"),
    Library("mangled", existing("mangled"), r'error libmangled\.so: process has a C\+\+ name; declare it extern "C"'),
    Library(
        "hidden",
        source(C_NAMES + INITIALIZE + C_NAMES + PROCESS, "-fvisibility=hidden"),
        r"error libone\.so: no processor: it exports neither initialize nor process;.*-fvisibility=hidden",
    ),
    Library(
        "variable",
        source(C_NAMES + INITIALIZE + 'extern "C" { int process = 1; }\n'),
        r"error libone\.so: process is a variable; define a function",
    ),
    Library(
        "undefined-symbol",
        existing("undefined_symbol"),
        r"error libundefined_symbol\.so: undefined symbol nobody_defines_this\(double\) \(\w+\); link the library that",
    ),
    Library(
        "missing-library",
        lambda _folder, builder: needs_beside(builder),
        r"error libneeds_beside\.so: missing library libbeside\.so; put it beside the \.so",
    ),
    Library(
        "missing-behind-another",
        missing_behind_another,
        r"error libone\.so: missing library liblast\.so, which libbetween\.so needs; put it beside",
    ),
    Library("text", text(b"#!/bin/sh\n"), r"error libone\.so: not an ELF file; a cpp processor is a shared library"),
    Library("empty", text(b""), r"error libone\.so: not an ELF file"),
    Library("linker-script", text(b"GROUP ( libfoo.so.1 )\n"), r"error libone\.so: not an ELF file"),
    Library(
        "header-alone", text(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\3\0\x3e\0"), r"error libone\.so: .*damaged ELF"
    ),
    Library(
        "truncated",
        changed(lambda data: data[:12_000]),
        r"error libone\.so: cut off: it has 12,000 bytes, and its headers speak of [\d,]+; build or copy it again",
    ),
    Library("damaged-headers", changed(damaged_headers), r"error libone\.so: a damaged ELF file \(.*\); build or cop"),
    Library(
        "other-machine",
        changed(other_machine),
        r"error libone\.so: built for another machine \(\w+, 64-bit\); rebuild it on this",
    ),
    Library("i386", changed(other_class), r"error libone\.so: .*(another machine \(i386, 32-bit\)|damaged ELF file)"),
    Library("program", program, r"error libone\.so: an ELF file, but not a shared library; link it with -shared"),
    Library("object-file", object_file, r"error libone\.so: an ELF file, but not a shared library"),
    Library(
        "glibcxx",
        changed(newer(b"GLIBCXX_3.4.21", b"GLIBCXX_3.4.99")),
        r"error libone\.so: it needs GLIBCXX_3\.4\.99 of libstdc\+\+\.so\.6, and /\S+ has GLIBCXX_[\d.]+ at most",
    ),
    Library(
        "glibc",
        changed(newer(b"GLIBC_2.2.5", b"GLIBC_2.9.5")),
        r"error libone\.so: it needs GLIBC_2\.9\.5 of libc\.so\.6, and /\S+ has GLIBC_[\d.]+ at most; build it on this",
    ),
    Library(
        "parameter-by-value",
        source(f"#include <string>\n{C_NAMES}{INITIALIZE}{C_NAMES}" + PROCESS.replace("const void*", "std::string")),
        r"error libone\.so: parameter 2 of process is (std::)?string, not a pointer to data; declare it int process\(",
    ),
    Library(
        "size-of-eight-bytes",
        source(f"{C_NAMES}{INITIALIZE}{C_NAMES}" + PROCESS.replace("int*", "unsigned long*")),
        r"error libone\.so: parameter 5 of process is .*unsigned.* \*, not int \*; declare it int process\(",
    ),
    Library(
        "output-of-one-star",
        source(f"{C_NAMES}{INITIALIZE}{C_NAMES}" + PROCESS.replace("void**", "char*")),
        r"error libone\.so: parameter 4 of process is char \*, not void \*\*",
    ),
    Library(
        "too-few-parameters",
        source(f"{C_NAMES}{INITIALIZE}{C_NAMES}" + PROCESS.replace("void*, ", "", 1)),
        r"error libone\.so: process has 4 parameters, not 5; declare it int process\(",
    ),
    Library(
        "returns-nothing",
        source(f"{C_NAMES}{INITIALIZE}{C_NAMES}void process(void*, const void*, int, void**, int*) {{}}\n"),
        r"error libone\.so: process returns void, not int",
    ),
    Library(
        "request-id-of-four-bytes",
        source(f"{C_NAMES}{INITIALIZE}{C_NAMES}{PROCESS}{C_NAMES}{ASYNC_PROCESS.replace('long', 'int')}"),
        r"error libone\.so: parameter 4 of async_process is int, not int64_t; declare it void async_process\(",
    ),
    Library(
        "function-under-a-name-of-cpp",
        source(f"{C_NAMES}{INITIALIZE}{C_NAMES}{PROCESS}{ASYNC_PROCESS}"),
        r'warning libone\.so: async_process has a C\+\+ name, so it is not called; declare it extern "C"',
    ),
    Library(
        "cancel-without-the-model",
        source(f"{C_NAMES}{INITIALIZE}{C_NAMES}{PROCESS}{C_NAMES}{ASYNC_PROCESS}{C_NAMES}{CANCEL_WITHOUT_MODEL}"),
        r"error libone\.so: eas_async_cancel has 1 parameter, not 2; declare it void eas_async_cancel\(",
    ),
    Library(
        "absolute-rpath",
        absolute_rpath,
        r"warning libone\.so: an rpath leads to libother\.so in /\S+/elsewhere, which other machines do not have;",
    ),
    Library("no-rpath", no_rpath, r"warning libone\.so: no rpath leads to libother\.so: .*; link with -Wl,-rpath=\."),
]


@pytest.mark.parametrize("case", LIBRARIES, ids=str)
def test_what_is_wrong_is_named(case: Library, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Nothing else is found."""
    expect(check(case.make(tmp_path, builder)), case.finding)


@pytest.mark.parametrize("name", ["contract", "plain_c", "prints_while_loading", "throws_in_initialize"])
def test_processor_that_works_is_ok(name: str, builder: ProcessorBuilder) -> None:
    expect(check(builder.cpp(name)))


def test_library_linked_by_a_path_from_its_folder_is_found(tmp_path: Path) -> None:
    """The dynamic linker replaces $ORIGIN there, too."""
    one = library(tmp_path / "lib" / "libone.so", flags=("-g", "-Wl,-soname=$ORIGIN/lib/libone.so"))
    expect(check(processor(tmp_path / "libecho.so", one, flags=("-g",))))


def test_signature_of_another_spelling_is_ok(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """What counts is what a call does: pointers to other types and typedefs are fine."""
    make = source(
        "#include <cstdint>\nenum Status { OK = 200 };\nstruct Model {};\n"
        f"{C_NAMES}Model* initialize(char* entry, const char* config, int32_t* state) {{ *state = 0; return 0; }}\n"
        f"{C_NAMES}Status process(Model* model, const uint8_t* data, int32_t n, char** out, int& m) {{ return OK; }}\n"
    )
    checked = check(make(tmp_path, builder))
    expect(checked)
    assert "the signature of" in str(checked.found)


def test_signature_of_an_optional_function_is_ok(builder: ProcessorBuilder) -> None:
    """Written after eas/processor.h, or as a function that returns something: that is not looked at."""
    checked = check(builder.cpp("answers_later"))
    expect(checked)
    assert "the signature of initialize, process, async_process and eas_async_cancel is EAS's" in str(checked.found)


def test_stripped_library_is_ok(builder: ProcessorBuilder, tmp_path: Path) -> None:
    path = Path(shutil.copy(builder.cpp("contract"), tmp_path))
    run(need("strip"), path)
    checked = check(path)
    expect(checked)
    assert "compile with -g" in str(checked.found)


def test_optional_functions_are_named(builder: ProcessorBuilder, tmp_path: Path) -> None:
    make = source(C_NAMES + INITIALIZE + C_NAMES + PROCESS + C_NAMES + "int batch_process() { return 0; }\n")
    checked = check(make(tmp_path, builder))
    expect(checked)
    assert "of the optional ones batch_process" in str(checked.found)


@pytest.mark.parametrize(("name", "option"), [("AddressSanitizer", "address"), ("ThreadSanitizer", "thread")])
def test_sanitizer_is_ok(builder: ProcessorBuilder, name: str, option: str) -> None:
    checked = check(builder.cpp("plain_c", f"-fsanitize={option}"))
    expect(checked)
    assert f"built with {name}: its worker starts with /" in str(checked.found)


def test_preloaded_sanitizer_is_ok(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """A description can give the worker its variables."""
    path = builder.cpp("plain_c", "-fsanitize=address")
    name = next(name for name in readelf(path, "NEEDED") if "asan" in name)
    command = [need("gcc"), f"-print-file-name={name}"]
    preload = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    description = tmp_path / "service.json"
    variables = f'[{{"name": "LD_PRELOAD", "value": "{preload}"}}]'
    description.write_text(f'{{"name": "a", "processor_path": "{path}", "processor_envs": {variables}}}')
    expect(check(description, cache=tmp_path / "cache"))
