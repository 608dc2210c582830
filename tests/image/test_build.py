"""
`eas-host image` up to the tool, and what it says of mistakes. The tool is a program of these tests that keeps what it
is given: real ones build in tests/operations/test_container.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import NamedTuple

import pytest

from eas_host.cli.publishing.image import read_request
from eas_host.errors import HostError
from eas_host.image.build import build_image
from eas_host.image.containerfile import make_containerfile
from support.build import ROOT
from support.command import Ended, run

TOOL = """#!/bin/sh
here=$(dirname "$0")
echo "$0 $*" >> "$here/calls"
if [ "$1" = inspect ] || [ "$1" = pull ]; then
    [ ! -e "$here/absent" ] || { echo "Error: initializing source: manifest unknown" >&2; exit 125; }
fi
if [ "$1" = build ]; then
    for last; do :; done
    rm -rf "$here/context"
    cp -R "$last" "$here/context"
    [ ! -e "$here/broken" ] || { echo "Error: no space left"; exit 125; }
    while [ "$1" != --iidfile ]; do shift; done
    echo sha256:1234 > "$2"
fi
"""


class Tools(NamedTuple):
    """A folder with one tool, or none, which is all that PATH has beside the system's own."""

    folder: Path

    def image(self, *words: str | Path) -> Ended:
        return run("image", *words, variables={"PATH": f"{self.folder}:/usr/bin:/bin"})

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()

    @property
    def context(self) -> Path:
        """What the tool was to build."""
        return self.folder / "context"


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    """With one that is called as no program of this machine, so that it is the one that is found: the first."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "podman").write_text(TOOL, encoding="utf-8")
    (folder / "podman").chmod(0o755)
    return Tools(folder)


@pytest.fixture
def service(tmp_path: Path) -> Path:
    folder = tmp_path / "service"
    folder.mkdir()
    (folder / "app.py").write_text("import allspark\n", encoding="utf-8")
    keys = {
        "name": "a",
        "processor_entry": "app.py",
        "processor_path": "app.py",
        "processor_type": "python",
        "token": "s3cret",
        "dockerAuth": "dXNlcjpwYXNz",
        "metadata": {"instance": 2},
    }
    (folder / "service.json").write_text(json.dumps(keys), encoding="utf-8")
    return folder / "service.json"


def test_service_is_one_archive_on_an_image_with_the_host(tools: Tools, service: Path) -> None:
    """Without what is secret, and the same bytes each time."""
    hashes = set()
    for _ in range(2):  # as two people would
        done = tools.image(service, "-t", "a:1", "--from", "eas-host:1", "--", "--network", "host")
        assert done.code == 0, done.stderr
        assert done.stdout.splitlines() == ["[OK] Building image [a:1]", "[OK] Built image [a:1]: sha256:1234"]
        hashes.add(hashlib.sha256((tools.context / "files.tar.gz").read_bytes()).hexdigest())
    assert len(hashes) == 1
    assert "the image has no token; give it one where it runs" in done.stderr
    assert "2 files, 0.0 MB: /processor/app.py, /processor/service.json" in done.stderr
    lines = (tools.context / "Containerfile").read_text(encoding="utf-8").split("\n")
    assert lines == ["FROM eas-host:1", "", "ADD files.tar.gz /", 'CMD ["/processor"]', ""]
    with tarfile.open(tools.context / "files.tar.gz") as archive:
        members = archive.getmembers()
        [described] = [archive.extractfile(one) for one in members if one.name == "processor/service.json"]
        assert described is not None
        text = json.loads(described.read())
    assert [(one.name, oct(one.mode), one.uid, one.mtime) for one in members] == [
        ("processor", "0o755", 0, 315532800),
        ("processor/app.py", "0o644", 0, 315532800),
        ("processor/service.json", "0o644", 0, 315532800),
    ]
    assert "token" not in text
    assert "dockerAuth" not in text
    assert text["metadata"] == {"instance": 2}
    [build] = [call for call in tools.calls if " build " in call][-1:]
    assert "-t a:1 " in build
    assert " --timestamp 315532800 --network host /" in build


def test_host_is_made_of_this_checkout_without_what_was_built_in_it(tools: Tools) -> None:
    """As the Containerfile says, which the image's own wheel has, too."""
    done = tools.image("-t", "eas-host", "--push")
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["[OK] Pushing image [eas-host]", "[OK] Pushed image [eas-host]"]
    assert tools.calls[-1].endswith("/podman push eas-host")
    text = (tools.context / "Containerfile").read_text(encoding="utf-8")
    assert text == (ROOT / "Containerfile").read_text(encoding="utf-8")
    names = {path.relative_to(tools.context / "host").as_posix() for path in (tools.context / "host").rglob("*")}
    assert {"Containerfile", "LICENSE", "host/eas_host/image/build.py", "java", "native", "setup.py"} <= names
    endings = (".so", ".jar", ".pyc", ".egg-info", "eas-cpp-worker", "eas-guardian", "eas-symbolizer")
    assert [name for name in names if name.endswith(endings)] == []
    assert "--build-arg SOURCE=host --build-arg VERSION=" in tools.calls[0]


