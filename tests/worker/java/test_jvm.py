"""
The JVM of a worker: how its options are tried, what it may do, and how it ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eas_host.binaries import elf
from eas_host.errors import EntryInvalid
from eas_host.ring import FrontRing, RingSize
from eas_host.worker.java import jvm
from eas_host.worker.java.bridge import LAUNCHER
from eas_runtime.ring import WorkerRing
from support.build import ROOT, ProcessorBuilder, need
from support.host import StartHost


def test_missing_bridge_asks_for_make_setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkout is not set up."""
    monkeypatch.setattr(jvm, "BRIDGE", tmp_path / "bridge.jar")
    front = FrontRing(RingSize(slots=2, workers=1, threads=1, max_body=1, max_output=1))
    ring = WorkerRing(front.memory_fd, front.completion_fd, 0)
    with pytest.raises(EntryInvalid, match="run `make setup`"):
        jvm.start_jvm((), "x.jar", ring, -1)
    front.close()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-Xms2g", "-Xmx1g"), "Initial heap size set to a larger value than the maximum heap size"),
        (("-XX:NoSuchOption=1",), "Unrecognized VM option 'NoSuchOption=1'"),
        (("-cp", "x.jar"), "give the class path with --classpath"),
        (("-Djava.class.path=x.jar",), "give the class path with --classpath"),
        (("-Xmx1g", "x.jar"), "x.jar: not an option of the JVM"),
    ],
)
def test_wrong_jvm_options_are_refused_in_the_jvms_words(options: tuple[str, ...], words: str) -> None:
    """Some of these options would end the whole process."""
    with pytest.raises(EntryInvalid, match="--jvm-options") as caught:
        jvm.check_options(options, Path(need("java")), "x.jar")
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_option_of_two_words_is_joined_for_the_jvm() -> None:
    """
    The `java` command takes them as two words. Agents are not tried: the first one would hold the debugger's port.
    """
    agent = "-agentlib:nosuch"
    options = ("-Xmx1g", "--add-opens", "java.base/java.lang=ALL-UNNAMED", agent)
    joined = ["-Xmx1g", "--add-opens=java.base/java.lang=ALL-UNNAMED", agent]
    assert jvm.check_options(options, Path(need("java")), "x.jar") == joined


def test_options_are_checked_with_a_very_long_class_path() -> None:
    """A thousand jars with long names are too long for a command, which is no reason to refuse an option."""
    path = ":".join(f"/{number}/{'x' * 200}.jar" for number in range(1000))
    assert jvm.check_options(("-Xmx1g",), Path(need("java")), path) == ["-Xmx1g"]


def test_option_may_name_a_class_of_the_user(builder: ProcessorBuilder) -> None:
    option = "-Djava.system.class.loader=parts.Loader"
    assert jvm.check_options((option,), Path(need("java")), str(builder.jar("parts.Loader"))) == [option]
    with pytest.raises(EntryInvalid, match=r"parts\.Loader"):
        jvm.check_options((option,), Path(need("java")), str(builder.jar("Contract")))


def test_launcher_compiles_without_warnings_and_without_libstdcpp(tmp_path: Path) -> None:
    """Its symbols are global, and those of C++'s own library would be, too."""
    environment = os.environ | {"CXX": f"{need('g++')} -pedantic -Werror"}
    done = subprocess.run(
        [sys.executable, ROOT / "java" / "build_java.py", tmp_path / "x.jar"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    launcher = tmp_path / LAUNCHER.name
    symbols = subprocess.check_output(
        [need("nm"), "-D", "--defined-only", "--format=just-symbols", launcher], text=True
    )
    assert set(symbols.split()) == {
        "JVM_Halt",
        "eas_jvm_call",
        "eas_jvm_connect",
        "eas_jvm_start",
    }
    assert not [name for name in elf.read(launcher).needed if "++" in name]


def test_python_signal_handlers_are_restored_after_the_jvm_starts() -> None:
    """Python knows nothing of what was there meanwhile."""
    caught: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: caught.append(number))
    try:
        with jvm.signal_handlers_kept(signal.SIGUSR1):
            ctypes.CDLL(None).signal(signal.SIGUSR1.value, ctypes.c_void_p(1))  # SIG_IGN
            os.kill(os.getpid(), signal.SIGUSR1)
        assert caught == []
        os.kill(os.getpid(), signal.SIGUSR1)
        assert caught == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_stop_does_not_wait_for_a_java_thread(start: StartHost, builder: ProcessorBuilder, isolation: str) -> None:
    """In a worker process the shutdown hooks run."""
    host = start("java", builder.jar("Lingers"), isolation=isolation)
    assert host.call(b"x").body == b"x"
    host.stop()
    if isolation == "process":
        host.wait_for_log("the hook ran")


def test_shutdown_hooks_run_when_a_request_ends_the_jvm(start: StartHost, builder: ProcessorBuilder) -> None:
    """The request answers 500, and the next one works."""
    host = start("java", builder.jar("Lingers"))
    assert host.call(b"exit").status == 500
    host.expect_log(r"System.exit\(5\)")
    host.wait_for_log("the hook ran")
    host.wait_for_log(r"at Lingers.userCodeThatExits\(Lingers.java:\d+\)")
    assert host.call(b"x").body == b"x"


def test_crash_of_the_jvm_leaves_no_file(start: StartHost, tmp_path: Path, builder: ProcessorBuilder) -> None:
    """The JVM's report goes neither into the working directory, the processor's folder, nor into the log."""
    (tmp_path / "program").mkdir()
    jar = builder.pack(tmp_path / "program" / "contract.jar", ["Contract"])
    host = start("java", jar)
    assert host.call(b"\0\xff\0do die:segv").status == 500
    host.expect_log("SIGSEGV .*address 0x10")
    host.wait_for_log(r"at Contract\.die\(Contract\.java:\d+\)")
    assert "A fatal error has been detected" not in host.new_log()
    assert [path.name for path in jar.parent.iterdir()] == ["contract.jar"]
