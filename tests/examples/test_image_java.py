"""
The image classification example in Java: what its jar has in it, and how it behaves in a JVM.

What it answers is in test_image_contract.py, and in test_image_parity.py beside the other languages.
"""

from __future__ import annotations

import json
import re
import struct
import zipfile
from pathlib import Path

import pytest

from support import proc
from support.build import run
from support.classifiers import REFUSALS, described
from support.classifiers import start as start_service
from support.digits import EXAMPLE, IMAGES, MODEL
from support.host import StartHost
from support.pictures import photographs, png, seven

JAVA_11 = 55  # the version of its class files
MIB = 1 << 20


@pytest.fixture(scope="module")
def jar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    described("java", tmp_path_factory.mktemp("unused"))
    return EXAMPLE / "java" / "build" / "image-classification.jar"


def test_jar_holds_its_libraries_for_java_11_on_both_kinds_of_linux(jar: Path) -> None:
    """ONNX Runtime and Gson."""
    with zipfile.ZipFile(jar) as archive:
        names = archive.namelist()
        versions = {struct.unpack(">HH", archive.read(name)[4:8])[1] for name in names if name.endswith(".class")}
    assert max(versions) <= JAVA_11
    assert {"ai/onnxruntime/OrtSession.class", "com/google/gson/JsonParser.class"} < set(names)
    native = {re.sub(r".*/native/([^/]+)/.*", r"\1", name) for name in names if re.search(r"/native/[^/]+/.", name)}
    assert native == {"linux-x64", "linux-aarch64"}


def test_make_does_nothing_where_nothing_has_changed(jar: Path) -> None:
    run("make", "-q", "-C", EXAMPLE / "java", jar.relative_to(EXAMPLE / "java"))


def test_jar_is_served_by_flags_without_a_description(start: StartHost, jar: Path) -> None:
    """The class in the jar is found, a folder is a model, and the configuration has its defaults."""
    host = start("java", jar, model_entry=MODEL.parent)
    answer = json.loads(host.call(png(seven())).body)
    assert (answer["class"], len(answer["top_k"])) == (7, 3)


def test_refused_image_is_one_line_of_the_log_without_a_trace(start: StartHost, jar: Path) -> None:
    """A trace would say nothing about it."""
    host = start("java", jar, model_entry=MODEL)
    host.allow_log(REFUSALS)
    assert host.call(b"hello").status == 400
    host.wait_for_log(REFUSALS + "not an image")
    assert host.call(png(seven())).status == 200
    assert "  at com.example" not in host.new_log()


def test_memory_does_not_grow_over_hundreds_of_images(tmp_path: Path) -> None:
    """The JVM has 64 MiB of heap, and as much for all buffers outside it."""
    images = [*photographs().values(), *(path.read_bytes() for path in IMAGES[:8])]
    options = "processor_jvm_options=-Xmx64m -XX:MaxDirectMemorySize=8m"
    with start_service("java", tmp_path, "-D", options) as host, host.connect() as client:
        for _ in range(20):
            assert {client.call(image, host.path).status for image in images} == {200}
        before = proc.holdings(host.workers()[0]).anonymous
        for _ in range(50):
            assert {client.call(image, host.path).status for image in images} == {200}
        assert (proc.holdings(host.workers()[0]).anonymous - before) * 1024 < 32 * MIB
