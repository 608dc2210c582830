"""
What the front reads from the file of a dead JVM, whoever has written it.
"""

from __future__ import annotations

import pytest

from eas_host.archives.line_numbers import SourceLines
from eas_host.ring import Crash
from eas_host.workers.jvm_report import JvmReport, java_frames, parse
from eas_runtime.worker_spec import WorkerSpec

REPORT = """
#
# A fatal error has been detected by the Java Runtime Environment:
#
Native frames: (J=compiled Java code, j=interpreted, Vv=VM code)
C  [libscore.so+0x1139]  Java_Score_score+0x9

Java frames: (J=compiled Java code, j=interpreted, Vv=VM code)
j  jdk.internal.misc.Unsafe.putLong(JJ)V+0 java.base@17.0.15
j  sun.misc.Unsafe.putAddress(JJ)V+0 jdk.unsupported@17.0.15
j  Score.score(Ljava/lang/String;)Ljava/lang/String;+0
J 213 c1 Score.<init>(Ljava/lang/String;I)V (27 bytes) @ 0x00007f4a [0x00007f4a+0x08]
J 4% c2 pkg.Outer$Inner.run()V (27 bytes) @ 0x00007f4a [0x00007f4a+0x08]
J 9 c2 java.util.ArrayList.forEach(Ljava/util/function/Consumer;)V java.base@17.0.15 (75 bytes) @ 0x00007f4a
j  java.lang.invoke.LambdaForm$DMH+0x00007fd4d400f000.invoke(Ljava/lang/Object;)V+11 java.base@17.0.15
v  ~StubRoutines::call_stub
j  eas.host.Invoker.invoke([B)[B+5
j  eas.host.Bridge.call(II)J+35

siginfo: si_signo: 11
"""


def spec() -> WorkerSpec:
    return WorkerSpec(
        type="java",
        entry="/nowhere.jar",
        python_class=None,
        mainclass=None,
        classpath=(),
        jvm_options=(),
        model_entry="",
        model_config="",
        threads=1,
        isolation="process",
        explicit=(),
    )


def test_java_frames_of_a_crash() -> None:
    """Interpreted and compiled ones, without those of the host; of the JDK's the methods that others have called."""
    assert java_frames(REPORT, SourceLines(())) == (
        "jdk.unsupported/sun.misc.Unsafe.putAddress",
        "Score.score(Unknown Source)",
        "Score.<init>(Unknown Source)",
        "pkg.Outer$Inner.run(Unknown Source)",
        "java.base/java.util.ArrayList.forEach",
    )


def test_crash_keeps_the_native_frames_of_the_processor() -> None:
    """Those of the JVM, and what follows, say nothing about the processor."""
    native = ("score (libscore.so+0x1139)", "JavaCalls::call (/jdk/lib/server/libjvm.so+0x12)", "?")
    crash = Crash(11, 1, 0, 0, 0, (), frames=native)
    report = JvmReport("", ("Score.score(Score.java:3)",), "# A fatal error")
    found = report.complete(crash, -11)
    assert found is not None
    assert found.frames == ("score (libscore.so+0x1139)", "Score.score(Score.java:3)")
    assert found.jvm_report == "# A fatal error"


def test_exit_names_its_caller() -> None:
    report = parse("the processor called System.exit on thread worker-thread-1\n  at Score.end(Score.java:7)\n", spec())
    assert report == JvmReport("System.exit", ("Score.end(Score.java:7)",), "")
    assert report.complete(None, 3) == Crash(
        0, 3, -1, 0, 0, (), frames=("Score.end(Score.java:7)",), call="System.exit"
    )


@pytest.mark.parametrize("text", ["x", "\0" * 100, "System.exit", "j  " * 10_000, "java frames:\n" * 100])
def test_other_text_is_no_report(text: str) -> None:
    assert parse(text, spec()) is None


def test_report_without_frames_changes_only_the_text() -> None:
    report = parse("# A fatal error has been detected by the Java Runtime Environment:\nJava frames:\n", spec())
    assert report is not None
    crash = Crash(6, 0, -1, 0, 0, (), frames=("abort (libc.so.6+0x1)",))
    assert report.complete(crash, -6) == crash._replace(jvm_report=report.text)
    assert report.complete(None, -6) is None
