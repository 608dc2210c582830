"""
Checks a processor in Java: the jars, its class and the members that this must have, the Java that it was compiled for,
and classes that are missing. No JVM runs.
"""

from __future__ import annotations

import difflib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from eas_host.archives import class_file, jar_layouts
from eas_host.archives.class_file import ClassFile, DamagedClass
from eas_host.binaries.java_classes import JavaClasses
from eas_host.binaries.java_home import java_version
from eas_host.check.finding import ERROR, OK, WARNING, Finding, Report, error_of, list_names
from eas_host.check.java.class_index import ClassIndex, open_classes
from eas_host.check.java.members import batch_problems_of, declares_process, may_be_processor, problems_of
from eas_host.check.java.missing_classes import check_references, own_classes
from eas_host.check.java.native_libraries import check_native_libraries
from eas_host.deploy.package import nested_jars
from eas_host.deploy.package.environment import LIBRARY_PATH
from eas_host.errors import HostError
from eas_host.pack.dependencies import class_path
from eas_host.worker.java import classpath
from eas_runtime.worker_spec import WorkerSpec

_MAX_VERSIONS: Final = 500
"""How many classes are read for their version if none is named."""
_MAX_SEARCHED: Final = 20_000
"""How many classes are searched for a processor if none is named."""
_JAVA_HOME: Final = "JAVA_HOME"


def check_jars(spec: WorkerSpec) -> Report:
    """
    Check the jars of *spec*.

    Raises:
        HostError: an element of the class path is missing.
    """
    path = classpath.resolve(spec)
    own, libraries = [*map(Path, path.own)], [*map(Path, path.libraries)]
    named, findings = _manifest_jars(own)
    names = [element.name for element in (*own, *libraries) if not element.is_dir()]
    facts: dict[str, Any] = {"jars": names, "mainclass": spec.mainclass}
    layout = next(iter(nested_jars.find(spec).values()), None) or jar_layouts.folder_layout(Path(spec.entry))
    subject = Path(spec.entry).name
    if layout is not None:
        facts["layout"] = layout.name
        what = f"it is {layout.name}: this host unpacks what is inside, EAS may not"
        findings.append(Finding(WARNING, subject, what, "pack a folder with the plain jar and its libraries"))
    with open_classes([*own, *libraries, *named]) as index:
        damaged = [
            Finding(ERROR, jar.name, f"not a jar: {why}", "build or copy it again")
            for jar, why in index.damaged.items()
        ]
        if damaged:
            return Report(facts, (*findings, *damaged))
        check = _JarCheck(spec, own, index, subject)
        findings += check.findings()
        facts["java"] = check.newest_java()
    return Report(facts, tuple(findings))


def _manifest_jars(own: list[Path]) -> tuple[list[Path], list[Finding]]:
    """
    Find the jars that the manifests of *own* name: a JVM searches these, too.
    """
    found: list[Path] = []
    findings: list[Finding] = []
    for jar in own:
        if jar.is_dir():
            continue
        try:
            needed = class_path.find_dependencies(jar)
        except HostError:
            continue  # it is damaged, and reported as such
        found += [path for path, user in needed.files if user is not None]
        findings += [
            Finding(WARNING, user.name, f"its Class-Path names {word}, where no jar is", "Java skips it; put it there")
            for word, user in needed.missing
        ]
    return found, findings


