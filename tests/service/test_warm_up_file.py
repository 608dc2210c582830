"""
`warm_up_data_path` as processors see it: `model/warm_up.bin`, where EAS keeps it and DeepRec's processors read it
(docs/eas-compatibility.md, section 7.6).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.build import ProcessorBuilder
from support.fileserver import FileServer
from support.service import Services, describe, services, tar
from support.whereabouts import ask, project

__all__ = ["services"]

REQUEST = '{"read": "app.py"}'
CODE = {"name": "w", "processor_path": "code", "processor_entry": "app.py"}


@pytest.fixture
def folder(builder: ProcessorBuilder, tmp_path: Path) -> Path:
    """With a program, two models and two files of requests."""
    project(tmp_path / "code", builder)
    tar(tmp_path / "model.tar.gz", {"w.txt": "weights", "warm_up.bin": "of the package"})
    (tmp_path / "weights" / "deep").mkdir(parents=True)
    (tmp_path / "weights" / "w.txt").write_text("weights")
    for name in ("requests.bin", "requests.txt"):
        (tmp_path / name).write_text(REQUEST)
    return tmp_path


@pytest.mark.parametrize("requests", ["requests.bin", "requests.txt"])
@pytest.mark.parametrize("model", ["model.tar.gz", "weights", "weights/w.txt", None])
def test_warm_up_file_is_in_the_model_folder_before_loading(
    services: Services, folder: Path, requests: str, model: str | None
) -> None:
    """The file changes neither the model nor what the processor gets for it."""
    keys = {"model_path": model} if model else {}
    before = services.start(describe(folder, **CODE, **keys))
    host = services.start(describe(folder, **CODE, **keys, warm_up_data_path=requests))
    seen = ask(host, read="../../model/warm_up.bin")
    assert seen["read"] == REQUEST
    was = ask(before)
    assert seen["model"] == sorted({*was["model"], "warm_up.bin"})
    if model:
        assert ask(host, read="../../model/w.txt")["read"] == "weights"
    assert Path(seen["model_path"]).name == Path(was["model_path"]).name
    assert sorted(path.name for path in (folder / "weights").iterdir()) == ["deep", "w.txt"]


def test_downloaded_warm_up_file_is_not_changed_by_the_processor(
    services: Services, server: FileServer, folder: Path
) -> None:
    """The next start gets what was downloaded."""
    server.put("/warm.bin", REQUEST.encode())
    description = describe(folder, **CODE, warm_up_data_path=server.url("/warm.bin"))
    for _ in range(2):
        host = services.start(description)
        assert ask(host, read="../../model/warm_up.bin")["read"] == REQUEST
        ask(host, write="../../model/warm_up.bin")
        host.stop()


def test_warm_up_file_of_a_local_model_is_used_in_place(services: Services, folder: Path) -> None:
    (folder / "weights" / "warm_up.bin").write_text(REQUEST)
    host = services.start(describe(folder, **CODE, model_path="weights", warm_up_data_path="weights/warm_up.bin"))
    assert ask(host, read="../../model/warm_up.bin")["read"] == REQUEST
    ask(host, write="../../model/new.txt")
    assert (folder / "weights" / "new.txt").exists()


def test_described_warm_up_file_wins_over_that_of_the_model(services: Services, folder: Path) -> None:
    """The user's file stays as it is."""
    (folder / "weights" / "warm_up.bin").write_text("another")
    host = services.start(describe(folder, **CODE, model_path="weights", warm_up_data_path="requests.bin"))
    assert ask(host, read="../../model/warm_up.bin")["read"] == REQUEST
    ask(host, write="../../model/warm_up.bin")
    assert (folder / "weights" / "warm_up.bin").read_text() == "another"
    assert (folder / "requests.bin").read_text() == REQUEST


def test_warm_up_option_wins_over_the_description(services: Services, folder: Path) -> None:
    (folder / "other.bin").write_text('{"read": "app.py", "other": 1}')
    description = describe(folder, **CODE, warm_up_data_path="requests.bin")
    host = services.start(description, warm_up=folder / "other.bin")
    assert "other" in ask(host, read="../../model/warm_up.bin")["read"]


def test_each_of_several_models_has_the_warm_up_file(services: Services, folder: Path) -> None:
    models = [{"name": "a", "model_path": "weights"}, {"name": "b", "model_path": "model.tar.gz"}]
    host = services.start(describe(folder, **CODE, models=models, warm_up_data_path="requests.bin"))
    for name in ("a", "b"):
        host.path = f"/api/predict/w/{name}"
        assert ask(host, read="../../model/warm_up.bin")["read"] == REQUEST


def test_warm_up_file_is_found_below_the_workspace_option(services: Services, folder: Path) -> None:
    """EAS's absolute path leads to it, too; a model that lies there is not written to, which the log says."""
    fixed = folder / "fixed"
    description = describe(folder, **CODE, model_path="model.tar.gz", warm_up_data_path="requests.bin")
    host = services.start(description, workspace=fixed)
    assert ask(host, read=f"{fixed}/model/warm_up.bin")["read"] == REQUEST
    host.stop()
    (fixed / "model").mkdir(parents=True)
    (fixed / "model" / "w.txt").write_text("mounted")
    host = services.start(describe(folder, **CODE, warm_up_data_path="requests.bin"), workspace=fixed)
    host.wait_for_log(f"{fixed}/model is your folder, so warm_up.bin is not put into it")
    assert ask(host, read="../../model/warm_up.bin")["read"] == REQUEST
    assert ask(host, read="../../model/w.txt")["read"] == "mounted"
    assert [path.name for path in (fixed / "model").iterdir()] == ["w.txt"]


def test_warm_up_file_does_not_change_mounted_storage(services: Services, folder: Path) -> None:
    """A model that is mounted is used in place, too."""
    storage = [{"mount_path": "model", "local": {"path": "weights"}}]
    host = services.start(describe(folder, **CODE, storage=storage, warm_up_data_path="requests.bin"))
    assert ask(host, read="../../model/warm_up.bin")["read"] == REQUEST
    assert ask(host, read="../../model/w.txt")["read"] == "weights"
    assert sorted(path.name for path in (folder / "weights").iterdir()) == ["deep", "w.txt"]
