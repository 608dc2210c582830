"""
With --sandbox a processor sees the system, its package and its model, and reaches nothing else.
"""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from eas_host.sandbox import landlock
from support import host as support_host
from support import proc
from support.build import ProcessorBuilder, need
from support.columns import each_worker
from support.env import make_env
from support.host import Host, StartHost
from support.service import Services, describe, services
from support.tries import TRIES, evaluate
from support.users import NOBODY, acting_as, copy, need_root, public, publish
from support.wheel import make_wheel
from support.wire import command

__all__ = ["public", "services"]

REFUSED = "PermissionError"
ABSENT = "FileNotFoundError"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a program that tries what it is told."""
    return copy(TRIES, tmp_path / "code")


@each_worker
def test_worker_in_a_sandbox_serves_and_is_replaced_after_a_crash(start: StartHost, language: str, kind: str) -> None:
    """The crash is reported; the worker has namespaces of its own and no rights."""
    host = start(language, worker=kind, sandbox=True)
    assert host.call(b"as ever").body == b"as ever"
    (worker,) = host.workers()
    for name in ("user", "mnt", "net", "ipc"):
        assert os.readlink(f"/proc/{worker}/ns/{name}") != os.readlink(f"/proc/self/ns/{name}")  # noqa: PTH115
    scores = [int(Path(f"/proc/{pid}/oom_score_adj").read_text("utf-8")) for pid in (host.pid, worker)]
    assert scores[0] < scores[1]
    seen = proc.status(worker)
    assert seen["NoNewPrivs"] == ["1"]
    assert {seen[name][0] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
    host.allow_log("SIGSEGV|SIGABRT|SIGKILL|eas_runtime/")
    assert host.call(command("die", "segv")).status == 500
    assert host.call(b"again").body == b"again"
    host.kill_worker()
    assert host.call(b"and again").body == b"and again"
    assert "not enforced" not in host.log.text()


def test_files_processes_and_networks_of_others_are_out_of_reach(
    start: StartHost, package: Path, tmp_path: Path
) -> None:
    """Outside of the sandbox this user could reach some of them."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(tmp_path / "socket"))
        local.listen()
        host = start("python", entry=package, sandbox=True)
        tried = {
            f"open({str(secret)!r})": ABSENT,
            "open('/etc/shadow')": ABSENT,
            "os.listdir('/run')": ABSENT,
            f"os.path.exists({str(tmp_path / 'host-0')!r})": "False",
            f"socket.socket(socket.AF_UNIX).connect({str(tmp_path / 'socket')!r})": ABSENT,
            f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))": "ConnectionRefusedError",
            "socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 53))": "OSError",
            "os.kill(os.getppid(), 0)": REFUSED,
            "open(f'/proc/{os.getppid()}/environ')": REFUSED,
            "open(f'/proc/{os.getppid()}/mem')": REFUSED,
            "open(f'/proc/{os.getppid()}/fd/0')": REFUSED,
            "os.listdir(f'/proc/{os.getppid()}/cwd/')": REFUSED,
            "open('/proc/sys/kernel/core_pattern', 'w')": "OSError",
            "ctypes.CDLL(None).unshare(0x00020000)": "-1",
            "ctypes.CDLL(None).mount(b'none', b'/proc', None, 32, None)": "-1",
            "subprocess.run(['unshare', '-Urm', 'true'], stderr=-3).returncode": "1",
        }
        assert {expression: evaluate(host, expression) for expression in tried} == tried


def test_package_model_tmp_and_loopback_are_there(start: StartHost, package: Path, tmp_path: Path) -> None:
    """Package and model to read, /tmp and a loopback of its own, the usual devices, further processes."""
    model = tmp_path / "weights.bin"
    model.write_bytes(b"weights")
    host = start("python", entry=package, model_entry=model, sandbox=True)
    assert evaluate(host, f"open({str(model)!r}).read()") == "weights"
    assert evaluate(host, f"open({str(model)!r}, 'w')") == "OSError"
    assert evaluate(host, "os.getcwd()") == str(package.parent)
    assert evaluate(host, "open('new', 'w')") == "OSError"
    assert evaluate(host, "os.listdir('.')") == "['tries.py']"
    assert evaluate(host, "open('/tmp/new', 'w').write('abc')") == "3"
    assert evaluate(host, "open(os.environ['HOME'] + '/new').read()") == "abc"
    assert not Path("/tmp/new").exists()  # noqa: S108
    assert evaluate(host, "(lambda s: socket.create_connection(s.getsockname()))(socket.create_server(('', 0))).family")
    assert evaluate(host, "open('/dev/null', 'w').write('x')") == "1"
    assert len(evaluate(host, "open('/dev/urandom', 'rb').read(3)")) > 3
    assert evaluate(host, "__import__('multiprocessing').get_context('fork').Pool(2).map(abs, [-1, -2])") == "[1, 2]"
    assert evaluate(host, "subprocess.check_output('echo out | tee /dev/stderr', shell=True)") == "b'out\\n'"