def test_host_is_made_of_a_wheel(tools: Tools, service: Path, tmp_path: Path) -> None:
    """Of a service without Java the image has none; a data_image is what it is built on."""
    wheel = tmp_path / "eas_host-1.2.3-cp310-abi3-linux_x86_64.whl"
    wheel.write_bytes(b"wheel")
    done = tools.image(service, "-t", "a", "--wheel", wheel, "-D", "data_image=registry.example.com/base:1")
    assert done.code == 0, done.stderr
    assert [path.name for path in (tools.context / "host").iterdir()] == [wheel.name]
    build = tools.calls[-1]
    assert f"--build-arg HOST=/source/{wheel.name} " in build
    assert "--build-arg TOOLS=ca-certificates python3-venv " in build
    assert "--build-arg JRE= " in build
    assert "--build-arg BASE=registry.example.com/base:1 " in build
    text = (tools.context / "Containerfile").read_text(encoding="utf-8")
    assert text == make_containerfile("", with_files=True)
    assert text.endswith('\nADD files.tar.gz /\nCMD ["/processor"]\n')


def test_what_comes_from_elsewhere_or_looks_secret_is_named(tools: Tools, service: Path, tmp_path: Path) -> None:
    """In the image everybody can read it. A tokenizer and the certificates of authorities are no secrets."""
    keys = tmp_path / "aws"
    keys.mkdir()
    (keys / "credentials").touch()
    (service.parent / "keys").symlink_to(keys)
    (service.parent / "same.py").symlink_to("app.py")
    for name in (".env", "tls.pem", "token", "tokenizer.json", "cacert.pem", "app.log"):
        (service.parent / name).touch()
    (service.parent / ".easignore").write_text("*.log\n", encoding="utf-8")
    words = (service, "-t", "a", "--from", "b", "-D", "processor_path=.")
    done = tools.image(*words)
    assert done.code == 0, done.stderr
    assert f"{service.parent}: in place of the link keys is {keys}" in done.stderr
    assert "the link same.py" not in done.stderr
    assert f"{service.parent}: left out: .easignore, app.log\n" in done.stderr
    named = "/processor/.env, /processor/keys/credentials, /processor/tls.pem, /processor/token; what is"
    assert f"[WARNING] whoever may pull the image can read {named}" in done.stderr
    with (service.parent / ".easignore").open("a", encoding="utf-8") as ignored:
        ignored.write(".env\nkeys\n*.pem\ntoken\n")
    assert "whoever may pull" not in tools.image(*words).stderr


WRONG = [
    (("-t", "My App"), "--tag: 'My App' is no name of an image; expected one in lower case, such as"),
    ((), "the following arguments are required: -t/--tag"),
    (("-t", "a", "--from", "b"), "--from: has no use without a service"),
    (("-t", "a", "-D", "name=b"), "-D: changes a description; name a service.json"),
    (("{service}", "-t", "a", "--from", "b", "--wheel", "c"), "--wheel: has no use with --from"),
    (("{service}", "-t", "a", "--wheel", "missing.whl"), "--wheel: missing.whl: there is no such file"),
    (("{service}", "-t", "a", "--wheel", "{service}"), "service.json: is no wheel of eas-host; expected one such as"),
    (("-t", "a", "--tool", "kaniko"), "--tool: 'kaniko' is unknown; expected podman, buildah or docker"),
    (("{service}", "-t", "a", "-D", "data_image=[1]"), "data_image: [1] is no name of an image"),
    (("{service}", "-t", "a", "-D", "data_image=--help"), 'data_image: "--help" is no name of an image'),
    (("{service}", "-t", "a", "--from=-x"), "--from: '-x' is no name of an image; expected one such as"),
    (("{folder}/app.py", "-t", "a"), "app.py: is no description on this machine; expected a service.json"),
    (("https://example.com/service.json", "-t", "a"), "is no description on this machine"),
    (("{service}", "-t", "a", "-D", "model_path=m.bin"), "m.bin: No such file or directory; in "),
    (("{service}", "-t", "a", "-D", "model_path=/etc/passwd"), "would be /etc/passwd in an image, among the files"),
]


@pytest.mark.parametrize(("words", "message"), WRONG, ids=[message for _, message in WRONG])
def test_mistake_is_one_line(
    tools: Tools, service: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    """Before the tool is asked for anything."""
    monkeypatch.setenv("PATH", str(tools.folder), prepend=os.pathsep)
    with pytest.raises(HostError) as refused:
        build_image(*read_request([word.format(service=service, folder=service.parent) for word in words]))
    assert message in refused.value.message
    assert (refused.value.detail, refused.value.message.count("\n")) == ("", 0)
    assert not (tools.folder / "calls").exists()


def test_missing_tool_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a file of that name is no program."""
    (tmp_path / "podman").write_text("no program", encoding="utf-8")
    done = run("image", "-t", "a", variables={"PATH": str(tmp_path)})
    done.fails_in_one_line(2, "podman, buildah or docker is needed; on Debian or Ubuntu: apt-get install podman")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="--tool: buildah is not installed; on Debian or Ubuntu: apt-get install"):
        read_request(["-t", "a", "--tool", "buildah"])


def test_missing_base_is_one_line(tools: Tools, service: Path) -> None:
    """With what the tool says of it."""
    (tools.folder / "absent").touch()
    done = tools.image(service, "-t", "a", "--from", "b:1")
    done.fails_with(1, "--from: b:1: is not on this machine, and podman cannot pull it: Error: initializing source")


def test_failure_of_the_tool_ends_with_its_own_lines(tools: Tools) -> None:
    (tools.folder / "broken").touch()
    done = tools.image("-t", "a")
    done.fails_with(1, "podman build: ended with exit code 125; its last lines are above")
    assert done.stderr.splitlines()[-2] == "Error: no space left"
