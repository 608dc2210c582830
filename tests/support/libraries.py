"""
Small shared libraries that need each other, for tests of what a processor needs.
"""

from __future__ import annotations

import ctypes.util
import re
import subprocess
from pathlib import Path

import pytest

from support.build import ProcessorBuilder, need, run

PROCESSOR = """
#include <stdlib.h>
#include <string.h>
void* initialize(const char* entry, const char* config, int* state) { *state = 0; return 0; }
int process(void* model, const void* input, int size, void** output, int* output_size) {
  int number = 0%s;
  *output = malloc(1);
  *(char*)*output = '0' + number;
  *output_size = 1;
  return 200;
}
"""


def library(target: Path, *needs: Path, flags: tuple[str, ...] = (), calls: str = "") -> Path:
    """
    The library *target*, with its file's name as SONAME. Its function gives 1 more than those that it needs together.
    With *calls* it has another one, which calls the function of that name; nobody need define it.
    """
    caller = f"int {calls}(void);\nint {_function(target)}_caller(void) {{ return {calls}(); }}\n" if calls else ""
    return _link(target, f"{caller}int {_function(target)}(void) {{ return 1{_sum(needs)}; }}", needs, flags)


def processor(target: Path, *needs: Path, flags: tuple[str, ...] = ()) -> Path:
    """
    A processor that answers with the number of libraries behind it, one digit.
    """
    return _link(target, PROCESSOR % _sum(needs), needs, flags)


def _link(target: Path, text: str, needs: tuple[Path, ...], flags: tuple[str, ...]) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    source = target.with_suffix(".c")
    declared = "".join(f"int {_function(path)}(void);\n" for path in needs)
    source.write_text(declared + text, encoding="utf-8")
    # What these need in turn is not this link's business, as it is not with libraries of a system.
    words = ["-w", "-shared", "-fPIC", "-Wl,--allow-shlib-undefined", f"-Wl,-soname={target.name}"]
    run(need("gcc"), *words, source, "-o", target, "-Wl,--no-as-needed", *needs, *flags)
    source.unlink()
    return target


def _function(library: Path) -> str:
    return library.name.partition(".")[0].replace("-", "_")


def _sum(needs: tuple[Path, ...]) -> str:
    return "".join(f" + {_function(path)}()" for path in needs)


def needs_beside(builder: ProcessorBuilder) -> Path:
    """libneeds_beside.so, in a folder without the libbeside.so that it needs."""
    beside = builder.cpp("beside").parent
    return builder.cpp("needs_beside", f"-L{beside}", "-lbeside", "-Wl,-rpath=.")


def find_shared(name: str) -> str:
    """The SONAME of the system's library lib*name*; without it the test is skipped."""
    found = ctypes.util.find_library(name)
    if found is None:
        pytest.skip(f"lib{name} is not installed")
    return found


def readelf(path: Path, tag: str) -> list[str]:
    """The values of a *tag*, such as NEEDED, as binutils read them."""
    command = [need("readelf"), "--wide", "--dynamic", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return re.findall(rf"\({tag}\).*\[(.*)\]", text)
