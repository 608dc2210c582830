"""
Projects to debug, one in each language, and `eas-host debug` in a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.build import INCLUDE, javac, need, run
from support.host import LISTENING, program
from support.service import describe
from support.terminal import Terminal
from support.wire import Client, request

CPP = """\
#include <cstdlib>
#include <cstring>

#include "eas/processor.h"

extern "C" void* initialize(const char*, const char*, int* state) {
  *state = 0;
  return std::malloc(1);
}

extern "C" int process(void*, const void* input, int size, void** output, int* output_size) {
  void* copy = std::malloc(size + 1);
  if (size == 4) *static_cast<volatile int*>(nullptr) = 0;
  *output = std::memcpy(copy, input, size);
  *output_size = size;
  return 200;
}
"""
PYTHON = """\
import allspark


class Echo(allspark.BaseProcessor):
    def initialize(self):
        self.count = 0

    def process(self, data):
        self.count += 1
        while data == b"loop":
            self.count += 1
            if self.count == 1000:
                print("a thousand turns", flush=True)
        return b"%d" % (6 // len(data)), 200


if __name__ == "__main__":
    Echo(worker_threads=4, worker_processes=2).run()
"""
JAVA = """\
package com.example;

public class Echo {
  private final String model;

  public Echo(String model, String config) {
    this.model = model;
  }

  public void Load() {
    System.setProperty("echo", "loaded");
  }

  public byte[] Process(byte[] input) {
    byte[] output = input.clone();
    return output;
  }
}
"""


@dataclass(frozen=True)
class Project:
    """A folder as a user has it, with the *source* and the built *entry* of a processor, and its *description*."""

    source: Path
    entry: Path
    description: Path


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    """Makes a project in a language, with flags of the C++ compiler."""

    def make(language: str, *compiler_flags: str) -> Project:
        folder = tmp_path / "project"
        folder.mkdir()
        if language == "cpp":
            need("gdb")
            source, entry = folder / "echo.cc", folder / "libecho.so"
            source.write_text(CPP, encoding="utf-8")
            run(need("g++"), *compiler_flags, "-g", "-O0", "-shared", "-fPIC", f"-I{INCLUDE}", source, "-o", entry)
        elif language == "java":
            need("jdb")
            source, entry = folder / "src" / "main" / "java" / "com" / "example" / "Echo.java", folder / "echo.jar"
            source.parent.mkdir(parents=True)
            source.write_text(JAVA, encoding="utf-8")
            build_jar(source, entry)
        else:
            source = entry = folder / "app.py"
            source.write_text(PYTHON, encoding="utf-8")
        path = describe(
            folder, name="echo", processor_type=language, processor_path=".", processor_entry=str(entry.name)
        )
        return Project(source, entry, path)

    return make


def build_jar(source: Path, entry: Path) -> None:
    """Compiles *source* and packs it, with what a debugger needs."""
    classes = entry.with_name("classes")
    javac("-g", "-d", classes, source)
    run(need("jar"), "cf", entry, "-C", classes, ".")


MakeProject = Callable[..., Project]
StartDebugger = Callable[..., Terminal]


@pytest.fixture
def debug(tmp_path: Path) -> Iterator[StartDebugger]:
    """Starts `eas-host debug` with words; at the end all of its processes are ended."""
    with ExitStack() as running:

        def start(*words: str | Path) -> Terminal:
            return running.enter_context(Terminal(tmp_path, [*program(), "debug", *words], tmp_path))

        yield start


def ask(terminal: Terminal, body: bytes) -> Client:
    """Sends a request to the service that *terminal* has announced."""
    found = terminal.expect(LISTENING)
    terminal.expect("In another terminal: curl -d hello http")
    return Client((found[2], int(found[3]))).send(request("POST", found[4], body))
