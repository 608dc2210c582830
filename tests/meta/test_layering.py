"""
The rules of the architecture, checked in the sources, not in the running program.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support.build import INCLUDE, ROOT, TESTS, need

PACKAGE = ROOT / "host" / "eas_host"
RUNTIME = ROOT / "host" / "eas_runtime"


@cache
def nodes(path: Path) -> list[ast.AST]:
    """The syntax tree of *path*, flat. Kept, since most tests here read every file."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imports(path: Path) -> set[str]:
    """Every module that *path* imports, anywhere in it; `from a import b` counts as a and as a.b."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(ROOT / "host").parts[: -node.level]) if node.level else ""
            module = ".".join(filter(None, (package, node.module)))
            found |= {module, *(f"{module}.{name.name}" for name in node.names)}
    return found


def who_imports(module: str, *within: str) -> set[str]:
    """The files of eas_host, or of its folders *within*, that import *module* or something in it."""
    folders = [PACKAGE / name for name in within] or [PACKAGE]
    files = [path for folder in folders for path in ([folder] if folder.is_file() else folder.rglob("*.py"))]
    return {
        str(path.relative_to(PACKAGE))
        for path in files
        if any(name == module or name.startswith(f"{module}.") for name in imports(path))
    }


def test_imports_have_no_cycle() -> None:
    """Imports for types and those within functions count, too. So every file can be read after those that it needs."""
    host = ROOT / "host"
    paths = {
        ".".join(path.relative_to(host).with_suffix("").parts).removesuffix(".__init__"): path
        for folder in (PACKAGE, RUNTIME, host / "allspark")
        for path in folder.rglob("*.py")
        if "templates" not in path.parts
    }
    needs = {}
    for module, path in paths.items():
        found = paths.keys() & imports(path) - {module}
        needs[module] = {name for name in found if not any(other.startswith(f"{name}.") for other in found)}
    while leaves := {module for module, others in needs.items() if not others}:
        needs = {module: others - leaves for module, others in needs.items() if module not in leaves}
    assert sorted(needs) == [], "these are in a circle, or need one that is"


@pytest.mark.parametrize(("table", "package"), [(1, PACKAGE), (2, RUNTIME)], ids=["host", "runtime"])
def test_imports_lead_down_the_list_of_packages(table: int, package: Path) -> None:
    """The list is the one that readers have, in docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = text.split("| package | what it is |")[table].partition("\n\n")[0].splitlines()[2:]
    packages = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    rank = {name: number for number, name in enumerate(packages)}
    paths = [path for path in package.rglob("*.py") if "templates" not in path.parts]
    upwards = {
        f"{path.relative_to(package)} imports {name}"
        for path in paths
        for name in imports(path)
        if name.startswith(f"{package.name}.")
        and (importer := path.relative_to(package).parts[0].removesuffix(".py")) in rank
        and rank.get(name.split(".")[1], len(rank)) < rank[importer]
    }
    assert upwards == set()


def test_runtime_imports_no_module_of_the_host() -> None:
    """It runs where the host is not."""
    users = {
        str(path.relative_to(RUNTIME))
        for path in RUNTIME.rglob("*.py")
        if any(name.partition(".")[0] == "eas_host" for name in imports(path))
    }
    assert users == set()


@pytest.mark.parametrize("package", ["allspark", "eas_runtime"])
def test_runtime_is_written_for_python_3_6(package: str) -> None:
    """Its grammar here; that it runs there is tested with a real one."""
    paths = sorted((ROOT / "host" / package).rglob("*.py"))
    assert paths
    for path in paths:
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))
        assert not any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in ast.walk(tree))


def test_only_ring_imports_the_native_module() -> None:
    users = who_imports("eas_host._native")
    assert users
    assert {Path(user).parts[0] for user in users} == {"ring"}


