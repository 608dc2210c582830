"""
A worker is told of each copy in its workspace which file the user edits, so that messages and frames can name that one.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from eas_host.config import HostConfig
from eas_host.deploy.from_options import prepare_from_options
from eas_runtime.worker_spec import WorkerSpec
from support.build import SOURCES, ProcessorBuilder
from support.service import Services, describe, services, tar

__all__ = ["services"]

APP = SOURCES / "python" / "contract.py"


@pytest.mark.parametrize("path", ["code", "code/app.py"], ids=["folder", "file"])
def test_files_of_a_local_package_have_their_originals(services: Services, tmp_path: Path, path: str) -> None:
    """What lies beside the package in the workspace has none."""
    (tmp_path / "code" / "inner").mkdir(parents=True)
    shutil.copy(APP, tmp_path / "code" / "app.py")
    made = services.prepare(describe(tmp_path, name="local", processor_path=path, processor_entry="app.py"))
    spec = made.processors[0].spec
    assert Path(spec.entry).is_relative_to(services.cache)
    assert spec.original(spec.entry) == str(tmp_path / "code" / "app.py")
    if path == "code":
        assert spec.original(f"{spec.folder}/inner/part.py") == str(tmp_path / "code" / "inner" / "part.py")
    beside = f"{spec.folder}-2/app.py"
    assert spec.original(beside) == beside
    made.discard()


def test_files_of_an_archive_are_originals_themselves(services: Services, tmp_path: Path) -> None:
    """Nobody edits a file in an archive."""
    tar(tmp_path / "code.tar.gz", {"app.py": APP})
    made = services.prepare(describe(tmp_path, name="a", processor_path="code.tar.gz", processor_entry="app.py"))
    spec = made.processors[0].spec
    assert spec.original(spec.entry) == spec.entry
    made.discard()


def test_copies_for_reload_have_their_originals(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The library, a jar of the class path, and what lies beside them."""
    library, more = builder.cpp("contract"), builder.jar("Contract")
    config = HostConfig(cache=str(tmp_path), entry=str(library), classpath=(str(more),), reload=True)
    made = prepare_from_options(config)
    spec = made.processors[0].spec
    assert Path(spec.entry).is_relative_to(tmp_path)
    assert spec.original(spec.entry) == str(library)
    assert spec.original(str(Path(spec.entry).with_name("libother.so"))) == str(library.with_name("libother.so"))
    assert [spec.original(path) for path in spec.classpath] == [str(more)]
    assert WorkerSpec.from_json(spec.to_json()) == spec
    made.discard()
