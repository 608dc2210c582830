"""
What a processor's class must have in Java: it is public, with a constructor `(String, String)`, `void Load()` and
`Process` (docs/eas-compatibility.md, section 2.1). The rules are those of `ProcessorSignature.java`, applied to class
files: no JVM runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from eas_host.archives.class_file import ABSTRACT, INTERFACE, PUBLIC, STATIC, ClassFile, Method
from eas_host.binaries.java_classes import USUAL
from eas_host.check.java.answer_forms import LATER, answers_later, seems_later
from eas_host.check.java.class_index import ClassIndex
from eas_host.check.java.signatures import PRIMITIVES, returned_type, simple_name

CONSTRUCTOR: Final = "<init>"
PROCESS: Final = "Process"
_STRINGS: Final = "(Ljava/lang/String;Ljava/lang/String;)V"
_INPUTS: Final = ("([B)", "(Ljava/lang/String;)")
_OUTPUTS: Final = ("[B", "Ljava/lang/String;", "V")
BATCH_DESCRIPTOR: Final = "([[B)[[B"
_SEVERAL_INPUTS: Final = ("([[B)", "([Ljava/lang/String;)", "(Ljava/util/List;)")
_BATCH_NAMES: Final = ("process", "batchprocess", "processbatch")
_MAX_DEPTH: Final = 50
_PART: Final = re.compile(r"(\[*)(?:L([^;]+);|([BCDFIJSZV]))")
_FLAGS: Final = ((0x0001, "public"), (0x0002, "private"), (0x0004, "protected"), (STATIC, "static"))

_Problem = tuple[str, str]
"""What is wrong with a class, and what to do."""


def may_be_processor(data: bytes) -> bool:
    """
    Tell whether the class file *data* may define a processor: it has the constructor's types or the name `Process` as a
    constant, so most classes of a large jar need not be read.
    """
    return b"\x01\0\x07Process" in data or b"\x01\0\x27%b" % _STRINGS.encode() in data


def problems_of(found: ClassFile, index: ClassIndex) -> Iterator[_Problem]:
    """
    Yield what keeps the class *found* from being a processor. Superclasses are looked up in *index*.
    """
    simple = simple_name(found.name)
    if not found.access & PUBLIC:
        yield "is not public", f'declare it "public class {simple}"'
    if found.access & (INTERFACE | ABSTRACT):
        kind = "an interface" if found.access & INTERFACE else "abstract"
        yield f"is {kind}, so no object of it can be made", "name a class that extends it"
        return
    constructors = [method for method in found.methods if method.name == CONSTRUCTOR]
    if not any(method.descriptor == _STRINGS and method.access & PUBLIC for method in constructors):
        wanted = f'no constructor "public {simple}(String, String)"'
        yield f"has {wanted}; it has {_describe(constructors, simple)}", "add it: model path and model_config"
    methods, is_complete = _all_methods(found, index)
    if not is_complete:
        return
    load = [method for method in methods if method.name == "Load"]
    if not any(_is_callable(method) and method.descriptor == "()V" for method in load):
        similar = _named_like(methods, "Load")
        yield f'has no method "public void Load()"; it has {_describe(similar)}', "add it; it may be empty"
    process = [method for method in methods if method.name == PROCESS]
    if not any(_is_callable(method) and _is_process(method, index) for method in process):
        similar = _named_like(methods, PROCESS)
        batches = ", which takes batches, and no request that runs by itself" if _takes_batches(process) else ""
        yield (
            f'has no method "public byte[] Process(byte[] input)"; it has {_describe(similar)}{batches}',
            "declare it so (String is accepted in both places)"
            + (f"; {LATER}" if any(map(seems_later, process)) else ""),
        )


def batch_problems_of(found: ClassFile, index: ClassIndex) -> Iterator[_Problem]:
    """
    Yield each method of the class *found* that looks as if it took batches (docs/batching.md), and gets none. Where
    one gets them, others may have any form.
    """
    methods, _ = _all_methods(found, index)
    if _takes_batches(methods):
        return
    for method in methods:
        inputs = method.descriptor.partition(")")[0]
        if method.name.lower().replace("_", "") in _BATCH_NAMES and f"{inputs})" in _SEVERAL_INPUTS:
            yield (
                f"has {_describe([method])}, which gets no batches",
                'declare it "public byte[][] Process(byte[][] inputs)"',
            )


def declares_process(found: ClassFile) -> bool:
    """
    Tell whether *found* itself has a method called Process.
    """
    return any(method.name == PROCESS for method in found.methods)


def takes_batches(found: ClassFile, index: ClassIndex) -> bool:
    """
    Tell whether *found* itself has the method for batches, and none that answers later, which goes first. Superclasses
    of what they return are looked up in *index*.
    """
    methods = list(found.methods)
    later = (method for method in methods if method.name == PROCESS and answers_later(method, index))
    return _takes_batches(methods) and not any(later)


def parameter_types(descriptor: str) -> list[str]:
    """
    Return the types of the parameters in a method's *descriptor*, as Java writes them: `byte[]`, `java.lang.String`.
    """
    parts = _PART.findall(descriptor.partition(")")[0])
    return [_spell(dimensions, name.replace("/", "."), primitive) for dimensions, name, primitive in parts]


def _all_methods(found: ClassFile, index: ClassIndex) -> tuple[list[Method], bool]:
    """
    Return the methods of *found* and of its superclasses and interfaces, and whether these are all: a superclass may
    be missing. Those of Java itself are left out, since none has a method that counts.
    """
    methods: list[Method] = []
    waiting, seen = [found], {found.name}
    is_complete = True
    while waiting and len(seen) < _MAX_DEPTH:
        current = waiting.pop()
        methods += [method for method in current.methods if method.name != CONSTRUCTOR]
        for name in filter(None, (current.superclass, *current.interfaces)):
            above = index.get(name)
            if above is not None and name not in seen:
                waiting.append(above)
            is_complete = is_complete and (above is not None or name.startswith(USUAL))
            seen.add(name)
    return methods, is_complete


def _is_callable(method: Method) -> bool:
    return bool(method.access & PUBLIC) and not method.access & STATIC


def _is_process(method: Method, index: ClassIndex) -> bool:
    taken, _, returned = method.descriptor.partition(")")
    return f"{taken})" in _INPUTS and (returned in _OUTPUTS or answers_later(method, index))


def _takes_batches(methods: list[Method]) -> bool:
    return any(
        _is_callable(method) and method.name == PROCESS and method.descriptor == BATCH_DESCRIPTOR for method in methods
    )


def _named_like(methods: list[Method], name: str) -> list[Method]:
    return [method for method in methods if method.name.lower() == name.lower()]


def _describe(methods: list[Method], constructor: str = "") -> str:
    """
    Write *methods* as in Java; a constructor has the name of its class, *constructor*.
    """
    texts = []
    for method in methods:
        flags = [word for flag, word in _FLAGS if method.access & flag]
        taken = method.descriptor.partition(")")[0]
        returned = returned_type(method.signature or method.descriptor) or returned_type(method.descriptor)
        parameters = ", ".join(_spell_simply(*part) for part in _PART.findall(taken))
        head = [constructor] if constructor else [returned.text if returned else "?", method.name]
        texts.append(f"{' '.join([*flags, *head])}({parameters})")
    return ", ".join(sorted(set(texts))) or "none"


def _spell_simply(dimensions: str, name: str, primitive: str) -> str:
    return _spell(dimensions, simple_name(name), primitive)


def _spell(dimensions: str, name: str, primitive: str) -> str:
    return (PRIMITIVES[primitive] if primitive else name) + "[]" * len(dimensions)
