"""
Other hosts that serve a function, in pinned versions: a newer one is another measurement.

Each is set up as its documentation advises for such a load, and as was best for it in trials on two cores: no JSON, no
access log, the processes that the load can use. What was chosen stands in its settings, and so in the report. One that
cannot be installed or started is reported, and costs no other its figures.

mosec has two rows. One runs requests one by one, as the other hosts do; the other in batches, which a processor must
be written for, and which wait at least a millisecond to be filled: better than one by one at many connections, far
worse at one.
"""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from servers import builds
from servers.peer import SOURCES, Demand, Package, peer
from servers.server import Server
from servers.tools import BUILD, run, tool

_BATCH: Final = 32
_PLENTY: Final = 1 << 30  # bytes of a body: as much as --body may ask for


def _granian(demand: Demand) -> list[Server]:
    package = Package("granian==2.8.9", ("uvloop==0.22.1",))
    workers = str(demand.processes)
    command = ["granian", "--interface", "rsgi", "--host", "127.0.0.1", "--port", "{port}", "--workers", workers]
    command += ["--loop", "uvloop", "--no-ws", "--log-level", "error", "granian_echo:app"]
    return [peer("granian, python", package, f"RSGI, uvloop, {workers} workers", command, demand)]


def _uvicorn(demand: Demand) -> list[Server]:
    workers = str(demand.processes)
    command = ["uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--workers", workers, "--loop", "uvloop"]
    command += ["--http", "httptools", "--ws", "none", "--lifespan", "off", "--no-access-log"]
    command += ["--log-level", "warning", "uvicorn_echo:app"]
    settings = f"ASGI without a framework, uvloop, httptools, {workers} workers"
    return [peer("uvicorn, python", Package("uvicorn[standard]==0.54.0"), settings, command, demand)]


def _mosec(demand: Demand) -> list[Server]:
    if demand.batch:
        return [_mosec_row("mosec, python", 1, demand.batch, demand)]
    return [
        _mosec_row("mosec, python, one by one", demand.processes, 1, demand),
        _mosec_row(f"mosec, python, batches of {_BATCH}", 1, _BATCH, demand),
    ]


def _mosec_row(name: str, workers: int, batch: int, demand: Demand) -> Server:
    command = ["python", str(SOURCES / "mosec_echo.py"), str(workers), str(batch)]
    command += ["--address", "127.0.0.1", "--port", "{port}"]
    command += ["--log-level", "error", "--max-request-size", str(_PLENTY)]
    settings = f"bytes in and out, {workers} workers, at most {batch} in a batch"
    return peer(name, Package("mosec==0.9.8"), settings, command, demand, path="/inference")


def _litserve(demand: Demand) -> list[Server]:
    batch = max(1, demand.batch)
    command = ["python", str(SOURCES / "litserve_echo.py"), "{port}", str(demand.processes), str(batch)]
    settings = f"bytes in and out, fast queue, 1 worker, {demand.processes} API servers, at most {batch} in a batch"
    return [peer("LitServe, python", Package("litserve==0.2.19"), settings, command, demand, path="/predict")]


def _bentoml(demand: Demand) -> list[Server]:
    command = ["bentoml", "serve", "bentoml_echo:Echo", "--host", "127.0.0.1", "--port", "{port}"]
    environment = {"BENCH_WORKERS": str(demand.processes), "BENTOML_DO_NOT_TRACK": "1"}
    package, settings = Package("bentoml==1.4.40"), f"bytes in and out, {demand.processes} workers, no access log"
    return [peer("BentoML, python", package, settings, command, demand, path="/predict", environment=environment)]


def _mlserver(demand: Demand) -> list[Server]:
    """
    Of the three ports that it would take, gRPC's is any free one, and that of the metrics is turned off.
    """
    settings = '{"host": "127.0.0.1", "http_port": {port}, "grpc_port": 0, "metrics_endpoint": null, '
    settings += '"parallel_workers": 0, "debug": false}'
    model = json.dumps({"name": "echo", "implementation": "mlserver_echo.Echo"})
    return [
        peer(
            "MLServer, python",
            Package("mlserver==1.7.1"),
            "a handler of bytes, no parallel inference, as advised for light models",
            ["mlserver", "start", "{folder}"],
            demand,
            path="/predict",
            files={"settings.json": settings, "model-settings.json": model},
        )
    ]