def test_launcher_imports_only_the_standard_library() -> None:
    """The launcher runs before any site-packages is looked at."""
    files = [path for path in (PACKAGE / "sandbox").rglob("*.py") if path.name != "confinement.py"]
    system = ("memory", "control_groups")
    files += [PACKAGE / "system" / f"{name}.py" for name in system]
    names = {name.partition(".")[0] for path in files for name in imports(path)}
    ours = {name for path in files for name in imports(path) if name.startswith("eas_host.")}
    assert names - {"eas_host"} <= set(sys.stdlib_module_names)
    allowed = ("eas_host.sandbox", *(f"eas_host.system.{name}" for name in system))
    assert all(name.startswith(allowed) for name in ours)


def test_front_imports_no_worker_and_no_processor() -> None:
    """The front runs no user code."""
    for package in ("eas_host.worker", "eas_host.workers", "allspark"):
        assert who_imports(package, "front", "dispatch") == set()


def test_reply_and_config_import_no_network_and_no_loop() -> None:
    """The meaning of a return code and the options need neither."""
    for module in ("socket", "asyncio", "uvloop", "httptools", "subprocess", "threading"):
        assert who_imports(module, "reply.py", "errors.py", "config") == set(), module


def test_only_reply_knows_the_registered_statuses() -> None:
    assert who_imports("http.HTTPStatus") <= {"reply.py", "front/http/response_head.py"}  # their reason phrases


def test_allspark_imports_the_host_only_in_opening() -> None:
    """Users import the contract; it knows of the host in one place, which opens the service."""
    files = (ROOT / "host" / "allspark").rglob("*.py")
    users = {path.name for path in files if any(name.startswith(("eas_host", "eas_runtime")) for name in imports(path))}
    assert users == {"opening.py"}


def test_importing_allspark_loads_only_the_standard_library() -> None:
    """Asked of the interpreter: of the host nothing is there before it is needed."""
    code = "import sys; before = set(sys.modules); import allspark; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded - sys.stdlib_module_names == {"allspark"}


def test_importing_the_front_loads_no_processor() -> None:
    """Asked of the interpreter."""
    code = "import sys, eas_host.front.front; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert [name for name in loaded if name.startswith(("eas_host.worker.", "eas_runtime.python", "allspark"))] == []


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("eas_host", ("importlib.metadata", "email", "re")),
        ("eas_host.cli.check", ("pydantic", "lark", "eas_host.description", "eas_host.fetch", "asyncio")),
        ("eas_host.cli.calls.invoke", ("pydantic", "lark", "eas_host.description", "eas_host.fetch", "asyncio")),
        ("eas_host.cli.calls.load", ("pydantic", "lark", "eas_host.description", "eas_host.fetch", "asyncio")),
        ("eas_host.cli.services.manifest", ("pydantic", "lark", "eas_host.description", "eas_host.cluster", "asyncio")),
        ("eas_host.cli.publishing.image", ("pydantic", "lark", "eas_host.description", "eas_host.cluster", "asyncio")),
        (
            "eas_host.service.host",
            ("eas_host.description", "eas_host.fetch", "eas_host.front.ui.routes", "email", "platform", "random"),
        ),
        (
            "eas_host.worker.cpp.processor",
            ("eas_host.config", "eas_host.front", "asyncio", "ctypes", "dataclasses", "shutil", "traceback"),
        ),
        ("eas_host.worker.main", ("ctypes", "dataclasses", "inspect", "logging", "socket", "subprocess", "traceback")),
        ("eas_host.worker.java.processor", ("numpy", "jpype", "eas_host.config", "eas_host.front", "asyncio")),
    ],
)
def test_start_does_not_load(module: str, unwanted: tuple[str, ...]) -> None:
    """Asked of the interpreter: each of these takes milliseconds, and is not needed where a processor is named."""
    code = f"import sys; before = set(sys.modules); import {module}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert [name for name in loaded if name.startswith(tuple(f"{one}." for one in unwanted)) or name in unwanted] == []


