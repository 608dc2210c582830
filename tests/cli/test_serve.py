"""
`eas-host test` and `serve` serve the vendor's own service descriptions.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
from pathlib import Path

import pytest

from support.build import TESTS, ProcessorBuilder
from support.command import run
from support.contract import loaded
from support.fileserver import FileServer
from support.service import Content, Services, describe, services, tar
from support.wire import command, request

__all__ = ["services"]

EASDATA = "http://eas-data.oss-cn-shanghai.aliyuncs.com"
SERVING = r"^\[OK\] Serving at: \[http://localhost:(\d+)(/api/predict/[^]]+)\]$"
SHOWN = "s3cret"
ASKED = r"^\[INFO\] Token: \[(\S+)\]$"


def archive(tmp_path: Path, files: dict[str, Content]) -> bytes:
    return tar(tmp_path / "archive.tar.gz", files).read_bytes()


def pointed(name: str, server: FileServer, folder: Path) -> Path:
    """The vendor's file *name* in *folder*, with only its URLs pointed at *server*."""
    text = (TESTS / "descriptions" / name).read_text(encoding="utf-8")
    assert EASDATA in text
    folder.mkdir()
    path = folder / "service.json"
    path.write_text(text.replace(EASDATA, server.url("")), encoding="utf-8")
    return path


# The vendor's descriptions.


