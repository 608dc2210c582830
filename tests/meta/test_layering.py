"""
The folders are the architecture; these tests keep it so. They read the sources, not the running program.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.build import INCLUDE, ROOT, TESTS, need

PACKAGE = ROOT / "host" / "eas_host"


def imports(path: Path) -> Iterator[str]:
    """Every module that *path* imports, anywhere in it; `from a import b` counts as a and as a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(ROOT / "host").parts[: -node.level]) if node.level else ""
            module = ".".join(filter(None, (package, node.module)))
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def who_imports(module: str, *within: str) -> set[str]:
    """The files of eas_host, or of its folders *within*, that import *module* or something in it."""
    folders = [PACKAGE / name for name in within] or [PACKAGE]
    files = [path for folder in folders for path in ([folder] if folder.is_file() else folder.rglob("*.py"))]
    return {
        str(path.relative_to(PACKAGE))
        for path in files
        if any(name == module or name.startswith(f"{module}.") for name in imports(path))
    }


def test_no_module_imports_itself_in_a_circle() -> None:
    """Neither for its types only nor from within a function: then every file can be read after those that it needs."""
    host = ROOT / "host"
    paths = {
        ".".join(path.relative_to(host).with_suffix("").parts).removesuffix(".__init__"): path
        for folder in (PACKAGE, host / "allspark")
        for path in folder.rglob("*.py")
        if "templates" not in path.parts
    }
    needs = {}
    for module, path in paths.items():
        found = paths.keys() & set(imports(path)) - {module}
        needs[module] = {name for name in found if not any(other.startswith(f"{name}.") for other in found)}
    while leaves := {module for module, others in needs.items() if not others}:
        needs = {module: others - leaves for module, others in needs.items() if module not in leaves}
    assert sorted(needs) == [], "these are in a circle, or need one that is"


def test_only_the_ring_touches_the_native_module() -> None:
    users = who_imports("eas_host._native")
    assert users
    assert {Path(user).parts[0] for user in users} == {"ring"}


def test_the_launcher_needs_no_packages() -> None:
    """It runs before any site-packages is looked at: of all that is imported, only the standard library is there."""
    files = [path for path in (PACKAGE / "sandbox").rglob("*.py") if path.name != "confinement.py"]
    files.append(PACKAGE / "system" / "memory.py")
    names = {name.partition(".")[0] for path in files for name in imports(path)}
    ours = {name for path in files for name in imports(path) if name.startswith("eas_host.")}
    assert names - {"eas_host"} <= set(sys.stdlib_module_names)
    assert all(name.startswith(("eas_host.sandbox", "eas_host.system.memory")) for name in ours)


def test_only_the_java_worker_touches_jpype() -> None:
    users = who_imports("jpype")
    assert users
    assert {str(Path(user).parent) for user in users} == {"worker/java"}


def test_the_front_runs_no_user_code() -> None:
    """It never imports a processor, nor what loads one."""
    for package in ("eas_host.worker", "eas_host.workers", "allspark"):
        assert who_imports(package, "front", "dispatch") == set()


def test_the_rule_of_statuses_is_pure() -> None:
    """What a return code means, and what the options are, needs no network and no loop."""
    for module in ("socket", "asyncio", "uvloop", "httptools", "subprocess", "threading"):
        assert who_imports(module, "reply.py", "errors.py", "config") == set(), module


def test_the_rule_of_statuses_is_in_one_place() -> None:
    """Only reply.py knows which statuses are registered."""
    assert who_imports("http.HTTPStatus") <= {"reply.py", "front/http/response_head.py"}  # their reason phrases


def test_allspark_stands_alone() -> None:
    """What users import is the contract; it knows of the host in one place, which opens the service."""
    files = (ROOT / "host" / "allspark").rglob("*.py")
    users = {path.name for path in files if any(name.startswith("eas_host") for name in imports(path))}
    assert users == {"opening.py"}


def test_importing_allspark_loads_the_standard_library_only() -> None:
    """The same, asked of the interpreter: of the host nothing is there before it is needed."""
    code = "import sys; before = set(sys.modules); import allspark; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded - sys.stdlib_module_names == {"allspark"}


def test_importing_the_front_loads_no_processor() -> None:
    """The same, asked of the interpreter."""
    code = "import sys, eas_host.front.front; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert [name for name in loaded if name.startswith(("eas_host.worker.", "jpype", "allspark"))] == []


