"""
The build steps that pyproject.toml cannot describe: a C++ module, two C++ libraries, three programs, a Java bridge and
a public C header.

cffi builds the module `eas_host._native` with native/build_native.py. `BuildNative` links the same objects as the
library `eas_host/libeas-runtime.so`, which any Python can load; with native/worker/main.cc, as the program
`eas_host/eas-cpp-worker`; and, alone, native/guardian/main.cc as the program `eas_host/eas-guardian`, and
native/memory_check/ as the library `eas_host/libeas-memory-check.so`. Where elfutils' libdw is installed it also makes
`eas_host/eas-symbolizer`; the host serves without that. `BuildJava` runs
java/build_java.py, which compiles the bridge and the launcher of the JVM.
A wheel also has the header, as `eas_host/include/eas/processor.h`, so that users can build processors with it, and the
Containerfile, as `eas_host/image/Containerfile`, for `eas-host image`. An editable install has jar, launcher, library
and programs beside the sources that need them, and the header in native/.
"""

from __future__ import annotations

import os
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from setuptools import Command, Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, ExecError, LinkError

HEADER = Path("native", "include", "eas", "processor.h")
CONTAINERFILE = Path("Containerfile")
BRIDGE = Path("eas_host", "java", "eas-host-bridge.jar")
LAUNCHER = BRIDGE.with_name("eas-host-launcher.so")
WORKER = Path("eas_host", "eas-cpp-worker")
WORKER_MAIN = Path("native", "worker", "main.cc")
RUNTIME = WORKER.with_name("libeas-runtime.so")
RUNTIME_SYMBOLS = Path("native", "runtime.map")
GUARDIAN = Path("eas_host", "eas-guardian")
GUARDIAN_MAIN = Path("native", "guardian", "main.cc")
SYMBOLIZER = Path("eas_host", "eas-symbolizer")
SYMBOLIZER_MAIN = Path("native", "symbolizer", "main.cc")
MEMORY_CHECK = WORKER.with_name("libeas-memory-check.so")
TOGETHER = 7
"""So many sources are compiled as one, since half of the time of each goes into headers that others have, too."""
MEMORY_CHECK_SOURCES = ("native/memory_check/malloc.cc", "native/memory_check/records.cc")


class BuildNative(build_ext):
    """
    Builds the module, the library and the worker program of the same objects; and the guardian and the library of
    --check-memory, which share headers with them.
    """

    def run(self) -> None:
        """
        Build all, if what all the steps need is here: what is missing is said before the first minute of work.
        """
        if missing := list(_missing_tools(with_java=_with_java())):
            raise ExecError("\n  ".join(("eas-host cannot be built without:", *missing)))
        super().run()

    def build_extension(self, ext: Extension) -> None:
        """
        Build the module *ext*, then the libraries and the programs.
        """
        compiler = self.compiler
        # All sources but the one that cffi has generated, which needs Python.
        ours = [source for source in ext.sources if Path(source).is_relative_to(Path("native", "src"))]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            # The longest ones first.
            generated = [pool.submit(self._compiled, [source], ext) for source in ext.sources if source not in ours]
            symbolizer = pool.submit(self._build_symbolizer, ext)
            main = pool.submit(self._compiled, [WORKER_MAIN], ext)
            # As C: the C++ library is not needed.
            guardian = pool.submit(self._compiled, [GUARDIAN_MAIN], ext)
            # As C, too: it comes before everything in a process, and must bring no C++ library along.
            memory_check = pool.submit(self._compiled, MEMORY_CHECK_SOURCES, ext, "-fno-exceptions", "-fno-rtti")
            groups = self._write_groups(ours)
            objects = [made for one in pool.map(lambda group: self._compiled([group], ext), groups) for made in one]
        ext.sources = []
        ext.extra_objects = [*(made for one in generated for made in one.result()), *objects]
        ext.language = "c++"  # which the linker must know, with no source to tell
        super().build_extension(ext)
        symbolizer.result()
        self._link_runtime(objects)
        program = str(Path(self.build_lib) / WORKER)
        compiler.link_executable(
            [*objects, *main.result()], program, extra_postargs=["-pthread", "-ldl"], target_lang="c++"
        )
        compiler.link_executable(guardian.result(), str(Path(self.build_lib) / GUARDIAN))
        compiler.link_shared_object(
            memory_check.result(), str(Path(self.build_lib) / MEMORY_CHECK), extra_postargs=["-ldl"]
        )

    def _write_groups(self, sources: Sequence[str | os.PathLike[str]]) -> list[Path]:
        """
        Write files that include `TOGETHER` of *sources* each.
        """
        folder = Path(self.build_temp)
        folder.mkdir(parents=True, exist_ok=True)
        groups = []
        for first in range(0, len(sources), TOGETHER):
            group = folder / f"group{first + 1}.cc"
            members = sources[first : first + TOGETHER]
            group.write_text("".join(f'#include "{Path(source).absolute()}"\n' for source in members), encoding="utf-8")
            groups.append(group)
        return groups

    def _build_symbolizer(self, ext: Extension) -> None:
        """
        Build the symbolizer, if there is libdw.
        """
        program = str(Path(self.build_lib) / SYMBOLIZER)
        try:
            objects = self._compiled([SYMBOLIZER_MAIN], ext)
            self.compiler.link_executable(objects, program, extra_postargs=["-ldw", "-lelf"], target_lang="c++")
        except (CompileError, LinkError):
            self.announce("there is no libdw (libdw-dev); C++ frames will have no files and lines", 3)

    def _link_runtime(self, objects: list[str]) -> None:
        """
        Link the library of *objects*, with the C++ library in it if the system has that in static form.
        """
        library = str(Path(self.build_lib) / RUNTIME)
        # What the C++ library has beyond our needs may need a newer libc than we do.
        flags = [f"-Wl,--version-script={RUNTIME_SYMBOLS}", "-Wl,-Bsymbolic", "-Wl,--gc-sections", "-pthread", "-ldl"]
        static = ["-static-libstdc++", "-static-libgcc"]
        try:
            self.compiler.link_shared_object(objects, library, extra_postargs=static + flags, target_lang="c++")
        except LinkError:
            self.announce("there is no static C++ library (libstdc++.a); the library uses the system's", 3)
            self.compiler.link_shared_object(objects, library, extra_postargs=flags, target_lang="c++")

    def _compiled(self, sources: Iterable[str | os.PathLike[str]], ext: Extension, *further: str) -> list[str]:
        """
        Compile *sources* as *ext* is compiled, and with *further* flags. Returns the objects.
        """
        flags = [*ext.extra_compile_args, *further]
        made: list[str] = self.compiler.compile(
            list(map(str, sources)), self.build_temp, include_dirs=ext.include_dirs, extra_postargs=flags
        )
        return made

    def copy_extensions_to_source(self) -> None:
        """
        Put the module, the libraries and the programs beside the sources, for an editable install.
        """
        super().copy_extensions_to_source()
        for program in (RUNTIME, WORKER, GUARDIAN, SYMBOLIZER, MEMORY_CHECK):
            if (Path(self.build_lib) / program).exists():
                self.copy_file(str(Path(self.build_lib) / program), str("host" / program))


