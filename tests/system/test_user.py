"""
With --user, workers run as another user, with nothing of root's but what they inherit.
"""

from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eas_host.deploy.python import installed
from eas_host.deploy.python.interpreter import find_interpreter
from eas_host.deploy.workspace import staging
from eas_host.errors import ConfigError
from eas_host.sandbox.confinement import Confinement
from eas_host.system.user import find_user
from support import proc
from support.build import ProcessorBuilder, run
from support.columns import each_worker
from support.command import run as run_host
from support.env import make_env, script
from support.host import Host, clean_environment
from support.other_python import another_python, text_of
from support.service import describe
from support.tries import TRIES, evaluate
from support.users import NOBODY, STRANGER, acting_as, copy, need_root, public, public_host, publish
from support.wheel import make_wheel
from support.wire import command

__all__ = ["public", "public_host"]


@pytest.mark.usefixtures("public_host")
@each_worker
def test_workers_run_as_the_user_and_serve(
    public: Path, builder: ProcessorBuilder, tmp_path: Path, language: str, kind: str
) -> None:
    """Workers of each language crash with a report, are replaced, and are nobody else."""
    entry = copy(builder.contract(language), public / "code")
    with Host(tmp_path, entry=entry, processor_type=language, worker=kind, user="nobody") as host:
        assert host.call(b"as ever").body == b"as ever"
        (worker,) = host.workers()
        seen = proc.status(worker)
        assert seen["Uid"] == [str(NOBODY)] * 4
        assert set(seen["Gid"] + seen["Groups"]) == {str(pwd.getpwnam("nobody").pw_gid)}
        assert seen["NoNewPrivs"] == ["1"]
        assert seen["CapEff"] == seen["CapPrm"] == ["0" * 16]
        assert Path(f"/proc/{worker}/mem").stat().st_uid == 0, "others of that user could read its memory"
        assert proc.status(host.pid)["Uid"] == ["0"] * 4
        host.allow_log("SIGSEGV|SIGABRT|SIGKILL|eas_runtime/")
        assert host.call(command("die", "segv")).status == 500
        assert host.call(b"again").body == b"again"
        for symbolizer in host.symbolizers():
            assert proc.status(symbolizer)["Uid"] == [str(NOBODY)] * 4
        assert (language == "cpp") <= bool(host.symbolizers())
        host.kill_worker()
        assert host.call(b"and again").body == b"and again"