def test_described_service_may_write_only_to_its_workspace(services: Services, package: Path, tmp_path: Path) -> None:
    """The service may read what the workspace has links to: large files, an environment, a model."""
    (package.parent / "large.txt").write_text("l" * 100_000, encoding="utf-8")
    make_env(package.parent, modules={"brought.py": "VALUE = 'from ENV'\n"})
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "w.txt").write_text("local", encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "d.txt").write_text("mounted", encoding="utf-8")
    wheel = make_wheel(tmp_path / "wheels", "small", "1.0")
    description = describe(
        tmp_path,
        name="d",
        processor_path="code",
        processor_entry="tries.py",
        model_path="model",
        requirements=[str(wheel)],
        storage=[{"mount_path": str(tmp_path / "mnt" / "data"), "local": {"path": "data"}}],
    )
    host = services.start(description, sandbox=True, workspace=tmp_path / "fixed")
    assert evaluate(host, "len(open('large.txt').read())") == "100000"
    assert evaluate(host, "__import__('brought').VALUE, __import__('small').VERSION") == "('from ENV', '1.0')"
    assert evaluate(host, "open('../../model/w.txt').read()") == "local"
    assert evaluate(host, "open('../../model/w.txt', 'w')") == "OSError"
    assert evaluate(host, f"open({str(tmp_path / 'fixed' / 'model' / 'w.txt')!r}).read()") == "local"
    assert evaluate(host, f"open({str(tmp_path / 'mnt' / 'data' / 'd.txt')!r}).read()") == "mounted"
    assert evaluate(host, "open('new', 'w').write('abc')") == "3"
    assert (
        evaluate(host, f"os.listdir({str(services.cache / 'workspaces')!r}) == [os.getcwd().split('/')[-3]]") == "True"
    )


def test_link_left_in_place_of_the_package_shows_nothing_to_the_next_worker(
    services: Services, package: Path, tmp_path: Path
) -> None:
    """Nothing of where it leads."""
    (tmp_path / "secret").mkdir()
    shutil.copy(package, tmp_path / "secret")
    (tmp_path / "secret" / "secret.txt").write_text("s3cret", encoding="utf-8")
    keys = {"name": "d", "processor_path": "code", "processor_entry": "tries.py"}
    host = services.start(describe(tmp_path, **keys), sandbox=True, reload=True)  # it stays when nothing can be loaded
    host.allow_log("os._exit|No such file")
    exchange = f"os.rename('../code', '../aside'), os.symlink({str(tmp_path / 'secret')!r}, '../code')"
    assert evaluate(host, exchange) == "(None, None)"
    assert host.call(b"os._exit(1)").status != 200
    host.wait_for_log("No such file or directory; check --entry")


def test_sandbox_holds_for_a_host_that_is_not_root(
    public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel must let anybody make namespaces."""
    publish(public, monkeypatch, need("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    with Host(tmp_path, entry=copy(TRIES, public / "code"), sandbox=True) as host:
        assert evaluate(host, "os.listdir('/tmp')") == f"[{public.name!r}]"
        assert evaluate(host, "os.getuid()") == str(NOBODY)
        assert evaluate(host, "open('/tmp/new', 'w').write('abc')") == "3"
        assert evaluate(host, "os.kill(os.getppid(), 0)") == REFUSED
        assert evaluate(host, "open(f'/proc/{os.getppid()}/environ')") == REFUSED
        host.allow_log("SIGKILL")
        host.kill_worker()
        assert evaluate(host, "1 + 1") == "2"


def test_user_in_a_sandbox_reads_package_and_python_in_roots_folders(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """With --user, they may lie in folders that are root's alone."""
    need_root()
    entry = builder.python("tries.py")
    with acting_as(NOBODY):
        assert not os.access(entry, os.R_OK, effective_ids=True)
    with Host(tmp_path, entry=entry, user="nobody", sandbox=True) as host:
        assert evaluate(host, "os.getuid(), os.environ['USER'], os.environ['HOME']") == str((NOBODY, "nobody", "/tmp"))  # noqa: S108
        assert evaluate(host, "os.setuid(0)") in (REFUSED, "OSError")  # there is no user 0 in there


@pytest.mark.parametrize(
    ("without", "missing"),
    [
        ("", r"a user namespace \(No space left on device\)"),
        ("setpriv --bounding-set=-sys_admin", r"namespaces \(Operation not permitted\): the system's /tmp and its"),
    ],
)
def test_missing_kernel_features_are_logged_in_one_line(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without: str, missing: str
) -> None:
    """The rest is enforced."""
    need_root()
    if not landlock.version():
        pytest.skip("this kernel has no Landlock")
    lines = f'echo 0 >/proc/sys/user/max_user_namespaces; exec {without} "$@"'
    command = [need("unshare"), "--user", "--map-root-user", "sh", "-ec", lines, "sh", *support_host.program()]
    monkeypatch.setattr(support_host, "program", lambda: command)
    with Host(tmp_path / "host", entry=package, sandbox=True) as host:
        assert len(host.log.since(stream="stderr")) == 1
        host.wait_for_log(rf"\[WARNING\] --sandbox: not enforced on this system: {missing}")
        assert evaluate(host, "open('/etc/shadow')") in (REFUSED, ABSENT)
        assert evaluate(host, "open('/root/new', 'w')") in (REFUSED, ABSENT, "OSError")
        assert evaluate(host, "os.kill(os.getppid(), 0)") == REFUSED
        assert evaluate(host, "open(f'/proc/{os.getppid()}/environ')") == REFUSED
        assert evaluate(host, "open('/tmp/eas-sandbox-test', 'w').close()") == "None"
    Path("/tmp/eas-sandbox-test").unlink(missing_ok=True)  # noqa: S108
