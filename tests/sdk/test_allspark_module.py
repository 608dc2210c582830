"""
The parts of the module `allspark` that need no service.
"""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import allspark
from allspark.paths import ModelPath
from support import TIMEOUT
from support.build import ProcessorBuilder
from support.gate import Gate
from support.host import Host
from support.processor_python import program_python
from support.wire import command


def test_module_exports_the_names_of_the_real_one() -> None:
    """`from allspark import *` brings them, too."""
    names = {
        "BaseProcessor",
        "Channel",
        "Context",
        "Property",
        "QueuedService",
        "cflags",
        "default_properties",
        "ldflags",
    }
    assert set(allspark.__all__) == names
    assert all(isinstance(name, str) and hasattr(allspark, name) for name in allspark.__all__)
    parameters = inspect.signature(allspark.BaseProcessor).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    assert defaults == {"worker_threads": 5, "worker_processes": 1, "endpoint": None, "io_threads": 4}


def python(code: str, **variables: str) -> str:
    done = subprocess.run(
        [program_python(), "-c", code], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_initialize_and_process_of_the_base_class_raise() -> None:
    base = allspark.BaseProcessor.__new__(allspark.BaseProcessor)
    with pytest.raises(Exception, match=r"^initialize not implemented$"):
        base.initialize()
    with pytest.raises(Exception, match=r"^process not implemented$"):
        base.process(b"")


def test_processor_is_pickled_without_its_context() -> None:
    """Nothing that belongs to this process is pickled."""
    base = allspark.BaseProcessor.__new__(allspark.BaseProcessor)
    base.__dict__.update(worker_threads=3, context=open(os.devnull), queued=None, word="kept")  # noqa: SIM115, PTH123
    with base.__dict__["context"]:
        assert pickle.loads(pickle.dumps(base)).__dict__ == {"worker_threads": 3, "word": "kept"}  # noqa: S301


def test_properties_are_one_store_of_bytes_with_typed_reads() -> None:
    """A value is read as the type of the default."""
    properties, others = allspark.default_properties(), allspark.default_properties()
    heard: list[bytes] = []
    properties.listen("test.number", heard.append)

    @others.listen(b"test.number")
    def hear(value: bytes) -> None:
        heard.append(value + b"!")
        raise ValueError("a listener may fail")

    properties.listen("test.number", lambda value: heard.append(value + b"?"))
    properties.put("test.number", 500000)
    assert heard == [b"500000", b"500000!", b"500000?"]
    assert others.get(b"test.number") == b"500000"
    assert others.get("test.number", 1) == 500000
    assert others.get("test.number", 0.5) == 500000.0
    assert others.get("test.number", "") == "500000"
    assert others.get("test.missing") == b""
    assert others.get("test.missing", 7) == 7
    assert "test.number" in repr(others)
    assert "500000" in f"{others}"


def test_token_is_not_in_the_repr_of_properties() -> None:
    allspark.default_properties().put("rpc.token", "c2VjcmV0")
    assert "c2VjcmV0" not in repr(allspark.default_properties())


def test_model_path_works_as_bytes_and_as_text(tmp_path: Path) -> None:
    """Each way to use a path is tried."""
    (tmp_path / "labels").write_text("cat", encoding="utf-8")
    path = ModelPath(os.fsencode(tmp_path))
    assert isinstance(path, bytes)
    assert path.decode() == str(path) == f"{path}" == f"{path:s}" == str(tmp_path)
    assert os.path.exists(path)  # noqa: PTH110
    assert os.path.join(path, b"labels") == os.fsencode(tmp_path / "labels")  # noqa: PTH118
    assert path + "/labels" == str(tmp_path / "labels")
    assert path + b"/labels" == os.fsencode(tmp_path / "labels")
    assert "model: " + path == f"model: {tmp_path}"
    with open(path + "/labels", encoding="utf-8") as file:  # noqa: PTH123
        assert file.read() == "cat"


@pytest.mark.parametrize("given", ["", "model"])
def test_model_path_is_the_given_entry_or_the_workspaces_model(tmp_path: Path, given: str) -> None:
    (tmp_path / "workspace" / "predictor" / "app").mkdir(parents=True)
    (tmp_path / "workspace" / "model").mkdir()
    code = f"import os; os.chdir({str(tmp_path / 'workspace/predictor/app')!r}); from allspark.paths import model_path;"
    said = python(code + "print(model_path())", **({"EAS_HOST_MODEL_ENTRY": given} if given else {})).strip()
    assert said == str(tmp_path / ("workspace/predictor/app/model" if given else "workspace/model"))


def test_cflags_and_ldflags_compile_a_processor(tmp_path: Path) -> None:
    """The processor is written in C."""
    source = tmp_path / "processor.c"
    source.write_text("#include <eas/processor.h>\n", encoding="utf-8")
    words = ["gcc", "-fPIC", *allspark.cflags().split(), *allspark.ldflags().split(), str(source)]
    subprocess.run([*words, "-o", str(tmp_path / "processor.so")], check=True)


# The client.


@pytest.fixture(scope="module")
def served(builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with Host(tmp_path_factory.mktemp("served"), entry=builder.contract("python")) as host:
        yield host


@pytest.mark.parametrize("form", ["{0}:{1}", "http://{0}:{1}", "http://{0}:{1}/api/predict/contract"])
def test_channel_returns_answers_and_raises_errors(served: Host, form: str) -> None:
    with closing(allspark.Context(1).channel(form.format(*served.address))) as channel:
        assert [channel.request(b"%d" % number) for number in range(3)] == [b"0", b"1", b"2"]
        with pytest.raises(Exception, match="no such thing") as raised:
            channel.request(command("status", "404:no such thing"))
    assert raised.value.args == (b"no such thing",)


def test_channel_serves_concurrent_requests_with_callbacks(served: Host, gate: Gate) -> None:
    came: list[object] = []
    done = threading.Semaphore(0)

    def take(result: object, *more: object, **named: object) -> None:
        came.append((result if isinstance(result, bytes) else result.args, more, named))  # type: ignore[attr-defined]
        done.release()

    with closing(allspark.Channel("{}:{}".format(*served.address))) as channel:
        channel.async_request(gate.command(b"a"), take, take, 1, two=2)
        channel.async_request(command("status", "500:b"), take, take)
        gate.wait_entered()
        assert done.acquire(timeout=TIMEOUT)
        gate.release()
        assert done.acquire(timeout=TIMEOUT)
    assert came == [((b"b",), (), {}), (b"a", (1,), {"two": 2})]


def test_channel_without_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="expected HOST:PORT"):
        allspark.Channel("http://")
