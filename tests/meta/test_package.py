"""
`pip install .` makes a wheel that serves all three languages, far from this repository.
"""

from __future__ import annotations

import importlib.metadata
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support import command
from support.build import ROOT, ProcessorBuilder, run
from support.host import Host
from support.repository import tracked

PIP = (sys.executable, "-m", "pip")
PRODUCTS = shutil.ignore_patterns(
    ".*", "build", "*.egg-info", "*.so", "*.jar", "__pycache__", "eas-cpp-worker", "eas-guardian", "eas-symbolizer"
)
VERSION = "1.2.3"
BUILT = {
    "eas_host/_native.abi3.so",
    "eas_host/_version.py",
    "eas_host/eas-cpp-worker",
    "eas_host/eas-guardian",
    "eas_host/eas-symbolizer",
    "eas_host/image/Containerfile",
    "eas_host/include/eas/processor.h",
    "eas_host/java/eas-host-bridge.jar",
    "eas_host/java/eas-host-launcher.so",
    "eas_host/libeas-memory-check.so",
    "eas_host/libeas-runtime.so",
}
"""What a wheel has beyond the files of the packages."""


def test_make_run_installs_all_packages_that_serving_a_file_imports() -> None:
    """Asked of make, which prints its variables, and of the interpreter."""
    database = subprocess.run(["make", "-pn", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    match = re.search(r"^SERVING_PACKAGES := (.+)$", database, re.MULTILINE)
    assert match
    installed = {re.split("[<>=]", word)[0] for word in shlex.split(match[1])}
    code = (
        "import sys; before = set(sys.modules); import eas_host.cli.main, eas_host.service.host;"
        " import eas_host.deploy.from_options, eas_host.front.admission.decompression;"
        " print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    packages = importlib.metadata.packages_distributions()
    needed = {name for module in loaded for name in packages.get(module, ())} - {"eas-host"}
    assert {"uvloop", "httptools"} <= needed
    assert needed <= installed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The wheel, built from a copy of the sources, so that nothing that `make setup` built gets into it.
    """
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(ROOT, folder / "source", ignore=PRODUCTS)
    (folder / "source" / "PKG-INFO").write_text(f"Name: eas-host\nVersion: {VERSION}\n", encoding="utf-8")
    run(*PIP, "wheel", "--no-build-isolation", "--no-deps", "-w", folder, folder / "source")
    [built] = folder.glob("*.whl")
    return built


def test_wheel_has_the_packages_and_what_is_built(wheel: Path) -> None:
    """And nothing else."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == BUILT | {name.removeprefix("host/") for name in tracked() if name.startswith("host/")}


def test_wheel_is_for_all_versions_of_python(wheel: Path) -> None:
    """By the stable ABI, which the suffix of the native module claims, too."""
    assert re.fullmatch(rf"eas_host-{re.escape(VERSION)}-cp310-abi3-linux_\w+\.whl", wheel.name)


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    """
    The wheel, installed into a folder of its own.
    """
    folder = wheel.parent / "site"
    run(*PIP, "install", "--no-deps", "--target", folder, wheel)
    return folder


@pytest.mark.parametrize("language", ["cpp", "java", "python"])
def test_installed_wheel_serves_a_processor(
    site: Path, language: str, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """Each language is served with the wheel's own native module and bridge."""
    variables = {"PYTHONPATH": str(site)}
    entry = builder.contract(language)
    with Host(tmp_path, variables, entry=entry, processor_type=language) as host:
        assert host.call(b"\x00 anything").body == b"\x00 anything"
        mapped = Path(f"/proc/{host.pid}/maps").read_text()
        assert f"{site}/eas_host/_native" in mapped


def test_installed_wheel_tells_where_its_header_is_and_its_version(site: Path) -> None:
    """As an installation in editable form does (tests/cli/test_flags.py)."""
    told = command.run("--include", variables={"PYTHONPATH": str(site)}).stdout.strip()
    assert told == str(site / "eas_host" / "include")
    assert command.run("--version", variables={"PYTHONPATH": str(site)}).stdout == f"eas-host {VERSION}\n"
    assert command.run("--cflags", variables={"PYTHONPATH": str(site)}).stdout.startswith(f"-I{told} ")
