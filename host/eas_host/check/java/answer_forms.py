"""
What `Process` may return if its answer comes later, or in parts (docs/async.md): the rules of `AnswerForm.java`,
applied to class files.
"""

from __future__ import annotations

from typing import Final

from eas_host.archives.class_file import Method
from eas_host.check.java.class_index import ClassIndex
from eas_host.check.java.signatures import JavaType, returned_type

LATER: Final = (
    "an answer that comes later is a CompletableFuture<byte[]>, and one in parts a Flow.Publisher<byte[]>, an"
    " InputStream or an Iterator<byte[]>"
)
_OF_BYTES: Final = frozenset(
    {
        "java/util/concurrent/CompletionStage",
        "java/util/concurrent/CompletableFuture",
        "java/util/concurrent/Flow$Publisher",
        "java/util/concurrent/Flow$Processor",
        "java/util/concurrent/SubmissionPublisher",
        "java/util/Iterator",
        "java/util/ListIterator",
    }
)
"""Those of Java itself that have one type in brackets. Others that are one of these have another meaning there."""
_STREAM: Final = "InputStream"
_OWN: Final = ("java/", "javax/")
_FIT: Final = frozenset({"byte[]", "Object", "Cloneable", "Serializable"})
_MAX_DEPTH: Final = 50


def answers_later(method: Method, index: ClassIndex) -> bool:
    """
    Tell whether *method* returns what answers later, or in parts. Superclasses are looked up in *index*; a class that
    is in none may be one.
    """
    found = returned_type(method.signature or method.descriptor)
    if found is None or not found.name:
        return False
    if found.name in _OF_BYTES:
        return len(found.arguments) != 1 or _may_be_bytes(found.arguments[0])
    return _is_answer(found.name, index)


def seems_later(method: Method) -> bool:
    """
    Tell whether *method* returns an object that is no text: its author may have meant an answer that comes later.
    """
    found = returned_type(method.descriptor)
    return found is not None and found.name not in ("", "java/lang/String")


def _may_be_bytes(argument: JavaType) -> bool:
    text = argument.text.removeprefix("? extends ")
    if text.startswith("?") or text in _FIT:
        return True
    return not (argument.name or text.endswith("[]"))  # else it is a variable


def _is_answer(name: str, index: ClassIndex) -> bool:
    """
    Tell whether the class *name*, or one above it, is an answer that comes later.
    """
    waiting, seen = [name], {name}
    while waiting and len(seen) < _MAX_DEPTH:
        current = waiting.pop()
        if current in _OF_BYTES:
            return True
        if current.startswith(_OWN):
            if current.endswith(_STREAM):
                return True
            continue
        found = index.get(current)
        if found is None:
            return True  # that it is missing is reported
        above = {found.superclass, *found.interfaces} - seen - {""}
        seen |= above
        waiting += above
    return False