class BuildJava(Command):
    """
    The step of `build` that makes the bridge's jar and, for a wheel, adds the public header and the Containerfile.

    It implements setuptools' protocol for such a step: https://setuptools.pypa.io/en/latest/userguide/extension.html
    """

    description = "compile the Java bridge"
    user_options: ClassVar[list[tuple[str, str | None, str]]] = []

    def initialize_options(self) -> None:
        """
        Declare the attributes that setuptools sets.
        """
        self.build_lib: str | None = None
        self.editable_mode = False

    def finalize_options(self) -> None:
        """
        Take over the folder in which `build` assembles the package.
        """
        self.set_undefined_options("build", ("build_lib", "build_lib"))

    def run(self) -> None:
        """
        Write the outputs.
        """
        if self.editable_mode:
            _compile_bridge("host" / BRIDGE)
            return
        jar, _, header, containerfile = map(Path, self.get_outputs())
        _compile_bridge(jar)
        header.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HEADER, header)
        containerfile.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CONTAINERFILE, containerfile)

    def get_source_files(self) -> list[str]:
        """
        List the files that a source distribution must have.
        """
        return [
            str(HEADER),
            str(CONTAINERFILE),
            *map(str, sorted(Path("java").rglob("*.java"))),
            *map(str, Path("java").glob("*.py")),
            *map(str, Path("java", "native").glob("*.[ch]*")),
        ]

    def get_outputs(self) -> list[str]:
        """
        List the files that `run` writes into the package.
        """
        package = Path(self.build_lib or "") / "eas_host"
        files = (BRIDGE.relative_to("eas_host"), LAUNCHER.relative_to("eas_host"), Path("include", "eas", HEADER.name))
        return [str(package / file) for file in (*files, Path("image", CONTAINERFILE.name))]

    def get_output_mapping(self) -> dict[str, str]:
        """
        Map outputs to the sources to which an editable install could link: none, because all outputs are generated.
        """
        return {}


class Build(build):
    """
    The usual build with the bridge as one more step.
    """

    # The Makefile compiles the bridge by itself, so that a host of C++ and Python needs no JDK.
    sub_commands: ClassVar = [
        *build.sub_commands,
        ("build_java", lambda _: _with_java()),
    ]


def _with_java() -> bool:
    return os.environ.get("EAS_HOST_BUILD_JAVA") != "0"


def _missing_tools(*, with_java: bool) -> Iterator[str]:
    """
    Yield what is missing on this machine, and the package that has it.
    """
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    compiler = shlex.split(os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "g++")[0]
    if not shutil.which(compiler):
        yield f"a C++ compiler: {compiler} is not found (on Debian or Ubuntu: apt-get install g++)"
    header = Path(sysconfig.get_path("include"), "Python.h")
    if not header.exists():
        yield f"the headers of Python: there is no {header} (on Debian or Ubuntu: apt-get install {python}-dev)"
    if with_java and runpy.run_path("java/build_java.py")["find_javac"]() is None:
        yield "a JDK, 11 or later: javac is not found (on Debian or Ubuntu: apt-get install default-jdk-headless)"


def _compile_bridge(target: Path) -> None:
    done = subprocess.run([sys.executable, "java/build_java.py", str(target)], check=False)
    if done.returncode != 0:
        raise ExecError("the Java bridge is not built; the lines above say why")


setup(
    cffi_modules=["native/build_native.py:ffibuilder"],
    cmdclass={"build": Build, "build_ext": BuildNative, "build_java": BuildJava},
    # One wheel for all versions of Python: cffi builds the module for the stable ABI, and there is no other.
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