class _JarCheck:
    """
    The check of the classes in *index*; the processor is searched in the elements *own*.
    """

    def __init__(self, spec: WorkerSpec, own: list[Path], index: ClassIndex, subject: str) -> None:
        self._spec = spec
        self._own = own
        self._index = index
        self._subject = subject
        self._class: ClassFile | None = None

    def findings(self) -> list[Finding]:
        """
        Find the processor's class and check it.
        """
        findings = [*(self._named() if self._spec.mainclass else self._only())]
        if self._class is not None:
            home, found = self._home()
            findings += [*found, *self._check_version(self._class, home), *self._check_batches(self._class)]
            java = JavaClasses(home)
            findings += check_references(self._class.name, self._own, self._index, java, self._subject)
            findings += self._check_native(self._class, home)
            if not any(one.verdict == ERROR for one in findings):
                name = self._class.name.replace("/", ".")
                findings.insert(
                    0, Finding(OK, self._subject, f"class {name} is a processor, for Java {self._class.java}")
                )
        return findings

    def newest_java(self) -> int | None:
        """
        Return the Java that the processor's class needs, or the newest that a class of the path needs.
        """
        if self._class is not None:
            return self._class.java
        if self._spec.mainclass:
            return None
        found = (self._java_of(name) for name in itertools.islice(self._index.names(), _MAX_VERSIONS))
        return max((java for java in found if java is not None), default=None)

    def _java_of(self, name: str) -> int | None:
        try:
            return class_file.java_of(self._index.data(name)[:8])
        except DamagedClass:
            return None

    def _named(self) -> Iterator[Finding]:
        """
        Check the class that the user has named; `Outer.Inner` may stand for `Outer$Inner`.
        """
        wanted = self._spec.mainclass or ""
        name = wanted.replace(".", "/")
        while name not in self._index and "/" in name:
            outer, _, inner = name.rpartition("/")
            name = f"{outer}${inner}"
        if name not in self._index:
            known = [one.replace("/", ".") for one in self._index.names() if not one[-1].isdigit()]
            near = difflib.get_close_matches(wanted, known, 1)
            near += [one for one in known if one.rpartition(".")[2].lower() == wanted.rpartition(".")[2].lower()]
            advice = f"did you mean {', '.join(dict.fromkeys(near))}?" if near else "check --mainclass"
            yield Finding(ERROR, self._subject, f"there is no class {wanted}", advice)
            return
        try:
            self._class = class_file.read(self._index.data(name))
        except DamagedClass as error:
            yield Finding(ERROR, self._subject, f"class {wanted}: {error}", "compile it again")
            return
        yield from self._problems(self._class)

    def _problems(self, found: ClassFile) -> Iterator[Finding]:
        name = found.name.replace("/", ".")
        for what, advice in problems_of(found, self._index):
            yield Finding(ERROR, self._subject, f"{name} {what}", advice)

    def _check_batches(self, found: ClassFile) -> Iterator[Finding]:
        name = found.name.replace("/", ".")
        for what, advice in batch_problems_of(found, self._index):
            yield Finding(WARNING, self._subject, f"{name} {what}", advice)

    def _only(self) -> Iterator[Finding]:
        """
        Find the only processor among the program's classes.
        """
        chosen: list[ClassFile] = []
        refused: list[ClassFile] = []
        for name in itertools.islice(self._index.names(self._own), _MAX_SEARCHED):
            try:
                data = self._index.data(name)
                if not may_be_processor(data):
                    continue
                found = class_file.read(data)
            except DamagedClass as error:
                yield Finding(WARNING, self._subject, f"{name}.class: {error}", "compile it again")
                continue
            if found.name != name:
                continue  # it lies in a folder that is not its package's, so no JVM finds it
            if not any(True for _ in problems_of(found, self._index)):
                chosen.append(found)
            elif declares_process(found):
                refused.append(found)
        if len(chosen) == 1:
            self._class = chosen[0]
        elif chosen:
            names = list_names(sorted(one.name.replace("/", ".") for one in chosen))
            yield Finding(
                ERROR, self._subject, f"several classes are processors: {names}", "choose one with --mainclass"
            )
        elif len(refused) == 1:
            self._class = refused[0]
            yield from self._problems(refused[0])
        else:
            names = list_names(sorted(one.name.replace("/", ".") for one in refused))
            with_process = f"; these have a Process: {names}" if refused else ""
            what = f"no class has a constructor (String, String), Load and Process{with_process}"
            yield Finding(ERROR, self._subject, what, "name the right one with --mainclass")

    def _home(self) -> tuple[Path | None, list[Finding]]:
        """
        Find the home of the Java that a worker will run.
        """
        from eas_host.worker.java.jvm import find_jvm  # noqa: PLC0415  it imports ctypes

        home: Path | None = None
        try:
            home = find_jvm(self._spec.environment.get(_JAVA_HOME)).parents[2]
            if self._spec.jvm_options:
                self._check_options(home)
        except HostError as error:
            return home, [error_of(error, Path(self._spec.entry))]
        return home, []

    def _check_native(self, processor: ClassFile, home: Path | None) -> Iterator[Finding]:
        spec = self._spec
        library_path = spec.environment.get(LIBRARY_PATH, os.environ.get(LIBRARY_PATH, ""))
        for found in own_classes(processor.name, self._own, self._index):
            yield from check_native_libraries(found, home, spec.jvm_options, library_path, self._subject)

    def _check_options(self, home: Path) -> None:
        """
        Check the JVM's options, by starting one that ends at once.

        Raises:
            HostError: it refuses them.
        """
        from eas_host.worker.java.jvm import check_options  # noqa: PLC0415  as below

        check_options(self._spec.jvm_options, home / "bin" / "java", "")

    def _check_version(self, found: ClassFile, home: Path | None) -> Iterator[Finding]:
        present = java_version(home) if home is not None else None
        if present is not None and found.java > present:
            name = found.name.replace("/", ".")
            what = f"{name} was compiled for Java {found.java}, but this JVM is Java {present} ({home})"
            advice = f"compile it with --release {present}, or choose a Java {found.java} or later with --java-home"
            yield Finding(ERROR, self._subject, what, advice)
