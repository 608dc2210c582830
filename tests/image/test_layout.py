"""
Where the files of a service are in its image: where `eas-host manifest` tells pods to look for them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from eas_host.description import read
from eas_host.errors import ConfigError, EntryNotFound
from eas_host.image.layout import image_members, needs_java
from eas_host.pack.archive.member import MemberType
from support.manifests import PLAIN, print_manifest

FOLDER = {"name": "a", "processor_type": "python"}


def write_service(folder: Path, keys: dict[str, Any], *files: str) -> Path:
    """A description in *folder*/service, and *files*, whose paths start there."""
    base = folder / "service"
    base.mkdir()
    for file in files:
        path = base / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{file}\n", encoding="utf-8")
    (base / "service.json").write_text(json.dumps(keys), encoding="utf-8")
    return base / "service.json"


def laid_out(description: Path) -> dict[str, str]:
    """Each file and link of the image, with what it is; folders end in a slash."""
    written = description.with_name("written")
    written.write_text("{}\n", encoding="utf-8")
    found = {}
    for member in image_members(read(description, keeps_cloud_values=True), written):
        if member.type is MemberType.FOLDER:
            found[f"{member.name}/"] = ""
        elif member.source is not None:
            found[member.name] = member.source.read_text(encoding="utf-8").strip()
        else:
            found[member.name] = f"-> {member.link}"
    return found


def test_files_are_where_pods_look_for_them(tmp_path: Path) -> None:
    """The same place that `eas-host manifest` names for each."""
    keys = PLAIN | {"processor_path": "build/libx.so", "processor_entry": None, "model_path": "../model/m.bin"}
    description = write_service(tmp_path, keys, "build/libx.so", "../model/m.bin")
    found = laid_out(description)
    assert found == {
        "model/": "",
        "model/m.bin": "../model/m.bin",
        "processor/": "",
        "processor/build/": "",
        "processor/build/libx.so": "build/libx.so",
        "processor/service.json": "{}",
    }
    ended = print_manifest(tmp_path, keys)
    named = re.findall(r"an image that has it as (\S+), with", ended.stderr)
    assert {name.strip("/") for name in named} == {"model/m.bin", "processor/build/libx.so"}


def test_folder_is_taken_without_what_is_ignored(tmp_path: Path) -> None:
    """Nor with the description itself, which has a token: the one that is written without it takes its place."""
    keys = FOLDER | {"processor_path": ".", "processor_entry": "app.py", "token": "s3cret"}
    description = write_service(tmp_path, keys, "app.py", "lib/a.py", "notes.txt", ".git/config", "__pycache__/a.pyc")
    description.with_name(".easignore").write_text("/notes.txt\n/written\n", encoding="utf-8")
    description.with_name("link.py").symlink_to("app.py")
    assert laid_out(description) == {
        "processor/": "",
        "processor/app.py": "app.py",
        "processor/lib/": "",
        "processor/lib/a.py": "lib/a.py",
        "processor/link.py": "-> app.py",
        "processor/service.json": "{}",
    }


def test_entry_beside_the_description_brings_its_folder(tmp_path: Path) -> None:
    description = write_service(tmp_path, FOLDER | {"processor_entry": "code/app.py"}, "code/app.py", "code/helper.py")
    found = laid_out(description)
    assert {name for name in found if name.endswith(".py")} == {"processor/code/app.py", "processor/code/helper.py"}


def test_all_models_and_further_files_are_taken(tmp_path: Path) -> None:
    keys = {
        "name": "a",
        "models": [
            {"name": "one", "model_path": "one.bin", "processor": "p"},
            {"name": "two", "model_path": "two", "processor": "p"},
        ],
        "processors": [{"name": "p", "processor_path": "p", "processor_type": "cpp"}],
        "warm_up_data_path": "warm.txt",
        "storage": [{"mount_path": "/mnt/words", "oss": {"path": "./words.txt"}}],
    }
    description = write_service(tmp_path, keys, "one.bin", "two/t.bin", "p/libp.so", "warm.txt", "words.txt")
    found = {name for name in laid_out(description) if not name.endswith("/")}
    assert found == {
        f"processor/{file}" for file in ("one.bin", "two/t.bin", "p/libp.so", "service.json", "warm.txt", "words.txt")
    }


def test_urls_and_what_the_cluster_mounts_are_no_part_of_it(tmp_path: Path) -> None:
    keys = {
        "name": "a",
        "processor_path": "https://models.example.com/a.tar.gz",
        "model_path": "/mnt/nas/m.bin",
        "storage": [{"mount_path": "/mnt/nas", "nfs": {"server": "nas", "path": "/"}}],
    }
    assert set(laid_out(write_service(tmp_path, keys))) == {"processor/", "processor/service.json"}


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("..", "would be / in an image, which is all of it"),
        ("../tmp/m.bin", "would be /tmp/m.bin in an image, where a pod has something of its own"),
        ("../lib/m.bin", "would be /lib/m.bin in an image, among the files of its system"),
        ("/var/cache/eas-host/m.bin", "where a pod has something of its own"),
        ("../opt", "would be /opt in an image, above files of its system"),
        ("../opt/eas-host", "among the files of its system"),
        ("file:///proc/version", "where a pod has something of its own"),
    ],
)
def test_place_that_no_image_can_give_is_refused(tmp_path: Path, path: str, fault: str) -> None:
    """Whether the file is there or not."""
    description = write_service(tmp_path, FOLDER | {"processor_path": "app.py", "model_path": path}, "app.py")
    with pytest.raises(ConfigError) as refused:
        laid_out(description)
    message = str(refused.value)
    assert message.startswith("service.json:1:") or f"{description}:1:" in message
    assert f"model_path: {path} would be" in message
    assert fault in message


def test_two_files_for_one_place_are_refused(tmp_path: Path) -> None:
    """Above the root of an image there is nothing, so both paths lead to the same."""
    keys = FOLDER | {"processor_path": "app.py", "model_path": "../m.bin", "warm_up_data_path": "../../m.bin"}
    description = write_service(tmp_path, keys, "app.py", "../m.bin")
    other = tmp_path.parent / "m.bin"
    other.write_text("other\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"warm_up_data_path: .* and .* would both be /m\.bin in an image"):
        laid_out(description)


def test_missing_file_is_named(tmp_path: Path) -> None:
    description = write_service(tmp_path, FOLDER | {"processor_path": "ap.py"}, "app.py")
    with pytest.raises(EntryNotFound, match=r"processor_path: .*/ap\.py: No such file or directory; did you mean app"):
        laid_out(description)


@pytest.mark.parametrize(
    ("keys", "needed"),
    [
        ({"processor_type": "java", "processor_path": "a.jar"}, True),
        ({"processor_path": "https://example.com/a.tar.gz", "processor_mainclass": "A"}, True),
        ({"processor_path": "https://example.com/a.tar.gz"}, True),
        ({"processor_path": "https://example.com/a.tar.gz", "processor_type": "cpp"}, False),
        ({"processor_path": "https://example.com/a.tar.gz", "processor_entry": "app.py"}, False),
        ({"processor_path": "liba.so.1"}, False),
    ],
)
def test_java_is_needed_unless_the_description_rules_it_out(tmp_path: Path, keys: dict[str, Any], needed: bool) -> None:
    assert needs_java(read(write_service(tmp_path, {"name": "a"} | keys), keeps_cloud_values=True)) is needed
