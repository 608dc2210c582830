"""
The images of `eas-host image`, built and run as docs/deploy/container.md advises: with a read-only root, as a user
without rights, with no capabilities. `make test-container` runs this; building takes a minute or two, so `make test`
does not.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.build import ROOT, ProcessorBuilder
from support.build import run as run_command
from support.command import run
from support.documents import Block, blocks, check_block, user_environment
from support.manifests import container_of, read_objects
from support.network import free_port
from support.podman import Container, Podman
from support.wheel import make_wheel
from support.wire import Client, command

DOCUMENT = ROOT / "docs" / "deploy" / "container.md"
IMAGE = "eas-host"
KILL_WORKERS = """
import os, signal
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    if pid > 1 and os.getsid(pid) == pid and open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1] == "1":
        os.kill(pid, signal.SIGKILL)
        print(pid)
"""
"""Workers are children of the host that lead sessions."""


APP = """
import allspark
import wanted

class App(allspark.BaseProcessor):
    def initialize(self):
        pass

    def process(self, data):
        return wanted.ANSWER, 200
"""

ENVIRONMENT = f"""
FROM {IMAGE}
USER 0
RUN python3 -m venv --without-pip /data/eas/ENV \\
    && echo "ANSWER = b'of ENV'" > $(ls -d /data/eas/ENV/lib/python3*/site-packages)/wanted.py
USER 10001
"""


@pytest.fixture(scope="module")
def podman() -> Podman:
    """With the image."""
    made = Podman()
    made.build(IMAGE)
    return made


@pytest.fixture
def port() -> int:
    return free_port()


def in_image(podman: Podman, script: str) -> str:
    """What *script* prints, in a shell."""
    return podman.run("run", "--rm", "--network", "none", "--entrypoint", "sh", IMAGE, "-c", script)


def wait_until_served(container: Container, port: int) -> None:
    done = run("wait", f"http://127.0.0.1:{port}/", "--timeout", "60")
    assert done.code == 0, f"{done.stderr}\n{container.log()}"


def test_image_has_what_a_host_needs_and_nothing_else(podman: Podman) -> None:
    """Its user has a number that is not root's, for whoever cannot look names up."""
    assert podman.inspect(IMAGE, ".Config.User") == "10001:10001"
    assert podman.inspect(IMAGE, ".Config.StopSignal") in ("SIGTERM", "15")
    tools = "for tool in cc g++ gcc javac make git; do command -v $tool; done"
    left = "find /var/lib/apt/lists /var/cache/apt /tmp /source /root/.cache -mindepth 1 2>/dev/null"
    assert in_image(podman, f"{tools}; {left}; true") == ""
    assert in_image(podman, "eas-host --version").startswith("eas-host ")
    assert "file.encoding = UTF-8" in in_image(podman, "java -XshowSettings:properties -version 2>&1")
    size = int(podman.inspect(IMAGE, ".Size"))
    assert size < 450e6, f"{size / 1e6:.0f} MB"


@pytest.mark.parametrize("language", ["cpp", "java", "python"])
def test_confined_container_serves(podman: Podman, builder: ProcessorBuilder, language: str, port: int) -> None:
    """It survives its workers, ends on SIGTERM, and has written nothing outside of /tmp."""
    entry = builder.contract(language)
    mount = ["-v", f"{entry.parent}:/processor:ro"]
    words = [f"/processor/{entry.name}", "--name", "contract"]
    with Container(podman, IMAGE, port, mount, words) as container:
        wait_until_served(container, port)
        with Client(("127.0.0.1", port)) as client:
            assert client.call(b"\0 anything").body == b"\0 anything"
            assert client.call(command("die", "_exit:9")).status == 500
            assert client.call(b"next").body == b"next"
            assert podman.run("exec", container.name, "python3", "-c", KILL_WORKERS).split()
            assert client.call(b"last").body == b"last"
        status = podman.run("exec", container.name, "cat", "/proc/1/status")
        facts = dict(line.split(":\t", 1) for line in status.splitlines())
        assert facts["Uid"].split() == ["10001"] * 4
        assert (int(facts["CapEff"], 16), int(facts["CapBnd"], 16), facts["NoNewPrivs"]) == (0, 0, "1")
        podman.run("stop", "-t", "60", container.name)
        assert container.state()["ExitCode"] == 0, container.log()
        # Files that podman itself mounts there.
        assert podman.run("diff", container.name) in ("", "C /etc")


def test_service_with_requirements_is_served_by_any_user(podman: Podman, tmp_path: Path, port: int) -> None:
    """Its workspace and what pip installs lie in /tmp. OpenShift, for one, gives each container a user of its own."""
    package = tmp_path / "package"
    wheel = make_wheel(package, "wanted", text="ANSWER = b'wanted'\n")
    (package / "app.py").write_text(APP)
    (package / "requirements.txt").write_text(f"./{wheel.name}\n")
    keys = {"name": "contract", "processor_path": ".", "processor_entry": "app.py", "processor_type": "python"}
    (package / "service.json").write_text(json.dumps(keys))
    tmp_path.chmod(0o755)
    options = ["-v", f"{package}:/processor:ro", "--user", "123456:0"]
    with Container(podman, IMAGE, port, options, []) as container:
        wait_until_served(container, port)
        with Client(("127.0.0.1", port)) as client:
            assert client.call(b"x").body == b"wanted"