def test_worker_on_another_python_runs_as_the_user(
    public: Path, builder: ProcessorBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's ENV was made from a Python that the user may read."""
    path, facts = another_python()
    real = Path(path).resolve()
    publish(public, monkeypatch, other=str(real.parents[1]))
    entry = copy(builder.contract("python"), public / "code")
    home = public / "by" / "other" / "bin"
    site = entry.parent / "ENV" / "lib" / f"python{text_of(facts)}" / "site-packages"
    site.mkdir(parents=True)
    (entry.parent / "ENV" / "bin").mkdir()
    (entry.parent / "ENV" / "bin" / "python").symlink_to(home / real.name)
    (entry.parent / "ENV" / "pyvenv.cfg").write_text(f"home = {home}\n")
    with Host(tmp_path, entry=entry, user="nobody") as host:
        assert host.call(b"as ever").body == b"as ever"
        (worker,) = host.workers()
        assert proc.status(worker)["Uid"] == [str(NOBODY)] * 4
        assert f"python{text_of(facts)}/" in Path(f"/proc/{worker}/maps").read_text()


def test_python_that_the_user_cannot_reach_is_named_with_the_closed_folder(public: Path) -> None:
    """With --python it is an error; an ENV of it is not used."""
    need_root()
    closed = script(public / "closed" / "bin" / "python", "exit 1")
    (public / "closed").chmod(0o700)
    confine = Confinement(find_user("nobody")).program_command
    why = f"{public}/closed is closed to other users (mode 0700; `chmod o+x {public}/closed` opens it)"
    with pytest.raises(ConfigError, match=re.escape(f"--python {closed}: {closed} cannot be started: {why}")):
        installed.find(str(closed), "--python", confine)
    (public / "ENV" / "bin").mkdir(parents=True)
    (public / "ENV" / "bin" / "python").symlink_to(closed)
    problem = find_interpreter(public, confine).problem
    assert problem.startswith(f"{public}/ENV/bin/python is a link to {closed}, and {why}: the processor runs on the")


@pytest.mark.usefixtures("public_host")
def test_copies_for_reload_are_readable_for_the_user_only(
    public: Path, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """A library is loaded from a copy in the workspace, which others cannot get to."""
    entry = copy(builder.contract("cpp"), public / "code")
    with Host(tmp_path, entry=entry, user="nobody", reload=True, cache=public / "cache") as host:
        assert host.call(b"as ever").body == b"as ever"
        (workspace,) = (path for path in (public / "cache" / "workspaces").iterdir() if path.is_dir())
        assert (workspace.stat().st_uid, workspace.stat().st_mode & 0o777) == (0, 0o750)
        assert {path.stat().st_uid for path in workspace.iterdir()} == {NOBODY}


@pytest.mark.usefixtures("public_host")
def test_worker_has_the_users_variables_and_rights(public: Path, tmp_path: Path) -> None:
    """A login's variables; root's files closed; standard output by its name; rights that nothing gives back."""
    with Host(tmp_path, entry=copy(TRIES, public / "code"), user=f"{STRANGER}:{NOBODY}") as host:
        assert evaluate(host, "os.getresuid(), os.getresgid(), os.getgroups()") == str(
            ((STRANGER,) * 3, (NOBODY,) * 3, [NOBODY])
        )
        assert evaluate(host, "os.environ['HOME'], os.environ['USER'], os.environ['LOGNAME']") == str(
            ("/", str(STRANGER), str(STRANGER))
        )
        assert evaluate(host, "open('/etc/shadow')") == "PermissionError"
        assert evaluate(host, "os.kill(os.getppid(), 0)") == "PermissionError"
        assert evaluate(host, "open(f'/proc/{os.getppid()}/environ')") == "PermissionError"
        assert evaluate(host, "open('/proc/self/mem')") == "PermissionError"
        assert evaluate(host, "os.setuid(0)") == "PermissionError"
        assert evaluate(host, "subprocess.run('echo to stdout >/dev/stdout', shell=True).returncode") == "0"
        host.wait_for_log("to stdout")


@pytest.mark.usefixtures("public_host")
def test_kill_9_of_the_host_ends_the_users_processes(public: Path, tmp_path: Path) -> None:
    """Processes that the processor has started end with its worker."""
    with Host(tmp_path, entry=copy(TRIES, public / "code"), user="nobody") as host:
        assert evaluate(host, "subprocess.Popen(['sleep', '600'], stdout=-3).poll()") == "None"
        host.send_signal(signal.SIGKILL)
        host.ends_with(-signal.SIGKILL)


def test_described_service_runs_everything_as_the_user(public: Path, public_host: Path, tmp_path: Path) -> None:
    """The user may write to the workspace; what the package brings to run, and pip, run as that user alone."""
    spy = f"import os; open(f'{public}/spied/{{os.getuid()}}', 'w').close()\n"
    (public / "spied").mkdir(mode=0o777)
    (public / "spied").chmod(0o777)
    package = public / "code"
    copy(TRIES, package)
    make_env(package, modules={"sitecustomize.py": spy})
    wheel = make_wheel(public / "wheels", "small", "1.0")
    (package / "ENV" / "pyvenv.cfg").write_text(f"home = {public_host.parent}\n", encoding="utf-8")
    (package / "ENV" / "bin" / "python").unlink()
    (package / "ENV" / "bin" / "python").symlink_to(public_host)
    description = describe(
        public,
        name="d",
        processor_path="code",
        processor_entry="tries.py",
        processor_type="python",
        requirements=[str(wheel)],
        processor_envs=[{"name": "HOME", "value": "/from/the/description"}],
    )
    words = ("serve", description)
    cache = public / "cache"
    with Host(tmp_path, {}, words, listen="127.0.0.1:0", user="nobody", cache=cache) as host:
        folder = evaluate(host, "os.getcwd()")
        assert folder.startswith(str(cache / "workspaces" / "d-"))
        assert evaluate(host, "open('new', 'w').write('abc')") == "3"
        assert evaluate(host, "open('../../new', 'w')") == "PermissionError"
        assert evaluate(host, "os.listdir('../../..')") == "PermissionError"
        assert evaluate(host, "os.environ['HOME']") == "/from/the/description"
        assert evaluate(host, "__import__('small').VERSION") == "1.0"
        assert evaluate(host, "os.stat(__import__('small').__file__).st_uid") == str(NOBODY)
        (installed,) = (path for path in (cache / "requirements").iterdir() if path.is_dir())
        assert installed.stat().st_uid == NOBODY
    assert os.listdir(public / "spied") == [str(NOBODY)]  # noqa: PTH208  names


@pytest.mark.usefixtures("public_host")
def test_root_reads_all_packages_before_the_user_runs_code(public: Path, tmp_path: Path) -> None:
    """When the Python of one model's package runs, as the user, root has read what it reads of the others' packages."""
    (public / "done").mkdir()
    (public / "done").chmod(0o777)
    for name in ("one", "two"):
        copy(TRIES, public / name)
    cache = public / "cache"
    (public / "two" / "requirements.txt").write_text("# nothing\n", encoding="utf-8")
    package = f"{cache}/workspaces/d-$PPID-1/two/predictor/two"
    script(
        public / "one" / "ENV" / "bin" / "python",
        f"cd {package} && rm requirements.txt && echo exchanged >requirements.txt && >{public}/done/$PPID; exit 1",
    )
    models = [{"name": name, "processor_path": name, "processor_entry": "tries.py"} for name in ("one", "two")]
    words = ("serve", describe(public, name="d", models=models))
    with Host(tmp_path, {}, words, listen="127.0.0.1:0", user="nobody", cache=cache) as host:
        host.allow_log("ENV")
        assert host.call(b"1 + 1", "/api/predict/d/two").body == b"2"
        assert [path.name for path in (public / "done").iterdir()] == [str(host.pid)]


@pytest.mark.usefixtures("public_host")
def test_preloaded_library_of_the_processor_does_not_run_in_the_launcher(public: Path, tmp_path: Path) -> None:
    """The library runs as the user only, not in what becomes the user."""
    source = public / "preloaded.c"
    source.write_text(
        "#include <fcntl.h>\n#include <stdio.h>\n#include <unistd.h>\n"
        "__attribute__((constructor)) static void load(void) {\n"
        f'  char name[99]; sprintf(name, "{public}/spied/%d", (int)getuid()); open(name, O_CREAT | O_WRONLY, 0600);\n'
        "}\n",
        encoding="utf-8",
    )
    run("gcc", "-shared", "-fPIC", "-o", public / "preloaded.so", source)
    (public / "spied").mkdir()
    (public / "spied").chmod(0o777)
    copy(TRIES, public / "code")
    envs = [{"name": "LD_PRELOAD", "value": f"{public}/preloaded.so"}]
    keys = {"name": "d", "processor_path": "code", "processor_entry": "tries.py", "processor_envs": envs}
    words = ("serve", describe(public, **keys))
    with Host(tmp_path, {}, words, listen="127.0.0.1:0", user="nobody", cache=public / "cache") as host:
        assert evaluate(host, "1 + 1") == "2"
    assert os.listdir(public / "spied") == [str(NOBODY)]  # noqa: PTH208  names


def test_hard_linked_download_is_read_only_for_the_user(tmp_path: Path) -> None:
    """The download has a further name in the workspace, and is still the cache's."""
    need_root()
    kept = tmp_path / "weights.bin"
    kept.write_bytes(b"weights")
    kept.chmod(0o600)
    staging.link_file(kept, tmp_path / "name", hard_link=True)
    assert (tmp_path / "name").samefile(kept)
    assert (kept.stat().st_uid, kept.stat().st_mode & 0o777) == (0, 0o444)


def test_user_is_found_by_name_or_number() -> None:
    """A number needs no entry; groups are the user's own, or the one that is named."""
    need_root()
    assert find_user("nobody").number == find_user(str(NOBODY)).number == NOBODY
    assert find_user("nobody:0").group == 0
    assert find_user("nobody:root").groups[0] == 0
    stranger = find_user(str(STRANGER))
    assert (stranger.group, stranger.groups, stranger.home) == (STRANGER, (STRANGER,), "/")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("no-such", "no user"),
        ("nobody:no-such", "no group"),
        ("", "no user"),
        ("4294967295", "no user"),
        ("-1", "no user"),
    ],
)
def test_unknown_user_or_group_is_refused(text: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        find_user(text)


def test_user_option_is_refused_without_root() -> None:
    need_root()
    with acting_as(NOBODY), pytest.raises(ConfigError, match=r"^--user nobody: only root can"):
        find_user("nobody")


def test_entry_that_the_user_cannot_read_is_reported_at_start(builder: ProcessorBuilder) -> None:
    """One line before anything serves says what it is, which folder is closed, and what to type."""
    need_root()
    entry = builder.contract("cpp")  # in a folder of pytest's, which is root's alone
    ended = run_host("--entry", entry, "--user", "nobody", "--listen", "127.0.0.1:0")
    ended.fails_in_one_line(2, "--user nobody: the processor could not read", "mode 0700", "chmod o+x")


@pytest.mark.parametrize("option", ["--user=nobody", "--sandbox"])
def test_user_and_sandbox_are_refused_with_isolation_none(builder: ProcessorBuilder, option: str) -> None:
    entry = builder.contract("python")
    ended = run_host("--entry", entry, "--isolation", "none", option)
    ended.fails_in_one_line(2, "--isolation none", option.partition("=")[0])


@pytest.mark.parametrize("name", ["EAS_HOST_USER", "EAS_HOST_SANDBOX"])
def test_python_program_refuses_user_and_sandbox(tmp_path: Path, name: str) -> None:
    """`python app.py` is its author's process: it cannot be confined, and says so."""
    app = tmp_path / "app.py"
    app.write_text(TRIES.read_text("utf-8") + "\n\nTries().run()\n", "utf-8")
    variables = {**clean_environment(), name: "1"}
    ended = subprocess.run([sys.executable, app], env=variables, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert f"eas-host: {name}: the processor runs in the program's own process" in ended.stderr


def test_running_as_root_is_warned_of_once(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The warning comes when the host serves."""
    need_root()
    with Host(tmp_path, entry=builder.contract("cpp")) as host:
        host.wait_for_log("running processors as root; --user NAME", "stderr")
    assert host.log.text(stream="stderr").count("running processors as root") == 1


def test_user_root_is_not_warned_of(builder: ProcessorBuilder, tmp_path: Path) -> None:
    need_root()
    with Host(tmp_path, entry=builder.contract("cpp"), user="root") as host:
        assert host.call(b"x").body == b"x"
    assert "as root" not in host.log.text(stream="stderr")