@pytest.mark.every_python
def test_vendors_echo_service_is_served_with_a_generated_token(
    services: Services, server: FileServer, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """The service asks for the token that it prints, and gets the unpacked model_path where model_entry is absent."""
    package = archive(tmp_path, {"libecho.so": builder.cpp("contract")})
    server.put("/processors/echo_processor_release.tar.gz", package)
    description = pointed("echo.json", server, tmp_path / "echo")
    (tmp_path / "echo" / "echo_processor_release.tar.gz").write_bytes(package)
    host = services.start(description)
    url = host.log.wait(SERVING, stream="stdout")
    token = host.log.wait(ASKED, stream="stdout")[1]
    assert (int(url[1]), url[2]) == (host.address[1], "/api/predict/test_echo")
    assert host.call(b"hello").status == 401
    with host.connect() as client:
        client.send(request(path=host.path, body=command("loaded"), headers=[("Authorization", token)]))
        lines = client.read().text.splitlines()
    seen = dict(line.split("=", 1) for line in lines)
    assert re.fullmatch(rf"{services.cache}/workspaces/test_echo-\d+-1/model", seen["entry"])
    assert re.fullmatch(r".*/test_echo-\d+-1/predictor/echo_processor_release", seen["folder"])
    assert host.log.text(stream="stdout").count("[OK] Fetching") == 2


def test_vendors_mnist_service_gets_the_model_entry_folder(
    services: Services, server: FileServer, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """model_entry ./1/ is a folder in the model's archive; its final slash stays."""
    server.put("/models/mnist_saved_model.tar.gz", archive(tmp_path, {"1/saved_model.pb": "graph"}))
    description = pointed("mnist.json", server, tmp_path / "mnist")
    package = {"libimage_classification.so": builder.cpp("contract")}
    tar(tmp_path / "mnist" / "image_classification_processor_release.tar.gz", package)
    host = services.start(description, token=SHOWN)
    assert host.log.wait(ASKED, stream="stdout")[1] == SHOWN
    with host.connect() as client:
        client.send(request(path=host.path, body=command("loaded"), headers=[("Authorization", SHOWN)]))
        assert re.search(r"entry=.*/model/1/\n", client.read().text)


def test_documented_diy_sample_is_served_without_processor_entry(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """The only library that is a processor needs none; the comments in the sample are accepted."""
    shutil.copy(TESTS / "descriptions" / "diy_test.json", tmp_path / "service.json")
    tar(tmp_path / "model.tar.gz", {"model_path/deploy.prototxt": "layers"})
    package: dict[str, Content] = {
        "libdiy.so": builder.cpp("contract"),
        "libhelp.so": builder.cpp("beside"),
        "notes.txt": "x",
    }
    tar(tmp_path / "diy_predictor_gpu.tar.gz", package)
    host = services.start(tmp_path / "service.json", "-Dgenerate_token=false")
    seen = loaded(host)
    assert seen["entry"].endswith("/model/model_path/")
    assert json.loads(seen["config"])["model"] == "deploy.prototxt"


# The other languages.


def test_python_entry_is_found_in_the_top_folder_and_reads_its_model(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """../../model is the workspace's."""
    files: dict[str, Content] = {"demo/app.py": builder.python("whereabouts.py"), "demo/data/words.txt": "one two"}
    tar(tmp_path / "demo.tar.gz", files)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").write_bytes(b"1")
    host = services.start(
        describe(tmp_path, name="demo", processor_path="demo.tar.gz", processor_entry="./app.py", model_path="weights")
    )
    seen = json.loads(host.call(b'{"read": "data/words.txt"}').body)
    assert seen["model"] == ["w.bin"]
    assert seen["read"] == "one two"
    assert seen["model_path"] == str(Path(seen["folder"]).parents[1] / "model")
    assert seen["workspace"] == ["config", "model", "predictor"]
    assert seen["argv"] == [seen["folder"] + "/app.py"]


def test_every_jar_of_a_package_is_on_the_class_path(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """A jar may lie in any folder; processor_entry is not needed."""
    tar(
        tmp_path / "release.tar.gz",
        {"main.jar": builder.jar("UsesLibrary"), "lib/part.jar": builder.jar("LibraryPart")},
    )
    keys = {"processor_type": "java", "processor_mainclass": "UsesLibrary", "processor_jvm_options": "-Xmx64m"}
    host = services.start(describe(tmp_path, name="java", processor_path="release.tar.gz", **keys))
    assert host.call(b"").status == 200


@pytest.mark.parametrize("language", ["cpp", "java", "python"])
def test_processor_path_may_be_the_file_itself_at_a_url(
    services: Services, server: FileServer, builder: ProcessorBuilder, tmp_path: Path, language: str
) -> None:
    """The file keeps its name, and is the entry."""
    entry = builder.contract(language)
    server.put(f"/{entry.name}", entry.read_bytes())
    host = services.start(describe(tmp_path, name="bare", processor_path=server.url(f"/{entry.name}?Expires=1")))
    assert host.call(b"x").body == b"x"
    place = host.call(command("loaded")).text
    assert re.search(rf"folder=.*/predictor/{entry.stem}", place)


def test_each_model_has_its_own_folders_and_path(services: Services, builder: ProcessorBuilder, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("1", encoding="utf-8")
    shutil.copy(builder.python("whereabouts.py"), tmp_path / "code.py")
    shutil.copy(builder.cpp("contract"), tmp_path / "libcode.so")
    description = describe(
        tmp_path,
        name="many",
        models=[
            {"name": "a", "model_path": "one.txt", "processor": "c"},
            {"name": "b", "model_path": "one.txt", "processor": "p", "model_config": {"k": 1}},
        ],
        processors=[
            {"name": "c", "processor_path": "libcode.so", "processor_type": "cpp"},
            {"name": "p", "processor_path": "code.py", "processor_entry": "code.py", "processor_type": "python"},
        ],
    )
    host = services.start(description)
    host.log.wait(r"^\[OK\] Serving at: \[http://localhost:\d+/api/predict/many/a\]$")
    host.log.wait(r"^\[OK\] Serving at: \[http://localhost:\d+/api/predict/many/b\]$")
    lines = host.call(command("loaded"), "/api/predict/many/a").text
    assert re.search(r"entry=.*/many-\d+-1/a/model/one.txt\n", lines)
    seen = json.loads(host.call(b"", "/api/predict/many/b").body)
    assert seen["model"] == ["one.txt"]
    assert seen["model_path"].endswith("/b/model/one.txt")


# The commands.


def test_serve_prints_no_eascmd_lines_and_no_given_token(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    description = describe(tmp_path, name="plain", processor_path="liba.so", token=SHOWN)
    host = services.start(description, command="serve")
    printed = host.log.text(stream="stdout")
    assert "Serving at" not in printed
    assert SHOWN not in printed
    assert host.call(b"x").status == 401


def test_default_description_is_service_json_of_the_folder(services: Services, tmp_path: Path) -> None:
    """Where there is none, one line says so."""
    services.run("test", cwd=tmp_path).fails_in_one_line(2, "service.json", str(tmp_path))
    services.run("test", tmp_path / "absent.json").fails_in_one_line(2, "absent.json")
    describe(tmp_path, name="x", processor_path="absent.tar.gz")
    services.run("test", cwd=tmp_path).fails_with(3, "processor_path", "absent.tar.gz")


@pytest.mark.parametrize("name", ["test", "serve", "desc"])
def test_help_explains_the_command_overrides_and_options(name: str) -> None:
    ended = run(name, "--help-all")
    assert ended.code == 0
    for word in (f"eas-host {name}", "-D KEY=VALUE", "service.json", "--keepalive", "--workspace", "--cache"):
        assert word in ended.stdout


def test_misspelt_flag_suggests_the_right_one() -> None:
    run("test", "service.json", "--worker-thread", "1").fails_in_one_line(2, "--worker-threads")


def test_ignored_cloud_key_is_logged_once(services: Services, builder: ProcessorBuilder, tmp_path: Path) -> None:
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    host = services.start(describe(tmp_path, name="notes", processor_path="liba.so", metadata={"gpu": 3}))
    host.wait_for_log(r"metadata\.gpu.*ignored")
    assert len([line for line in host.log.since() if "metadata.gpu" in line]) == 1


def test_ctrl_c_ends_the_service_and_removes_its_workspace(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    host = services.start(describe(tmp_path, name="stopped", processor_path="liba.so"))
    assert len(services.workspaces) == 2
    host.stop(signal.SIGINT)
    assert services.workspaces == []


def test_missing_processor_is_reported_before_the_model_is_fetched(services: Services, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"1")
    ended = services.run("test", describe(tmp_path, name="none", model_path="w.bin"))
    ended.fails_in_one_line(2, "processor_path is missing")
    assert ended.stdout == ""


def test_file_name_that_is_too_long_is_reported_in_one_line(services: Services, tmp_path: Path) -> None:
    """Any other refusal of the system is reported in the same way."""
    (tmp_path / "app.py").write_bytes(b"")
    name = f"{'x' * 300}.py"
    ended = services.run("test", describe(tmp_path, name="long", processor_path="app.py", processor_entry=name))
    ended.fails_in_one_line(3, name, "too long")
    assert services.workspaces == []
