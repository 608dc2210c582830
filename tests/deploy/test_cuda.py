"""
Workers find CUDA's libraries in the folder that `cuda` of a description names.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.deploy.package.environment import variables
from eas_host.description import read
from support.libraries import library, processor
from support.service import Services, describe, services

__all__ = ["services"]


def cuda_project(folder: Path) -> dict[str, object]:
    """A processor that needs a library of CUDA's, as people link them: without an rpath. It answers 1 with it."""
    toolkit = library(folder / "cuda-11" / "lib64" / "libcudart.so.11")
    processor(folder / "code" / "libneeds.so", toolkit)
    return {"name": "gpu", "processor_path": "code", "processor_entry": "libneeds.so", "processor_type": "cpp"}


@pytest.mark.parametrize("written", ["./cuda-11", "cuda-11", "cuda-11/", "{}/cuda-11"])
def test_libraries_of_the_cuda_folder_are_found_by_workers_and_desc(
    services: Services, tmp_path: Path, written: str
) -> None:
    """The libraries are in the folder's lib64."""
    description = describe(tmp_path, **cuda_project(tmp_path), cuda=written.format(tmp_path))
    assert services.start(description, variables={"LD_LIBRARY_PATH": "/nowhere"}).call(b"").body == b"1"
    done = services.run("desc", description)
    assert (done.code, "missing" in done.stdout + done.stderr) == (0, False), done


def test_missing_cuda_folder_is_ignored_with_a_note(services: Services, tmp_path: Path) -> None:
    """A processor that needs nothing of it is served. That of the vendor's sample is like that."""
    keys = cuda_project(tmp_path)
    description = describe(tmp_path, **keys, cuda="/opt/no-cuda")
    done = services.run("serve", description)
    done.fails_with(3, "libcudart.so.11")
    assert "cuda is ignored: there is no folder /opt/no-cuda/lib64; " in done.stderr
    (tmp_path / "code" / "libneeds.so").unlink()
    processor(tmp_path / "code" / "libneeds.so")
    assert services.start(description).call(b"").body == b"0"


@pytest.mark.parametrize("version", ["11.2", 11.2, "8.0", ["/usr/local/cuda"], {"path": "/x"}, "/a\0b"])
def test_cuda_that_is_not_a_path_is_ignored_with_a_note(tmp_path: Path, version: object) -> None:
    (note,) = read(describe(tmp_path, cuda=version)).notes
    assert note == "cuda is ignored: CUDA is used as it is installed on this machine"


@pytest.mark.parametrize("nothing", ["", None, False, 0])
def test_empty_cuda_is_not_mentioned(tmp_path: Path, nothing: object) -> None:
    described = read(describe(tmp_path, cuda=nothing))
    assert (described.notes, described.cuda) == ((), "")


def test_library_path_has_the_descriptions_then_cudas_then_the_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/host")
    assert "LD_LIBRARY_PATH" not in variables("{}", {}, None)
    assert variables("{}", {}, None, "/c/lib64")["LD_LIBRARY_PATH"] == "/c/lib64:/host"
    given = variables("{}", {"LD_LIBRARY_PATH": "/own"}, None, "/c/lib64")
    assert given["LD_LIBRARY_PATH"] == "/own:/c/lib64"
    monkeypatch.delenv("LD_LIBRARY_PATH")
    assert variables("{}", {}, None, "/c/lib64")["LD_LIBRARY_PATH"] == "/c/lib64"


def test_isolation_none_asks_the_user_to_set_the_library_path(services: Services, tmp_path: Path) -> None:
    """The linker has read the variable when the process began."""
    keys = cuda_project(tmp_path)
    description = describe(tmp_path, **keys, cuda="cuda-11")
    folder = tmp_path / "cuda-11" / "lib64"
    done = services.run("serve", description, "--isolation", "none")
    done.fails_with(3, "libcudart.so.11")
    assert f"set LD_LIBRARY_PATH={folder}" in done.stderr
    host = services.start(description, isolation="none", variables={"LD_LIBRARY_PATH": str(folder)})
    assert host.call(b"").body == b"1"
