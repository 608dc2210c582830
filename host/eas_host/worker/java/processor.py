"""
java processors: a jar with one public class, called through JPype and the bridge in java/.

Strategy: Python takes a request and completes it, but never touches its bytes. The bridge has two direct
buffers over the slot and copies in bulk between them and Java's arrays; what crosses JPype is a call with
two small numbers. This module is the only one that imports jpype.

The JVM shares the process with us, so it is told to keep to itself:

- Its crashes. A fault in native code or in `Unsafe` reaches the JVM's own handler of SIGSEGV first, which
  prints a report and then calls abort() on the thread that crashed. Seen on JDK 11, 17, 21 and 25, with and
  without an alternate signal stack: a handler of SIGABRT therefore runs on that very thread and knows its
  request. The JVM's handlers of SIGSEGV and its like must stay: null checks, stack overflows and safepoints
  are made of them. So `owns_signals` leaves it all but SIGABRT. With `-XX:-CreateCoredumpOnCrash` it would
  end in _exit(1) instead.
- Its files. The report goes to stderr (`ErrorFileToStderr`, since JDK 11.0.9; `ErrorFile=/dev/stderr` fails
  on JDK 11, which insists on creating the file) and the performance counters into plain memory, so that
  nothing is left behind in the user's folder or in /tmp. jps does not list such a JVM; jcmd, jstack and
  `kill -QUIT` find it by its process number as ever.
- Its handlers of SIGHUP, SIGINT and SIGTERM, which would end the host without a word. They are taken back
  once it has started. `-Xrs` would do the same, but makes the JVM open its attach socket in /tmp at once,
  to stay there after `kill -9`.
- Its end. `DestroyJavaVM` waits for every thread that a processor has started and forgotten; JPype calls it
  when Python exits, and it would hang. It is never called: see `join` and `_part`.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Protocol

import jpype
import jpype.config
import jpype.nio

import eas_host
from eas_host import classpath, embedding
from eas_host.config import WorkerSpec
from eas_host.errors import LOAD_ERRORS, EntryInvalid
from eas_host.ring import RAISED, RETURNED, TOO_LARGE, Call, WorkerRing
from eas_host.worker.java.jvm_launcher import LAUNCHER, launching
from eas_host.worker.threads import Handler, WorkerThreads
from eas_host.workers.control import Control

BRIDGE: Final = Path(eas_host.__file__).with_name("java") / "eas-host-bridge.jar"
JPYPE: Final = Path(jpype.__file__).resolve().parent.with_name("org.jpype.jar")

OUTCOME_SHIFT: Final = 32
SIZE_MASK: Final = (1 << OUTCOME_SHIFT) - 1
"""How `Bridge.call` packs an outcome and a size into one number."""

OLDEST_JAVA: Final = 11
NATIVE_ACCESS_WARNS: Final = 24
"""The first Java that prints a warning about libraries such as JPype's (JEP 472)."""

JAVA_MAX: Final = 2**31 - 1
"""The largest buffer of Java. No output of a Java processor comes near it: arrays end a few bytes before."""

OPTIONS: Final = (
    "-XX:+ErrorFileToStderr",
    "-XX:+PerfDisableSharedMem",
    # UTF-8 whatever the locale, as on every Java since 18 (JEP 400); the same for what System.out prints.
    "-Dfile.encoding=UTF-8",
    "-Dstdout.encoding=UTF-8",
    "-Dstderr.encoding=UTF-8",
    "-Dsun.stdout.encoding=UTF-8",
    "-Dsun.stderr.encoding=UTF-8",
)

AGENTS: Final = ("-agentlib", "-agentpath", "-javaagent", "-Xrunjdwp")
"""Options with effects beyond the JVM: a debugger's port, say. Tried once only, when it counts."""

CLASS_PATHS: Final = ("-cp", "-classpath", "--class-path", "-Djava.class.path=", "-jar")

WITH_ARGUMENT: Final = (
    "--add-exports",
    "--add-modules",
    "--add-opens",
    "--add-reads",
    "--enable-native-access",
    "--limit-modules",
    "--module-path",
    "--patch-module",
)
"""Options whose argument the `java` command takes as the next word, but the JVM itself only after a '='."""

JVM_NOISE: Final = re.compile(r"Picked up |Error occurred during|Error: (Could not create|A fatal exception)")
"""Lines of the JVM that say nothing about what is wrong."""

OPTION_CHECK_SECONDS: Final = 30
"""Only stops a hang; the check takes as long as the start of a JVM, 0.1 s."""

LONGEST_WORD: Final = 128 * 1024
"""Linux's MAX_ARG_STRLEN: no word of a command may have as many bytes."""

SIGACTION_SIZE: Final = 1024
"""Room for a `struct sigaction`: 152 bytes in glibc on 64-bit machines."""