def lines(*folders: str) -> Iterator[tuple[str, str]]:
    """Each line of these packages, with where it is."""
    for folder in folders:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield f"{path.relative_to(PACKAGE)}:{number}", line


SERVING = ("dispatch", "front", "service", "sidecar", "worker", "workers")


def test_no_callback_is_put_in_later() -> None:
    """What an object calls it gets from its constructor, where the flow can be read."""
    assert [place for place, line in lines(*SERVING) if re.search(r"\w\.on_\w+ = ", line)] == []


def test_nothing_is_forced_into_a_type() -> None:
    """Who stands in for somebody has what is asked of him, and a protocol says what that is."""
    assert [place for place, line in lines(*SERVING) if re.search(r"\bcast\(", line)] == []


def test_messages_are_spelled_in_one_place() -> None:
    assert [place for place, line in lines(*SERVING, "ring") if '"event"' in line or "event=" in line] == []


def test_folders_are_small() -> None:
    """No more modules in one folder than its map can tell in a few lines."""
    folders = [path.parent for path in PACKAGE.rglob("__init__.py") if "templates" not in path.parts]
    sizes = {folder: len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) for folder in folders}
    assert len(sizes) > 30
    assert [str(folder) for folder, size in sizes.items() if size > 14] == []


def test_names_of_classes_are_unique() -> None:
    """Who searches for one finds one."""
    paths = [path for path in (ROOT / "host").rglob("*.py") if "templates" not in path.parts]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    names = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))
    assert len(names) > 300
    assert [name for name, count in names.items() if count > 1] == []


def test_files_are_small() -> None:
    """No file over 400 lines, whatever its language."""
    files = [
        path
        for folder, ending in (
            ("host", "py"),
            ("native", "cc"),
            ("native", "h"),
            ("java", "java"),
            ("tests", "py"),
        )
        for path in (ROOT / folder).rglob(f"*.{ending}")
    ]
    assert files
    assert [str(path) for path in files if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


# The tree of the tests.

TESTS_OF_THE_WHOLE = {"contract", "examples", "lifecycle", "meta", "sdk"}
"""Folders of tests that have no package of their own in the host."""


def test_the_tests_are_a_tree_like_the_sources() -> None:
    """Who looks for the tests of a package finds them in the folder with its path."""
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    assert Path() not in folders, "a test lies directly in tests/"
    strange = {str(folder) for folder in folders if not (PACKAGE / folder / "__init__.py").is_file()}
    assert strange == TESTS_OF_THE_WHOLE


def test_no_test_imports_another() -> None:
    """What several of them need is in tests/support, where it is found, and where it has a name of its own."""
    users = {
        path.name
        for path in TESTS.rglob("test_*.py")
        if any(name == "conftest" or name.startswith("test_") for name in imports(path))
    }
    assert users == set()


# The public header.

SIGNATURES = """
#include <eas/processor.h>
#include <type_traits>
static_assert(std::is_same<decltype(&initialize), void *(*)(const char *, const char *, int *)>::value, "");
static_assert(std::is_same<decltype(&process), int (*)(void *, const void *, int, void **, int *)>::value,
"");
"""
IN_C = """
#include <eas/processor.h>
void *(*a)(const char *, const char *, int *) = initialize;
int (*b)(void *, const void *, int, void **, int *) = process;
"""


def compiles(compiler: str, standard: str, language: str, text: str, folder: Path) -> None:
    source = folder / "header_test"
    source.write_text(text, encoding="utf-8")
    words = [
        need(compiler),
        f"-std={standard}",
        "-x",
        language,
        "-fsyntax-only",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-pedantic",
    ]
    done = subprocess.run([*words, f"-I{INCLUDE}", str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("standard", ["c++11", "c++14", "c++17", "c++20"])
def test_header_in_cpp(standard: str, tmp_path: Path) -> None:
    """The functions that the host looks up, with the types that it calls them with."""
    compiles("g++", standard, "c++", SIGNATURES, tmp_path)


@pytest.mark.parametrize("standard", ["c11", "c17"])
def test_header_in_c(standard: str, tmp_path: Path) -> None:
    compiles("gcc", standard, "c", IN_C, tmp_path)


def test_header_has_c_linkage() -> None:
    """A processor that includes it cannot forget extern "C"."""
    assert re.search(r'extern "C"', (INCLUDE / "eas" / "processor.h").read_text(encoding="utf-8"))
