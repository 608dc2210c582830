"""
What `eas-host check` says of the types that Process returns, by class files alone: the same as the host, which asks the
JVM (java/test/eas/host/AnswerFormTest.java), of the same declarations.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.archives import class_file
from eas_host.check.java.answer_forms import answers_later
from eas_host.check.java.class_index import open_classes
from eas_host.check.java.signatures import returned_type
from support.build import ROOT, javac

SOURCE = ROOT / "java" / "test" / "eas" / "host" / "AnswerForms.java"


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with those declarations, compiled."""
    target = tmp_path_factory.mktemp("forms")
    javac("-d", target, SOURCE)
    return target


def judged(classes: Path, name: str) -> dict[str, bool]:
    """Which methods of the interface *name* return an answer."""
    found = class_file.read((classes / "eas" / "host" / f"AnswerForms${name}.class").read_bytes())
    with open_classes([classes]) as index:
        return {method.name: answers_later(method, index) for method in found.methods}


@pytest.mark.parametrize(("name", "fits"), [("Later", True), ("InParts", True), ("Wrong", False)])
def test_types_are_judged_as_the_host_judges_them(classes: Path, name: str, fits: bool) -> None:
    found = judged(classes, name)
    assert len(found) > 7
    assert found == dict.fromkeys(found, fits)


@pytest.mark.parametrize(
    ("signature", "text"),
    [
        ("([B)Ljava/util/concurrent/CompletableFuture<[B>;", "CompletableFuture<byte[]>"),
        ("()Ljava/util/Map<Ljava/lang/String;[[J>.Entry<TT;*>;", "Entry<T, ?>"),
        ("()Ljava/util/List<+Ljava/util/List<-[B>;>;", "List<? extends List<? super byte[]>>"),
        ("<T:Ljava/lang/Object;>(TT;)[TT;^Ljava/io/IOException;", "T[]"),
        ("(I)V", "void"),
    ],
)
def test_signature_is_spelled_as_in_java(signature: str, text: str) -> None:
    found = returned_type(signature)
    assert found is not None
    assert found.text == text


@pytest.mark.parametrize(
    "signature", ["", "()", "()L", "()Ljava/util/List<", "()[", "()X", "([B", f"(){'[' * 100_000}"]
)
def test_damaged_signature_is_none(signature: str) -> None:
    assert returned_type(signature) is None