def _ray(demand: Demand) -> list[Server]:
    command = ["python", str(SOURCES / "ray_echo.py"), "{port}", str(demand.processes)]
    environment = {"RAY_SERVE_THROUGHPUT_OPTIMIZED": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    settings = f"RAY_SERVE_THROUGHPUT_OPTIMIZED, {demand.processes} replicas, no access log"
    package = Package("ray[serve]==2.60.0")
    return [peer("Ray Serve, python", package, settings, command, demand, environment=environment)]


_TRITON: Final = Package("nvidia-pytriton==0.7.0")
_TRITON_CONFIG: Final = """
name: "echo"
backend: "python"
max_batch_size: 0
input [ { name: "INPUT" data_type: TYPE_UINT8 dims: [ -1 ] } ]
output [ { name: "OUTPUT" data_type: TYPE_UINT8 dims: [ -1 ] } ]
instance_group [ { kind: KIND_CPU count: %d } ]
"""


def _triton_home() -> Path:
    return next(Path(_TRITON.program("python")).parents[1].glob("lib/*/site-packages/pytriton/tritonserver"))


def _build_triton() -> None:
    """
    Put the stub for this Python where the server looks for it, as pytriton does before it starts one.
    """
    _TRITON.install()
    home = _triton_home()
    stub = home / "python_backend_stubs" / "{}.{}".format(*sys.version_info) / "triton_python_backend_stub"
    shutil.copy(stub, home / "backends" / "python")
    server = Path(_TRITON.program("tritonserver"))
    server.write_text(
        f'#!/bin/sh\nPATH="{server.parent}:$PATH" exec "{home}/bin/tritonserver"'
        f' --backend-directory "{home}/backends" "$@"\n'
    )
    server.chmod(0o755)


def _triton(demand: Demand) -> list[Server]:
    """
    A request is the tensor alone, without JSON; the answer has JSON before it.
    """
    command = ["tritonserver", "--model-repository", "{folder}/models", "--allow-grpc", "false"]
    command += ["--allow-metrics", "false", "--http-address", "127.0.0.1", "--http-port", "{port}"]
    files = {
        "models/echo/config.pbtxt": _TRITON_CONFIG % demand.processes,
        "models/echo/1/model.py": (SOURCES / "triton_echo.py").read_text(encoding="utf-8"),
        "models/echo/1/work.py": (SOURCES / "work.py").read_text(encoding="utf-8"),
    }
    return [
        peer(
            "Triton, python",
            _TRITON,
            f"its Python backend, binary tensors, {demand.processes} instances, no metrics",
            command,
            demand,
            path="/v2/models/echo/infer",
            environment={"LD_LIBRARY_PATH": str(sysconfig.get_config_var("LIBDIR"))},
            headers={"Inference-Header-Content-Length": "0"},
            files=files,
            prepare=_build_triton,
        )
    ]


_UWSGI: Final = Package("uwsgi==2.0.31")
_UWSGI_SHIM: Final = BUILD / "uwsgi_echo.so"


def _build_uwsgi() -> None:
    _UWSGI.install()
    builds.build_library("echo")
    uwsgi = _UWSGI.program("uwsgi")
    (BUILD / "uwsgi.h").write_text(run(uwsgi, "--dot-h"), encoding="utf-8")
    flags = [f"-I{BUILD}", *run(uwsgi, "--cflags").split(), "-fPIC", "-shared", f"-Wl,-rpath,{BUILD}"]
    run(tool("gcc"), *flags, SOURCES / "uwsgi_echo.c", "-o", _UWSGI_SHIM, builds.library("echo"))


def _uwsgi(demand: Demand) -> list[Server]:
    """
    A thread has a connection to itself for as long as that lives, so there is one for each.
    """
    threads = -(-demand.connections // demand.processes)
    command = ["uwsgi", "--http11-socket", "127.0.0.1:{port}", "--http-socket-modifier1", "18"]
    command += ["--dlopen", str(_UWSGI_SHIM), "--symcall", "eas_echo", "--master", "--need-app", "--disable-logging"]
    command += ["--processes", str(demand.processes), "--threads", str(threads)]
    settings = f"the same C++ library by symcall, HTTP/1.1, {demand.processes} processes of {threads} threads"
    return [peer("uWSGI symcall, cpp", _UWSGI, settings, command, demand, prepare=_build_uwsgi)]


PEERS: Final[Mapping[str, Callable[[Demand], list[Server]]]] = {
    "granian": _granian,
    "uvicorn": _uvicorn,
    "mosec": _mosec,
    "litserve": _litserve,
    "bentoml": _bentoml,
    "mlserver": _mlserver,
    "ray": _ray,
    "triton": _triton,
    "uwsgi": _uwsgi,
}
BATCHING_PEERS: Final = ("mosec", "litserve")
"""Those that make batches of what clients send one by one, and can be measured so."""
DEFAULT_PEERS: Final = ("mosec", "litserve")
