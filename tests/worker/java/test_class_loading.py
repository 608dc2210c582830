"""
The classes of a Java processor: they are where `java -cp` puts them, and see nothing of the host.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from support.build import ROOT, ProcessorBuilder
from support.host import Host, StartHost

OURS = [
    *(
        ".".join(path.relative_to(ROOT / "java" / "src").with_suffix("").parts)
        for path in (ROOT / "java" / "src").rglob("*.java")
    ),
    "org.jpype.JPypeContext",
    "org.jpype.JPypeClassLoader",
    "org.jpype.JPypeReflector",
    "org.jpype.manager.TypeManager",
]
PARTS = ("parts.Driver", "parts.Handler", "parts.Service", "parts.Version")


@pytest.fixture(scope="module")
def application(builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """An application's jar, and one with the services that it uses."""
    folder = tmp_path_factory.mktemp("application")
    own = builder.pack(folder / "application.jar", ["Application"])
    parts = builder.pack(folder / "parts.jar", PARTS)
    with zipfile.ZipFile(parts, "a") as jar:
        jar.writestr("META-INF/services/java.sql.Driver", "parts.Driver\n")
        jar.writestr("META-INF/services/java.lang.Runnable", "parts.Service\n")
    return [own, parts]


def serve(start: StartHost, application: list[Path], isolation: str = "process", **options: str) -> Host:
    # The compiler's first call takes seconds where many tests run at once.
    return start("java", application[0], classpath=[application[1]], isolation=isolation, keepalive=60_000, **options)


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_service_loader_finds_services_in_every_thread(
    start: StartHost, application: list[Path], isolation: str
) -> None:
    """
    DriverManager finds its drivers, too. A thread of the common pool asks first: the answer of that first one is kept
    for the life of the JVM.
    """
    host = serve(start, application, isolation)
    assert host.call(b"connect jdbc:parts:x").text == "the driver was asked for jdbc:parts:x"
    assert host.call(b"services").text == "Service Service Service"


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_system_class_loader_has_the_users_jars(start: StartHost, application: list[Path], isolation: str) -> None:
    """So whatever goes by name, without a loader to ask, finds them."""
    host = serve(start, application, isolation)
    assert host.call(b"system parts.Version").text == "parts.Version true true"
    assert host.call(b"log to a handler by name").text == "to a handler by name"
    assert host.call(b"compile").text == "true "
    assert host.call(b"property java.class.path").text == ":".join(map(str, application))


def test_logging_configuration_may_name_the_users_handler(start: StartHost, application: list[Path]) -> None:
    """--jvm-options names the configuration."""
    settings = application[0].with_name("logging.properties")
    settings.write_text("handlers=parts.Handler\n")
    host = serve(start, application, jvm_options=f"-Djava.util.logging.config.file={settings}")
    assert host.call(b"log once more").text == "once more"


def test_agent_jar_is_on_the_class_path(
    start: StartHost, application: list[Path], builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """The JVM puts it there, where the program meets its classes."""
    jar = builder.pack(tmp_path / "agent.jar", ["parts.Agent"], "Premain-Class: parts.Agent\r\n")
    host = serve(start, application, jvm_options=f"-javaagent:{jar}=hello")
    assert host.call(b"property agent").text == "hello"
    assert host.call(b"system parts.Agent").text == "parts.Agent true true"


def test_system_class_loader_may_be_the_users(
    start: StartHost, application: list[Path], builder: ProcessorBuilder
) -> None:
    """This loader takes the place of the JDK's, with that as its parent, as with the java command."""
    loader = builder.jar("parts.Loader")
    options = "-Djava.system.class.loader=parts.Loader"
    host = start("java", application[0], classpath=[application[1], loader], jvm_options=options)
    assert host.call(b"connect jdbc:parts:z").text == "the driver was asked for jdbc:parts:z"
    assert host.call(b"system parts.Version").text == "parts.Version true false"


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_classes_of_host_and_jpype_are_hidden(start: StartHost, application: list[Path], isolation: str) -> None:
    """No loader finds them, nor a file of their jars."""
    host = serve(start, application, isolation)
    for name in OURS:
        assert set(host.call(f"seen {name}".encode()).text) == {"n"}, name
    assert set(host.call(b"seen java.sql.Driver").text) == {"y"}
    assert host.call(b"resources META-INF/MANIFEST.MF").text == "application.jar parts.jar"


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_user_classes_may_have_the_names_of_the_hosts(
    start: StartHost, builder: ProcessorBuilder, tmp_path: Path, isolation: str
) -> None:
    """The host works on with its own."""
    names = ["Application", "eas.host.Bridge", "org.jpype.JPypeContext", "org.jpype.JPypeClassLoader"]
    host = start("java", builder.pack(tmp_path / "same.jar", names), mainclass="Application", isolation=isolation)
    assert host.call(b"name").text == "their bridge their JPypeContext their JPypeClassLoader"
    answer = host.call(b"what?")
    assert (answer.status, answer.message) == (400, "what?")
    host.expect_log("IllegalArgumentException")


def test_first_of_two_versions_of_a_class_is_used(start: StartHost, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """The entry stands before all others."""
    sources = tmp_path / "Version.java"
    sources.write_text('package parts; public class Version { public static final String TEXT = new String("other"); }')
    other = builder.compiled(sources, tmp_path / "classes")
    entry = builder.pack(tmp_path / "application.jar", ["Application"])
    jar = builder.pack(tmp_path / "parts.jar", PARTS)
    for first, second, text in ((other, jar, "other"), (jar, other, "from its own jar")):
        host = start("java", entry, mainclass="Application", classpath=[first, second])
        assert host.call(b"version").text == text
    whole = builder.pack(tmp_path / "whole.jar", ["Application", *PARTS])
    assert start("java", whole, mainclass="Application", classpath=[other]).call(b"version").text == "from its own jar"


def test_class_path_of_a_manifest_is_followed(start: StartHost, application: list[Path], tmp_path: Path) -> None:
    """The paths begin where the jar lies."""
    (tmp_path / "lib").mkdir()
    shutil.copy(application[1], tmp_path / "lib" / "parts.jar")
    with zipfile.ZipFile(application[0]) as jar, zipfile.ZipFile(tmp_path / "leads.jar", "w") as leads:
        leads.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\nClass-Path: lib/parts.jar\r\n\r\n")
        for name in jar.namelist():
            if name.endswith(".class"):
                leads.writestr(name, jar.read(name))
    host = start("java", tmp_path / "leads.jar")
    assert host.call(b"connect jdbc:parts:y").text == "the driver was asked for jdbc:parts:y"


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_blanks_and_non_ascii_letters_in_paths_are_accepted(
    start: StartHost, application: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    """The locale makes no difference."""
    monkeypatch.setenv("LC_ALL", locale)
    folder = tmp_path / "ключ 錠 %20"
    folder.mkdir()
    copies = [shutil.copy(path, folder / path.name) for path in application]
    host = start("java", copies[0], classpath=[copies[1]])
    assert host.call(b"services").text == "Service Service Service"