def test_no_package_has_each_start_of_python_run_its_code() -> None:
    """In .venv, where tests start thousands; the Makefile removes such files. Coverage has its own while it counts."""
    files = (ROOT / ".venv").glob("lib/python3.*/site-packages/*.pth")
    texts = {path.name: path.read_text(encoding="utf-8") for path in files if "cover" not in path.name}
    assert [name for name, text in texts.items() if re.search(r"^import\b", text, re.MULTILINE)] == []


def lines(*folders: str) -> Iterator[tuple[str, str]]:
    """Each line of these packages of the host, and of its runtime, with where it is."""
    for folder in [*(PACKAGE / name for name in folders), RUNTIME]:
        for path in sorted(folder.rglob("*.py")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield f"{path.relative_to(PACKAGE.parent)}:{number}", line


SERVING = ("dispatch", "front", "service", "sidecar", "worker", "workers")


def test_no_callback_is_assigned_after_construction() -> None:
    """An object gets what it calls from its constructor, where the flow can be read."""
    assert [place for place, line in lines(*SERVING) if re.search(r"\w\.on_\w+ = ", line)] == []


def test_no_cast_is_used() -> None:
    """A protocol says what is asked of an object, and each object that stands in for another has it."""
    assert [place for place, line in lines(*SERVING) if re.search(r"\bcast\(", line)] == []


def test_control_messages_are_spelled_only_in_messages() -> None:
    found = [place for place, line in lines(*SERVING, "ring") if '"event"' in line or "event=" in line]
    assert [place for place in found if not place.startswith("eas_runtime/messages.py")] == []


def test_folder_has_at_most_14_modules() -> None:
    """No more than its map can tell in a few lines."""
    paths = [*PACKAGE.rglob("__init__.py"), *RUNTIME.rglob("__init__.py")]
    folders = [path.parent for path in paths if "templates" not in path.parts]
    sizes = {folder: len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) for folder in folders}
    assert len(sizes) > 30
    assert [str(folder) for folder, size in sizes.items() if size > 14] == []


def test_class_names_are_unique() -> None:
    """A search for a class finds one."""
    paths = [path for path in (ROOT / "host").rglob("*.py") if "templates" not in path.parts]
    classes = [node.name for path in paths for node in nodes(path) if isinstance(node, ast.ClassDef)]
    names = Counter(name for name in classes if not name.startswith("_"))
    assert len(names) > 300
    assert [name for name, count in names.items() if count > 1] == []


def test_file_has_at_most_400_lines() -> None:
    """The limit holds for every language."""
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

TESTS_OF_THE_WHOLE = {
    "contract",
    "contract/kinds",
    "debugging",
    "examples",
    "frameworks",
    "lifecycle",
    "meta",
    "operations",
    "sdk",
}
"""Folders of tests that have no package of their own in the host."""


def test_test_folders_mirror_the_packages() -> None:
    """The tests of a package are in the folder with its path."""
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    assert Path() not in folders, "a test lies directly in tests/"
    strange = {str(folder) for folder in folders if not (PACKAGE / folder / "__init__.py").is_file()}
    assert strange == TESTS_OF_THE_WHOLE


def test_no_test_module_imports_another() -> None:
    """Code that several of them need is in tests/support, where it is found, and where it has a name of its own."""
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
def test_public_header_compiles_as_cpp_with_its_signatures(standard: str, tmp_path: Path) -> None:
    """The functions that the host looks up, with the types that it calls them with."""
    compiles("g++", standard, "c++", SIGNATURES, tmp_path)


@pytest.mark.parametrize("standard", ["c11", "c17"])
def test_public_header_compiles_as_c(standard: str, tmp_path: Path) -> None:
    compiles("gcc", standard, "c", IN_C, tmp_path)


def test_public_header_has_c_linkage() -> None:
    """A processor that includes it cannot forget extern "C"."""
    assert re.search(r'extern "C"', (INCLUDE / "eas" / "processor.h").read_text(encoding="utf-8"))
