"""
`eas-host check` names what is wrong with a jar without starting a JVM.
"""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.build import ProcessorBuilder, javac
from support.checks import check, expect

Make = Callable[[Path, ProcessorBuilder], Path]


@dataclass(frozen=True)
class Jar:
    """
    A jar, and the finding that it must get, as a pattern.

    Attributes:
        id: names the case.
        make: makes it in a folder.
        finding: its verdict, file and words.
        options: of the command.
    """

    id: str
    make: Make
    finding: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.id


def existing(*names: str) -> Make:
    return lambda _folder, builder: builder.jar(*names)


def compiled(text: str) -> Make:
    """The jar one.jar of the classes in *text*, whose first is `One`."""

    def make(folder: Path, _builder: ProcessorBuilder) -> Path:
        (folder / "One.java").write_text(text, encoding="utf-8")
        javac("-d", folder / "classes", folder / "One.java")
        return pack(folder / "one.jar", {path.name: path.read_bytes() for path in (folder / "classes").iterdir()})

    return make


def pack(target: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(target, "w") as jar:
        for name, content in files.items():
            jar.writestr(name, content)
    return target


def content(change: Callable[[bytes], bytes]) -> Make:
    """A jar that works, but for a *change* of the bytes of its class."""

    def make(folder: Path, builder: ProcessorBuilder) -> Path:
        data = (builder.classes() / "StringToString.class").read_bytes()
        return pack(folder / "one.jar", {"StringToString.class": change(data)})

    return make


def bytes_of(change: Callable[[bytes], bytes]) -> Make:
    """A jar that works, but for a *change* of its own bytes."""

    def make(folder: Path, builder: ProcessorBuilder) -> Path:
        (folder / "one.jar").write_bytes(change(builder.jar("Contract").read_bytes()))
        return folder / "one.jar"

    return make


def with_library_elsewhere(folder: Path, builder: ProcessorBuilder) -> Path:
    """The jar that it needs lies in a folder that is not on the class path."""
    (folder / "lib").mkdir()
    shutil.copy(builder.jar("LibraryPart"), folder / "lib" / "part.jar")
    return Path(shutil.copy(builder.jar("UsesLibrary"), folder / "one.jar"))


def manifest(folder: Path, builder: ProcessorBuilder) -> Path:
    return builder.pack(folder / "one.jar", ["Contract"], "Class-Path: absent.jar\r\n")


def spring_boot(folder: Path, builder: ProcessorBuilder) -> Path:
    data = (builder.classes() / "StringToString.class").read_bytes()
    return pack(folder / "one.jar", {"BOOT-INF/classes/StringToString.class": data})


def nested(folder: Path, builder: ProcessorBuilder) -> Path:
    library = builder.jar("LibraryPart").read_bytes()
    uses = (builder.classes() / "UsesLibrary.class").read_bytes()
    return pack(folder / "one.jar", {"UsesLibrary.class": uses, "lib/part.jar": library})


PROCESSOR = """\
public class One {
  public One(String entry, String config) {}
  public void Load() {}
  public byte[] Process(byte[] input) { return input; }
}
"""

WRONG_ANSWERS = {
    "AnswersByFuture": "Future<byte[]> Process(byte[])",
    "AnswersText": "CompletableFuture<String> Process(byte[])",
    "AnswersLists": "Iterator<? extends List<byte[]>> Process(String)",
}
"""What the processors in tests/processors/java/wrong have in place of an answer."""

JARS = [
    Jar("text", bytes_of(lambda _: b"hello"), r"error one\.jar: not a jar: "),
    Jar("empty", bytes_of(lambda _: b""), r"error one\.jar: not a jar: "),
    Jar("truncated", bytes_of(lambda data: data[: len(data) // 2]), r"error one\.jar: not a jar: .*cut short; build"),
    Jar(
        "no-class",
        lambda folder, _: pack(folder / "one.jar", {"a.txt": b""}),
        r"error one\.jar: no class has a const",
    ),
    Jar(
        "damaged-class",
        content(lambda data: data[:60]),
        r"error one\.jar: class StringToString: a damaged class file",
        ("--mainclass", "StringToString"),
    ),
    Jar(
        "newer-java",
        content(lambda data: data[:6] + b"\0\x64" + data[8:]),
        r"error one\.jar: StringToString was compiled for Java 56, but this JVM is Java \d+ \(/.*\); compile it",
    ),
    Jar(
        "misspelt-class",
        existing("Contract"),
        r"error contract\.jar: there is no class Contrakt; did you mean Contract\?",
        ("--mainclass", "Contrakt"),
    ),
    Jar(
        "absent-class",
        existing("Contract"),
        r"error contract\.jar: there is no class com\.example\.Zebra; check --mainclass",
        ("--mainclass", "com.example.Zebra"),
    ),
    Jar(
        "several",
        existing("FirstOfTwo", "SecondOfTwo"),
        r"error firstoftwo\.jar: several classes are processors: FirstOfTwo, SecondOfTwo; choose",
    ),
    Jar(
        "hidden",
        existing("HiddenProcessor"),
        r"error hiddenprocessor\.jar: HiddenProcessor is not public; declare it",
    ),
    Jar(
        "constructor",
        existing("NoConstructor"),
        r'error noconstructor\.jar: NoConstructor has no constructor "public NoConstructor\(String, String\)"',
    ),
    Jar(
        "private-constructor",
        compiled(PROCESSOR.replace("public One(", "private One(")),
        r"error one\.jar: One has no constructor .*; it has private One\(String, String\)",
    ),
    Jar("no-load", existing("NoLoad"), r'error noload\.jar: NoLoad has no method "public void Load\(\)"; it has none'),
    Jar(
        "lower-case",
        compiled(PROCESSOR.replace("Load", "load")),
        r'error one\.jar: One has no method "public void Load\(\)"; it has public void load\(\)',
    ),
    Jar(
        "no-process",
        existing("NoProcess"),
        r'error noprocess\.jar: NoProcess has no method "public byte\[\] Process\(byte\[\] input\)"; it has none',
        ("--mainclass", "NoProcess"),
    ),
    Jar(
        "wrong-process",
        existing("WrongProcess"),
        r"error wrongprocess\.jar: WrongProcess has no method .*; it has public int Process\(int\)",
    ),
    Jar(
        "static-process",
        compiled(PROCESSOR.replace("public byte", "public static byte")),
        r"error one\.jar: One has no method .*; it has public static byte\[\] Process\(byte\[\]\)",
    ),
    Jar(
        "only-batches",
        existing("OnlyBatches"),
        r"error onlybatches\.jar: OnlyBatches has no method .*; it has public byte\[\]\[\] Process\(byte\[\]\[\]\), "
        "which takes batches, and no request that runs by itself; declare it so",
    ),
    *(
        Jar(
            f"answers-{name}",
            existing(f"wrong.{name}"),
            rf"error wrong\.{name.lower()}\.jar: wrong\.{name} has no method .*; it has public {re.escape(method)}; "
            r"declare it so .*; an answer that comes later is a CompletableFuture<byte\[\]>, and one in parts ",
        )
        for name, method in WRONG_ANSWERS.items()
    ),
    *(
        Jar(
            f"batches-{name}",
            compiled(PROCESSOR.replace("  public byte", f"  {method} {{ return null; }}\n  public byte")),
            rf"warning one\.jar: One has {re.escape(method.replace(' inputs', ''))}, which gets no batches; declare it",
        )
        for name, method in {
            "result": "public byte[] Process(byte[][] inputs)",
            "case": "public byte[][] process(byte[][] inputs)",
            "name": "public byte[][] batch_process(byte[][] inputs)",
            "access": "byte[][] Process(byte[][] inputs)",
            "static": "public static byte[][] Process(byte[][] inputs)",
            "text": "public String[] Process(String[] inputs)",
        }.items()
    ),
    Jar(
        "abstract",
        compiled(PROCESSOR.replace("class", "abstract class")),
        r"error one\.jar: One is abstract, so no object of it can be made",
    ),
    Jar(
        "missing-class",
        existing("UsesLibrary"),
        r"error useslibrary\.jar: class LibraryPart is missing, which UsesLibrary refers to; add the jar",
    ),
    Jar(
        "class-of-java-extended",
        compiled(
            "public class One extends org.xml.sax.helpers.AttributesImpl {\n"
            "  public One(String name, String value) {}\n}\n"
        ),
        r"error one\.jar: no class has a constructor \(String, String\), Load and Process; name the right one",
    ),
    Jar(
        "missing-class-nearby",
        with_library_elsewhere,
        r"error one\.jar: class LibraryPart is missing, .*; it is in part\.jar: add --classpath /\S+/part\.jar",
    ),
    Jar(
        "absent-class-path",
        existing("Contract"),
        r"error contract\.jar: .*absent.*: No such file or directory; check",
        ("--classpath", "absent"),
    ),
    Jar(
        "native-library",
        compiled(PROCESSOR.replace("Load() {}", 'Load() { System.loadLibrary("absent"); }')),
        r"warning one\.jar: One calls System\.loadLibrary, and there is no libabsent\.so; add its folder with",
    ),
    Jar(
        "jvm-option",
        existing("StringToString"),
        r"error stringtostring\.jar: --jvm-options: the JVM refuses them: Unrecognized VM option 'Absent'",
        ("--jvm-options", "-XX:+Absent"),
    ),
    Jar("manifest", manifest, r"warning one\.jar: its Class-Path names absent\.jar, where no jar is"),
    Jar("spring-boot", spring_boot, r"warning one\.jar: it is a Spring Boot jar: this host unpacks what is inside"),
    Jar("jars-inside", nested, r"warning one\.jar: it is a jar with jars in lib/: this host unpacks"),
]


@pytest.mark.parametrize("case", JARS, ids=str)
def test_what_is_wrong_is_named(case: Jar, builder: ProcessorBuilder, tmp_path: Path) -> None:
    """Nothing else is found."""
    expect(check(case.make(tmp_path, builder), *case.options, cache=tmp_path / "cache"), case.finding)


@pytest.mark.parametrize(
    "name", ["Contract", "StringToString", "BytesToString", "NullString", "packaged.InPackage", "LoadThrows"]
)
def test_processor_that_works_is_ok(name: str, builder: ProcessorBuilder) -> None:
    """As far as its files show."""
    expect(check(builder.jar(name)))


def test_methods_may_be_inherited_and_classes_nested(builder: ProcessorBuilder, tmp_path: Path) -> None:
    base = PROCESSOR.replace("public class One", "class Base").replace("public One", "Base")
    text = "public class One {\n  public static class Inner extends Base {\n"
    text += "    public Inner(String entry, String config) { super(entry, config); }\n  }\n}\n" + base
    jar = compiled(text)(tmp_path, builder)
    expect(check(jar))
    expect(check(jar, "--mainclass", "One.Inner"))


def test_class_that_can_do_without_a_missing_one_gets_a_warning(builder: ProcessorBuilder, tmp_path: Path) -> None:
    calls = "try { Gone.call(); } catch (NoClassDefFoundError error) { return null; } return input;"
    make = compiled(PROCESSOR.replace("return input;", calls) + "class Gone { static void call() {} }\n")
    make(tmp_path, builder)
    (tmp_path / "other").mkdir()
    jar = pack(tmp_path / "other" / "two.jar", {"One.class": (tmp_path / "classes" / "One.class").read_bytes()})
    expect(check(jar), r"warning two\.jar: class Gone is missing, which One refers to; add the jar")


def test_jar_on_the_class_path_has_the_class(builder: ProcessorBuilder) -> None:
    expect(check(builder.jar("UsesLibrary"), "--classpath", builder.jar("LibraryPart")))
