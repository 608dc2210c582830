"""
Finds the JVM, checks the options of the user, and starts it in this process.

The JVM shares the process with the host, so it is kept from disturbing it:

- Its crashes. A fault in native code or in `Unsafe` reaches the JVM's own handler of SIGSEGV first. Those
  handlers must stay: null checks, stack overflows and safepoints need them. For a fault that is none of
  these the JVM calls the handler that it found when it started, ours, which records signal and request
  (native/src/crash.h); then it prints its report, and aborts.
- Its files. The report goes to stderr (`ErrorFileToStderr`, since JDK 11.0.9; `ErrorFile=/dev/stderr` fails
  on JDK 11, which insists on creating the file), which that handler has turned into a file of the front's;
  the performance counters go into plain memory. So nothing is left behind in the user's folder or in /tmp.
  jps does not list such a JVM; jcmd, jstack and `kill -QUIT` find it by its process number as ever.
- Its handlers of SIGHUP, SIGINT and SIGTERM, which would end the host without a word. They are taken back
  once it has started. `-Xrs` would do the same, but makes the JVM open its attach socket in /tmp at once,
  to stay there after `kill -9`.
- Its end. The launcher takes System.exit and Runtime.halt over. `DestroyJavaVM` waits for every thread that
  a processor has started and forgotten, so it is never called: see `JavaProcessor.join`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from eas_host.binaries.java_home import OLDEST_JAVA, UnusableJava, find_libjvm, java_version, machine_home
from eas_host.errors import EntryInvalid
from eas_host.worker.java.bridge import BRIDGE, LAUNCHER, Bridge
from eas_runtime.ring import WorkerRing

NATIVE_ACCESS_WARNS: Final = 24
"""The first Java that prints a warning about native methods such as the bridge's (JEP 472)."""

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
"""Options with effects beyond the JVM, such as a debugger's port: `check_options` does not try them."""

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
"""Options whose argument the `java` command takes as the next one, but the JVM itself only after a '='."""

JVM_NOISE: Final = re.compile(r"Picked up |Error occurred during|Error: (Could not create|A fatal exception)")
"""Lines of the JVM that say nothing about what is wrong."""

OPTION_CHECK_SECONDS: Final = 30
"""Only stops a hang; the check takes as long as the start of a JVM, 0.1 s."""

ARGUMENT_LIMIT: Final = 128 * 1024
"""Linux's MAX_ARG_STRLEN: each argument of a command must have fewer bytes."""

SIGACTION_SIZE: Final = 1024
"""Room for a `struct sigaction`: 152 bytes in glibc on 64-bit machines."""


def start_jvm(options: tuple[str, ...], class_path: str, ring: WorkerRing, report: int) -> Bridge:
    """
    Start the JVM of this process, whose threads take requests from *ring*, with the user's *options* and *class_path*.
    What is known of its end goes to the descriptor *report*, or to stderr if that is -1.

    Raises:
        EntryInvalid: there is no usable JVM, or it refuses the options.
    """
    if not (BRIDGE.is_file() and LAUNCHER.is_file()):
        raise EntryInvalid(f"{BRIDGE}: the Java bridge is not built; run `make setup`, or `pip install .`")
    library = find_jvm()
    home = library.parents[2]
    version = java_version(home)
    checked = check_options(options, home / "bin" / "java", class_path)
    own = [*OPTIONS, f"-Djava.class.path={class_path}"]
    if version is not None and version >= NATIVE_ACCESS_WARNS:
        own.append("--enable-native-access=ALL-UNNAMED")
    try:
        with signal_handlers_kept(signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            return Bridge(library, [*own, *checked], ring, report)
    except OSError as error:
        raise EntryInvalid(f"the JVM in {home} does not start: {error}; its own message is above") from error


def find_jvm(home: str | None = None) -> Path:
    """
    Find libjvm.so: in *home*, or in JAVA_HOME if that is set, else where /usr/bin/java leads, or where systems put a
    Java.

    `--java-home` and a description set JAVA_HOME for the worker.

    Raises:
        EntryInvalid: there is none, or it is too old.
    """
    home = home or os.environ.get("JAVA_HOME")
    place = Path(home) if home else _default_home()
    try:
        return find_libjvm(place).resolve()
    except UnusableJava as error:
        where = f"JAVA_HOME is {home}" if home else f"the Java of this machine is {place}"
        raise EntryInvalid(f"{where}: {error}; choose another with --java-home") from error


def _default_home() -> Path:
    """
    Find the home of the Java of this machine.

    Raises:
        EntryInvalid: there is none.
    """
    home = machine_home()
    if home is None:
        raise EntryInvalid(
            f"there is no JVM on this machine: install Java {OLDEST_JAVA} or later"
            " (on Debian or Ubuntu: apt-get install default-jre-headless), or name its home with --java-home"
        )
    return home


def check_options(options: tuple[str, ...], java: Path, class_path: str) -> list[str]:
    """
    Return *options* in the form that a JVM takes, after another JVM has accepted them.

    A JVM may end its process at once if it refuses an option, so they are tried first in a process of their
    own: the command *java*, if it exists, with *class_path*, since some options name a class.

    Raises:
        EntryInvalid: the JVM refuses an option; the message quotes it.
    """
    joined: list[str] = []
    for option in options:
        if joined and joined[-1] in WITH_ARGUMENT:
            joined[-1] += f"={option}"
        else:
            joined.append(option)
    for option in joined:
        if option.startswith(CLASS_PATHS):
            raise EntryInvalid(f"--jvm-options {option}: give the class path with --classpath")
        if not option.startswith("-"):
            raise EntryInvalid(f"--jvm-options {option}: not an option of the JVM; options begin with '-'")
    tried = [option for option in joined if not option.startswith(AGENTS)]
    if not tried or not java.is_file():
        return joined
    with_path = ("-cp", class_path) if len(os.fsencode(class_path)) < ARGUMENT_LIMIT else ()
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
