"""
Which JVM runs a processor: that of --java-home, else that of JAVA_HOME, else the machine's own.

The second JVM is the installed one in another place: it reports that place as its home.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.binaries import java_home
from eas_host.errors import EntryInvalid
from eas_host.worker.java import jvm
from support import TIMEOUT
from support.build import ProcessorBuilder
from support.command import load
from support.command import run as run_command
from support.host import Host, StartHost
from support.java import LAYOUTS_OF_JAVA_8, home_of, installed_home, second_home
from support.service import Services, describe, services
from support.users import copy, public, publish
from support.wire import command

__all__ = ["public", "services"]

TOO_OLD = "processors run on Java 11 and later, also those that were compiled for an older one"


def java_of(host: Host) -> Path:
    return Path(host.call(command("property", "java.home")).text)


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_java_home_is_the_jvm_that_runs_the_processor(
    start: StartHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolation: str
) -> None:
    """It overrides JAVA_HOME. Crashed workers start on it again."""
    home = second_home(tmp_path / "second")
    monkeypatch.setenv("JAVA_HOME", "/gone")
    host = start("java", java_home=home, isolation=isolation, jvm_options="-Xmx200m")
    assert java_of(host) == home
    if isolation == "process":
        host.allow_log("SIGKILL")
        host.kill_worker()
        assert java_of(host) == home


def test_java_home_may_be_a_variable_and_a_link(builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Package managers have such links, as /usr/lib/jvm/default-java."""
    home = second_home(tmp_path / "second")
    (tmp_path / "link").symlink_to(home)
    variables = {"EAS_HOST_JAVA_HOME": str(tmp_path / "link"), "JAVA_HOME": "/gone"}
    with Host(tmp_path / "host", variables, entry=builder.contract("java")) as host:
        assert java_of(host) == home


def test_variable_java_home_is_used_without_the_option(
    start: StartHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = second_home(tmp_path / "second")
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert java_of(start("java")) == home


def test_java_of_the_system_is_used_without_either(start: StartHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert java_of(start("java")) == installed_home()


def test_description_chooses_the_jvm_by_its_variable_and_the_option_overrides_it(
    services: Services, builder: ProcessorBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`processor_envs` overrides the host's environment, too."""
    monkeypatch.setenv("JAVA_HOME", "/gone")
    described, chosen = second_home(tmp_path / "described"), second_home(tmp_path / "chosen")
    jar = builder.contract("java")
    path = describe(
        tmp_path, processor_path=str(jar), processor_type="java", processor_envs={"JAVA_HOME": str(described)}
    )
    assert java_of(services.start(path)) == described
    assert java_of(services.start(path, java_home=chosen)) == chosen


def test_wrong_home_in_a_description_is_refused(services: Services, builder: ProcessorBuilder, tmp_path: Path) -> None:
    home = home_of(tmp_path / "jdk8", "1.8.0_392", LAYOUTS_OF_JAVA_8[0])
    path = describe(
        tmp_path,
        processor_path=str(builder.contract("java")),
        processor_type="java",
        processor_envs=[{"name": "JAVA_HOME", "value": str(home)}],
    )
    ended = services.run("test", path)
    ended.fails_with(3, f"JAVA_HOME is {home}: it is Java 8; {TOO_OLD}; choose another with --java-home")


def test_wrong_java_home_is_refused_before_anything_starts(builder: ProcessorBuilder, tmp_path: Path) -> None:
    jar = builder.contract("java")
    old = home_of(tmp_path / "jdk8", layout=LAYOUTS_OF_JAVA_8[0])
    for home, words in (
        ("/gone", "expected a folder that exists"),
        (tmp_path, "there is no JVM in it; expected the home of a Java 11 or later"),
        (old, f"it is Java 8 or older; {TOO_OLD}"),
        (home_of(tmp_path / "jdk10", "10.0.2"), f"it is Java 10; {TOO_OLD}"),
        ("", "expected the path of a folder"),
    ):
        load(jar, "process", "--java-home", home).fails_in_one_line(2, f"--java-home: '{home}': {words}")
    variables = {"EAS_HOST_JAVA_HOME": str(old)}
    run_command("--entry", jar, variables=variables).fails_in_one_line(2, f"EAS_HOST_JAVA_HOME: '{old}': it is Java 8")


@pytest.mark.parametrize("language", ["cpp", "python"])
@pytest.mark.parametrize("option", ["--java-home", "--mainclass", "--classpath", "--jvm-options"])
def test_option_for_java_is_refused_for_other_processors(builder: ProcessorBuilder, language: str, option: str) -> None:
    """It would have no effect, and the reason would be looked for in the processor."""
    entry = builder.contract(language)
    words = f"{option} is for processors in Java, and {entry} is a {language} processor; drop it"
    load(entry, "process", option, installed_home()).fails_in_one_line(2, words)


def test_wrong_variable_java_home_is_refused(
    builder: ProcessorBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host does not pass it over for another Java."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    load(builder.contract("java")).fails_with(
        3, f"JAVA_HOME is {tmp_path}: there is no JVM in it; expected the home of"
    )
    home_of(tmp_path, "1.8.0_392", LAYOUTS_OF_JAVA_8[0])
    load(builder.contract("java"), "none").fails_with(3, f"JAVA_HOME is {tmp_path}: it is Java 8; {TOO_OLD}")


@pytest.mark.parametrize("layout", [*LAYOUTS_OF_JAVA_8, "lib/server"])
def test_java_of_the_system_that_is_too_old_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    """/usr/bin/java leads there; until Java 8 often into the folder jre of a JDK."""
    home = home_of(tmp_path / "jdk", "" if "lib/a" in layout else "10", layout)
    command = home / ("jre/bin" if layout.startswith("jre") else "bin") / "java"
    command.parent.mkdir(parents=True)
    command.touch()
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java_home, "_COMMAND", command)
    version = "10" if layout == "lib/server" else "8 or older"
    with pytest.raises(EntryInvalid, match=rf"the Java of this machine is {tmp_path}/.*: it is Java {version};"):
        jvm.find_jvm()


def test_missing_jvm_names_the_package_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java_home, "_COMMAND", tmp_path / "java")
    monkeypatch.setattr(java_home, "_FOLDERS", (tmp_path,))
    with pytest.raises(EntryInvalid, match=r"apt-get install default-jre-headless.*--java-home"):
        jvm.find_jvm()


def test_sandbox_shows_the_jvm_and_the_target_of_its_library(start: StartHost, tmp_path: Path) -> None:
    """Both lie in a folder of which a sandbox shows nothing else."""
    home = second_home(tmp_path / "second")
    (tmp_path / "links" / "lib" / "server").mkdir(parents=True)
    (library,) = home.glob("lib/*/libjvm.so")
    (tmp_path / "links" / "lib" / "server" / "libjvm.so").symlink_to(library)
    assert java_of(start("java", java_home=tmp_path / "links", sandbox=True)) == home


def test_user_without_access_to_the_jvm_is_told(
    builder: ProcessorBuilder, public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the worker would find no JVM in there."""
    publish(public, monkeypatch)
    home = second_home(public / "second")
    home.chmod(0o700)
    host = Host(tmp_path, entry=copy(builder.contract("java"), public / "code"), java_home=home, user="nobody")
    try:
        host.wait_for_log(f"could not read {home}, since {home} is closed to it .mode 0700.; type: chmod o.r {home}")
        assert host.process.wait(TIMEOUT) == 2
    finally:
        host.kill()