class Bridge(Protocol):
    """
    The face of eas.host.Bridge that is used here.
    """

    def enter(self, name: str) -> None:
        """
        Make the calling thread known under *name*.
        """

    def register(self, slot: int, input: object, output: object) -> None:  # noqa: A002  as in Java
        """
        Tell where a slot's spans lie.
        """

    def call(self, slot: int, size: int) -> int:
        """
        Call Process.
        """

    def message(self, slot: int) -> bytes:
        """
        What the last call threw, in the words for the client.
        """

    def trace(self, slot: int) -> bytes:
        """
        The same for the log.
        """


class JavaProcessor:
    """
    A class in a `.jar`, called from Python threads.
    """

    owns_signals = True

    def __init__(self, spec: WorkerSpec, ring: WorkerRing, control: Control) -> None:
        self._spec = spec
        self._ring = ring
        self._bridge: Bridge | None = None
        self._threads: WorkerThreads | None = None

    def run(self, serve: Callable[[], None]) -> None:
        """
        Start the JVM, construct the processor, call `Load()`, and serve.

        Raises:
            LoadError: it cannot be used.
        """
        self._load()
        serve()

    def start(self) -> None:
        """
        Start the threads.
        """
        ring = self._ring
        known: set[int] = set()
        self._threads = WorkerThreads(ring, self._spec.threads, lambda: self._handler(ring, known))

    def join(self, timeout: float | None = None) -> None:
        """
        Wait for the threads, then end this process with exit code 0.

        So does `java` itself when it is asked to end: the shutdown hooks run, and nobody waits for threads
        that the processor has left behind. A JVM cannot be ended on these terms without its process. In the
        host's own process (`--isolation none`) the hooks do not run, since its exit code is not ours to
        choose.
        """
        if self._threads is not None:
            self._threads.join(timeout)
        if self._spec.isolation == "process":
            sys.stdout.flush()
            sys.stderr.flush()
            jpype.JClass("eas.host.Bridge").exit(0)

    def _load(self) -> None:
        spec = self._spec
        path = classpath.resolve(spec)
        start_jvm(spec.jvm_options, str(path))
        load_exception = jpype.JClass("eas.host.LoadException")
        try:
            self._bridge = jpype.JClass("eas.host.Bridge").open(
                spec.entry,
                spec.mainclass or "",
                list(path.own),
                list(path.libraries),
                spec.model_entry,
                spec.model_config,
            )
        except load_exception as error:
            kind = LOAD_ERRORS[str(error.kind())]
            message, detail = str(error.getMessage()), str(error.detail())
            raise kind(embedding.explain(message, detail), detail) from None

    def _handler(self, ring: WorkerRing, known: set[int]) -> Handler:
        """
        Make the handler of the calling thread. *known* are the slots that the bridge has buffers for.
        """
        assert self._bridge is not None  # noqa: S101  load comes first
        bridge = self._bridge
        try:
            bridge.enter(threading.current_thread().name)
            call_process = bridge.call
        except jpype.JVMNotRunning:
            raise SystemExit from None  # a call on another thread has ended the JVM, and with it this process

        def handle(call: Call) -> None:
            slot = call.slot
            if slot not in known:
                bridge.register(slot, _direct_buffer(ring.input(slot)), _direct_buffer(ring.output(slot)))
                known.add(slot)
            result = call_process(slot, call.size)
            outcome, size = result >> OUTCOME_SHIFT, result & SIZE_MASK
            if outcome == RETURNED:
                ring.complete(call, RETURNED, 0, size)
            elif outcome == RAISED:
                message, trace = bytes(bridge.message(slot)), bytes(bridge.trace(slot))
                ring.log("E", f"process threw {trace.decode()}")
                ring.reply(call, RAISED, 0, message)
            else:
                limit = len(ring.output(slot))
                text = f"the processor's output has {size} bytes, more than the {limit} of --max-output"
                ring.log("E", text)
                ring.reply(call, TOO_LARGE, 0, text.encode())

        def handle_while_running(call: Call) -> None:
            try:
                handle(call)
            except jpype.JVMNotRunning:
                # Some thread has called System.exit and the JVM is on its way out, with this process. The
                # request of this thread is not to blame; left as it is, it runs again in the next worker.
                threading.Event().wait()

        return handle_while_running


def _direct_buffer(span: memoryview) -> object:
    """
    Make a `java.nio.ByteBuffer` over *span*.
    """
    buffer: object = jpype.nio.convertToDirectBuffer(span[:JAVA_MAX])
    return buffer