def test_service_is_an_image_the_same_each_time(podman: Podman, tmp_path: Path, port: int) -> None:
    """
    In C++ with its model: it serves without a mount, and in a pod with what `eas-host manifest` says; there is no Java;
    and a build without any cache makes the same.
    """
    run_command("make", "-s", "-C", ROOT / "examples" / "echo" / "cpp")
    shutil.copytree(ROOT / "examples" / "echo" / "cpp" / "build", tmp_path / "service" / "build")
    shutil.copytree(ROOT / "examples" / "echo" / "model", tmp_path / "model")
    keys = {"name": "echo", "processor_path": "build", "processor_type": "cpp", "model_path": "../model"}
    description = tmp_path / "service" / "service.json"
    description.write_text(json.dumps(keys | {"token": "s3cret"}))
    printed = podman.image(description, "-t", "baked")
    identity = podman.inspect("baked", ".Id")
    assert printed.splitlines()[-1] == f"[OK] Built image [baked]: sha256:{identity}"
    size = int(podman.inspect("baked", ".Size"))
    assert size < 230e6, f"{size / 1e6:.0f} MB"
    objects = read_objects(run("manifest", description, "-D", "token=", "--image", "baked", "--files-in-image").stdout)
    pod = tmp_path / "pod.json"
    pod.write_text(objects["ConfigMap"]["data"]["service.json"])
    (tmp_path / "cache").mkdir(mode=0o700)
    of_pod = ["-v", f"{pod}:/processor/service.json:ro", "-v", f"{tmp_path / 'cache'}:/var/cache/eas-host:U"]
    for options, words in (([], []), (of_pod, container_of(objects)["args"])):
        with Container(podman, "baked", port, options, words) as container:
            wait_until_served(container, port)
            with Client(("127.0.0.1", port)) as client:
                answer = client.call(b"hello", "/api/predict/echo")
                assert answer.body.endswith(b'/model,labels.txt,weights.csv", "inputcontent", "hello"}')
            assert "Uid:\t10001\t10001" in podman.run("exec", container.name, "cat", "/proc/1/status")
            assert podman.run("diff", container.name) in ("", "C /etc")
    there = podman.run("run", "--rm", "--entrypoint", "sh", "baked", "-c", "command -v java; cat service.json")
    assert json.loads(there) == keys
    # All but the last steps of the next ones is cached, so this tells what they make.
    podman.image(description, "-t", "baked-on", "-D", f"data_image={podman.base}")
    printed = podman.run("run", "--rm", "--network", "none", "baked-on", "invoke", "/processor", "-d", "x")
    assert printed.endswith('"x"}')
    again = set()
    for _ in range(2):
        podman.image(description, "-t", "baked-again", "--from", IMAGE)
        again.add(podman.inspect("baked-again", ".Id"))
        podman.run("rmi", "baked-again")  # with its layers
    assert len(again) == 1


def test_environment_of_a_data_image_runs_the_processor(podman: Podman, tmp_path: Path, port: int) -> None:
    """Where EAS's images for processors have it."""
    (tmp_path / "app.py").write_text(APP)
    keys = {"name": "contract", "processor_entry": "app.py", "processor_type": "python"}
    (tmp_path / "service.json").write_text(json.dumps(keys))
    (tmp_path / "Containerfile").write_text(ENVIRONMENT)
    podman.run("build", "-q", "-t", "environment", "--network", "none", tmp_path)
    podman.image(tmp_path / "service.json", "-t", "contract", "--from", "environment")
    with Container(podman, "contract", port, [], []) as container:
        wait_until_served(container, port)
        with Client(("127.0.0.1", port)) as client:
            assert client.call(b"x").body == b"of ENV"


def test_wrong_mount_ends_with_one_line(podman: Podman) -> None:
    done = podman.try_run("run", "--rm", "--read-only", IMAGE)
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr


@pytest.fixture
def _removed(podman: Podman) -> Iterator[None]:
    """What a block leaves that fails."""
    yield
    podman.run("rm", "-f", "-i", "-t", "0", "echo")
    shutil.rmtree(ROOT / "build" / "image", ignore_errors=True)


@pytest.mark.usefixtures("_removed")
@pytest.mark.parametrize("block", [pytest.param(block, id=block.name) for block in blocks([DOCUMENT])])
def test_shell_block_prints_what_the_document_promises(podman: Podman, block: Block, port: int) -> None:
    """Only the machine's port is another one; the container's stays."""
    script, output = (text.replace("127.0.0.1:8080", f"127.0.0.1:{port}") for text in (block.script, block.output))
    environment = user_environment(port) | podman.own
    check_block(block, podman.shell_prelude() + script, output, environment)
