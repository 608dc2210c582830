"""
Where a service's options come from, what its processor finds in the environment, and what is mounted.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from eas_host.config.option_parser import make_parser, parse_args
from eas_host.config.option_types import Address
from eas_host.config.resolution import resolve_options
from eas_host.deploy.package.environment import EAS_WORKSPACE, variables
from eas_host.errors import ConfigError, HostError
from support.build import ProcessorBuilder
from support.contract import loaded
from support.host import Host
from support.service import Services, describe, services, tar
from support.wheel import make_wheel

__all__ = ["services"]

REQUIRING = """
import os

import allspark
import small


class Requiring(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return f"{small.VERSION} {os.environ['MY_MODE']}", 200
"""


def resolved(*words: str, environ: Mapping[str, str] | None = None, **described: object) -> dict[str, Any]:
    """The options that flags, variables and a description resolve to, as attributes."""
    found = resolve_options(parse_args(make_parser("p", "", ""), words), environ or {}, described, {"keepalive": 4})
    return {**vars(found.config), "sources": found.sources}


def code(folder: Path, builder: ProcessorBuilder) -> dict[str, Any]:
    """The program that tells where it is, and the keys that name it."""
    shutil.copy(builder.python("whereabouts.py"), folder / "app.py")
    return {"name": "w", "processor_path": "app.py", "processor_type": "python"}


def ask(host: Host, **what: str) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(host.call(json.dumps(what).encode()).body)
    return seen


# Precedence.


def test_flag_wins_over_variable_over_description_over_defaults() -> None:
    """The command's default wins over the option's own."""
    environ = {"EAS_HOST_KEEPALIVE": "2"}
    assert resolved("--keepalive", "1", environ=environ, keepalive=3)["keepalive"] == 1
    assert resolved(environ=environ, keepalive=3)["keepalive"] == 2
    assert resolved(keepalive=3)["keepalive"] == 3
    assert resolved()["keepalive"] == 4
    assert resolved()["max_queue_size"] == 64


def test_options_of_description_and_flags_count_as_explicit() -> None:
    """A program's own numbers do not change them. Defaults are not explicit."""
    options = resolved("--name", "n", environ={"EAS_HOST_LISTEN": ":1"}, worker_threads=2)
    assert options["explicit"] == {"name", "listen", "worker_threads"}
    assert options["sources"] == {"name": "--name", "listen": "EAS_HOST_LISTEN"}
    assert options["listen"] == Address("127.0.0.1", 1)


def test_token_or_generate_token_wins_by_its_source() -> None:
    """In a description a token wins; a flag of either kind wins over the description; both flags are refused."""
    file, flag = {"token": "in the file"}, "in a flag"

    def kept(*words: str, **described: Any) -> str:  # noqa: ANN401  options have types of their own
        return str(resolved(*words, **described)["token"])

    assert kept(**file, generate_token=True) == file["token"]
    assert kept("--token", flag, generate_token=True) == flag
    assert kept("--token", flag, **file) == flag
    assert len(kept("--generate-token", **file)) == 28
    assert len(kept(generate_token=True)) == 28
    with pytest.raises(ConfigError, match="both are given"):
        resolved("--token", "f", "--generate-token")


def test_flags_replace_what_the_description_says_of_its_model(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """The description has one model."""
    tar(tmp_path / "p.tar.gz", {"liba.so": builder.cpp("contract"), "libb.so": builder.cpp("contract")})
    tar(tmp_path / "m.tar.gz", {"1/x": "", "2/x": ""})
    keys = {"processor_path": "p.tar.gz", "processor_entry": "liba.so", "model_path": "m.tar.gz", "model_entry": "1/"}
    description = describe(tmp_path, name="file", model_config="file", **keys)
    options: dict[str, Any] = {"entry": "libb.so", "model_entry": "2/", "model_config": "flag", "name": "flag"}
    host = services.start(description, **options)
    seen = loaded(host)
    assert host.path == "/api/predict/flag"
    assert seen["config"] == "flag"
    assert seen["entry"].endswith("/model/2/")


def test_entry_option_with_a_local_path_replaces_the_package(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """The package need not be there."""
    keys = {"processor_path": "absent.tar.gz", "processor_entry": "liba.so"}
    host = services.start(describe(tmp_path, name="e", **keys), entry=builder.cpp("contract"))
    assert host.call(b"x").body == b"x"


def test_without_processor_path_the_folder_of_the_entry_is_the_package(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """The folder may be at any depth."""
    (tmp_path / "out" / "release").mkdir(parents=True)
    shutil.copy(builder.cpp("contract"), tmp_path / "out" / "release" / "liba.so")
    deployment = services.prepare(describe(tmp_path, name="e", processor_entry="out/release/liba.so"))
    assert deployment.processors[0].spec.entry.endswith("/predictor/release/liba.so")
    deployment.discard()


def test_model_flags_are_refused_where_the_description_has_several_models(services: Services, tmp_path: Path) -> None:
    """The flag does not say which model is meant; the message has their names."""
    model = {"processor_path": "x.so", "processor_type": "cpp"}
    description = describe(tmp_path, name="m", models=[{"name": "a", **model}, {"name": "b", **model}])
    with pytest.raises(ConfigError, match=r"--model-entry: .*\(a, b\)"):
        services.prepare(description, "--model-entry", "x")
    with pytest.raises(ConfigError, match=r"EAS_HOST_ENTRY: .*\(a, b\)"):
        services.prepare(description, variables={"EAS_HOST_ENTRY": "x.so"})
    with pytest.raises(ConfigError, match="--isolation none"):
        services.prepare(description, "--isolation", "none")


def test_reload_with_isolation_none_is_refused(services: Services, tmp_path: Path) -> None:
    description = describe(tmp_path, name="m", processor_path="x.so", processor_type="cpp")
    for words in (["test", description], ["--entry", "x.so"]):
        ended = services.run(*words, "--isolation", "none", "--reload")
        ended.fails_in_one_line(2, "--isolation none", "--reload")


def test_d_option_overrides_fields_and_a_flag_wins_over_it(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """Both spellings of -D work."""
    shutil.copy(builder.cpp("contract"), tmp_path / "liba.so")
    description = describe(tmp_path, name="file", processor_path="liba.so", metadata={"rpc": {"keepalive": 1}})
    words = ["-D", "name=word", "-Dmetadata.rpc.keepalive=60000", "-D", "metadata.rpc.max_queue_size=7"]
    host = services.start(description, *words, max_queue_size=8)
    assert host.path == "/api/predict/word"
    properties = json.loads(host.call(None, "/api/builtin/prop", "GET").body)
    assert properties["rpc.keepalive"] == "60000"
    assert properties["rpc.max_queue_size"] == "8"


# The environment.


def test_processor_environment_has_description_cpus_and_own_variables(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """processor_envs win; nothing says that this is EAS's."""
    envs = [{"name": "MY_MODE", "value": "fast"}, {"name": "SCHEDULABLE_CPUS", "value": "77"}]
    description = describe(tmp_path, **code(tmp_path, builder), processor_envs=envs)
    seen = ask(services.start(description, "-D", "metadata.instance=1"))["environment"]
    assert json.loads(seen["SERVICE_CONFIG"])["name"] == "w"
    assert (seen["MY_MODE"], seen["SCHEDULABLE_CPUS"]) == ("fast", "77")
    assert not {"WORKER_NAME", "NAMESPACE", "POD_NAME"} & set(seen)


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [({"cpu": 3}, "3"), ({"cpu": "2"}, "2"), ({"cpu": "many"}, None), ({}, None), ({"cpu": 0}, None)],
)
def test_schedulable_cpus_is_metadata_cpu_or_those_of_the_machine(
    metadata: dict[str, object], expected: str | None
) -> None:
    """The key may be nested or dotted; as many of the machine as this process may use."""
    here = str(len(os.sched_getaffinity(0)))
    dotted = {f"metadata.{key}": value for key, value in metadata.items()}
    for told in ({"metadata": metadata}, dotted, {"metadata": {"instance": 1}, **dotted}):
        assert variables(json.dumps(told), {}, None)["SCHEDULABLE_CPUS"] == (expected or here)


def test_requirements_and_variables_are_there_with_isolation_none(services: Services, tmp_path: Path) -> None:
    make_wheel(tmp_path / "wheels", "small", "2.0")
    (tmp_path / "app.py").write_text(REQUIRING, encoding="utf-8")
    keys = {"requirements": [f"--find-links {tmp_path / 'wheels'}", "small==2.0"], "name": "r"}
    envs = [{"name": "MY_MODE", "value": "fast"}]
    description = describe(tmp_path, **keys, processor_path="app.py", processor_envs=envs)
    variables = {"PIP_NO_INDEX": "1"}
    assert services.start(description, isolation="none", variables=variables).call(b"").text == "2.0 fast"


def test_worker_name_is_set_only_at_eas_workspace() -> None:
    """Programs take it for a promise that the workspace is at EAS's path."""
    assert "WORKER_NAME" not in variables("{}", {}, Path("/elsewhere"))
    assert variables("{}", {}, EAS_WORKSPACE)["WORKER_NAME"] == "easworker"


# storage[].


def mounted(mount_path: str, source: str) -> dict[str, object]:
    return {"mount_path": mount_path, "local": {"path": source}}


@pytest.mark.parametrize(
    "mount_path", ["/home/admin/docker_ml/workspace/model/", "/eas/workspace/model", "model", "./model/"]
)
def test_mount_in_the_workspace_provides_the_model(
    services: Services, builder: ProcessorBuilder, tmp_path: Path, mount_path: str
) -> None:
    """A mount path of EAS's workspace is one of the local workspace; the model may come from there alone."""
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.bin").write_bytes(b"1")
    keys = {**code(tmp_path, builder), "model_path": "", "model_entry": "w.bin"}
    made = services.prepare(describe(tmp_path, **keys, storage=[mounted(mount_path, "weights")]))
    spec = made.processors[0].spec
    assert spec.model_entry == str(Path(spec.folder).parents[1] / "model" / "w.bin")
    assert Path(spec.model_entry).resolve() == tmp_path / "weights" / "w.bin"
    made.discard()


def test_mount_at_an_absolute_path_is_a_link_that_goes_with_the_service(
    services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """A path that exists already is used, with a warning."""
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "who").write_text(name, encoding="utf-8")
    place = tmp_path / "mnt" / "data"
    storage = [mounted(str(place), "mine"), mounted(str(tmp_path / "theirs"), "mine")]
    host = services.start(describe(tmp_path, **code(tmp_path, builder), storage=storage))
    assert ask(host, read=str(place / "who"))["read"] == "mine"
    assert ask(host, read=str(tmp_path / "theirs" / "who"))["read"] == "theirs"
    host.wait_for_log(r"theirs is there already and is used as it is")
    host.stop()
    assert not place.is_symlink()
    assert (tmp_path / "theirs" / "who").exists()


def test_impossible_mount_is_refused(services: Services, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """
    A mount must not hide a model or leave the workspace. Where a link may not be made, the message says what to type.
    """
    (tmp_path / "data").mkdir()
    keys = {**code(tmp_path, builder), "model_path": "data"}
    for place, source, words in (
        ("model", "data", r"storage\[0\]\.mount_path: model/ of the workspace has something in it already"),
        ("../x", "data", r"storage\[0\]\.mount_path: '\.\./x' leads out of the workspace"),
        ("model/x", "data", r"storage\[0\]\.mount_path: model/ is not the workspace's own folder"),
        ("/proc/eas/data", "data", r"/proc/eas/data cannot be made: .*sudo ln -s"),
        ("model/x", "absent", r"storage.*absent"),
    ):
        with pytest.raises(HostError, match=words):
            services.prepare(describe(tmp_path, **keys, storage=[mounted(place, source)]))
    assert services.workspaces == []


def test_missing_mount_is_named_by_its_index_in_the_description(services: Services, tmp_path: Path) -> None:
    """An entry before it that only the cloud can have counts, too."""
    (tmp_path / "app.py").write_bytes(b"")
    storage = [{"mount_path": "/a", "nfs": {"server": "x"}}, mounted("model", "absent")]
    ended = services.run("test", describe(tmp_path, name="m", processor_path="app.py", storage=storage))
    ended.fails_with(3, "storage[1]", "absent")