def start_jvm(options: tuple[str, ...], class_path: str) -> None:
    """
    Start the JVM of this process with the user's *options* and *class_path*.

    Raises:
        EntryInvalid: there is none that can be used, or it refuses the options.
    """
    if not (BRIDGE.is_file() and LAUNCHER.is_file()):
        raise EntryInvalid(f"{BRIDGE}: the Java bridge is not built; run `make setup`, or `pip install .`")
    library = find_jvm()
    home = library.parents[2]
    version = java_version(home)
    given = check_options(options, home / "bin" / "java", class_path)
    own = [*OPTIONS, f"-Djava.class.path={class_path}"]
    if version is not None and version >= NATIVE_ACCESS_WARNS:
        own.append("--enable-native-access=ALL-UNNAMED")
    jpype.config.onexit = False
    try:
        with (
            signal_handlers_kept(signal.SIGHUP, signal.SIGINT, signal.SIGTERM),
            launching(library, [*own, *given], [BRIDGE, JPYPE]) as launcher,
        ):
            jpype.startJVM(jvmpath=launcher, classpath=[], convertStrings=False, interrupt=True)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise EntryInvalid(f"the JVM in {home} does not start: {error}; its own words are above") from error
    atexit.register(_part)
    # When a processor calls System.exit, JPype would free what threads that are inside a call still use.
    jpype.JClass("org.jpype.JPypeContext").freeResources = False


def _part() -> None:
    """
    Let Java's threads have nothing more to do with Python, which is about to end while they run on.

    From then on Python ends each thread that comes for its lock, by unwinding the thread's stack. There it
    meets C++ code of JPype that catches everything, and the C library aborts the process. Two kinds of
    threads come: those that return from Process, and JPype's own, which drops Python objects whose Java
    side is garbage.
    """
    jpype.JClass("eas.host.Bridge").abandon()
    jpype.JClass("org.jpype.ref.JPypeReferenceQueue").getInstance().stop()


def find_jvm() -> Path:
    """
    Find libjvm.so: in JAVA_HOME if that is set, else where the `java` command or the system has one.

    Raises:
        EntryInvalid: there is none, or it is too old.
    """
    advice = f"set it to a Java {OLDEST_JAVA} or later, or unset it"
    home = os.environ.get("JAVA_HOME")
    if home:
        version = java_version(Path(home))
        if version is not None and version < OLDEST_JAVA:
            raise EntryInvalid(f"JAVA_HOME is {home}, which is Java {version}; {advice}")
        # lib/server, or lib/zero on machines for which there is no compiler.
        libraries = sorted(Path(home).glob("lib/*/libjvm.so"))
        if not libraries:
            raise EntryInvalid(f"JAVA_HOME is {home}, but there is no JVM in it; {advice}")
        return libraries[0].resolve()
    try:
        return Path(jpype.getDefaultJVMPath()).resolve()
    except ValueError as error:
        raise EntryInvalid(
            f"there is no JVM on this machine: install Java {OLDEST_JAVA} or later"
            " (on Debian or Ubuntu: apt-get install default-jre-headless), or set JAVA_HOME"
        ) from error


def java_version(home: Path) -> int | None:
    """
    Read from the file `release` which Java *home* is. None if it does not tell.
    """
    try:
        text = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', text, re.MULTILINE)
    return int(match[1]) if match else None


def check_options(options: tuple[str, ...], java: Path, class_path: str) -> list[str]:
    """
    Bring *options* into the form that a JVM takes, and try them. Some name a class of the *class_path*.

    A JVM that dislikes an option may end the process on the spot, so another one is asked first, started with
    the command *java* if that is there.

    Raises:
        EntryInvalid: with the JVM's own words.
    """
    joined: list[str] = []
    for word in options:
        if joined and joined[-1] in WITH_ARGUMENT:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    for option in joined:
        if option.startswith(CLASS_PATHS):
            raise EntryInvalid(f"--jvm-options {option}: give the class path with --classpath")
        if not option.startswith("-"):
            raise EntryInvalid(f"--jvm-options {option}: not an option of the JVM; options begin with '-'")
    tried = [option for option in joined if not option.startswith(AGENTS)]
    if not tried or not java.is_file():
        return joined
    with_path = ("-cp", class_path) if len(os.fsencode(class_path)) < LONGEST_WORD else ()
    try:
        done = subprocess.run(
            [java, *OPTIONS, *tried, *with_path, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=OPTION_CHECK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EntryInvalid(f"--jvm-options: {java} {' '.join(tried)} -version hangs") from error
    if done.returncode != 0:
        said = (done.stderr + done.stdout).decode("utf-8", "replace").splitlines()
        reason = "; ".join(line for line in said if line and not JVM_NOISE.match(line))
        raise EntryInvalid(f"--jvm-options: the JVM refuses them: {reason}")
    return joined


@contextlib.contextmanager
def signal_handlers_kept(*signals: signal.Signals) -> Iterator[None]:
    """
    Put the handlers of *signals* back afterwards, bit for bit.

    `signal.signal` cannot do it: it knows only Python's own handlers, and only in the main thread.
    """
    libc = ctypes.CDLL(None)
    saved = [(int(number), ctypes.create_string_buffer(SIGACTION_SIZE)) for number in signals]
    for number, action in saved:
        libc.sigaction(number, None, action)
    try:
        yield
    finally:
        for number, action in saved:
            libc.sigaction(number, action, None)
