"""
Runs a program in Python up to where it opens its service, in a throw-away process: its imports, and what its file does
beside defining a class. `eas_runtime.python.trial_run` is the other half.

The process has a group of its own, which is killed at the end, and only a while to live. Of what it prints the last
part is kept, which has the frames of a crash.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from eas_host.check.finding import ERROR, OK, WARNING, Finding
from eas_host.deploy.python.interpreter import Confine
from eas_host.python_env import python_command
from eas_runtime.worker_spec import WorkerSpec

SECONDS: Final = 60.0
"""How long a program may take: TensorFlow's import from a cold network disk takes half of that."""
_KEPT: Final = 64 << 10
_END: Final = "end"
_PROGRAM: Final = "eas_runtime.python.trial_run"
_FRAME: Final = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)')


def run_program(spec: WorkerSpec, confine: Confine) -> Iterator[Finding]:
    """
    Run the program of *spec* as a command that *confine* has confined, and say how that ended.
    """
    command = python_command.command(_PROGRAM, spec.to_json(), interpreter=spec.interpreter, packages=spec.packages)
    entry = Path(spec.entry)
    process = subprocess.Popen(
        confine(command),
        cwd=spec.folder or entry.parent,
        env={**os.environ, **spec.environment, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        output = _read(process)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        for pipe in _pipes(process).values():
            pipe.close()
    if output is None:
        what = f"it neither opened its service nor ended within {SECONDS:g} s"
        yield Finding(WARNING, entry.name, what, "load models in initialize, so that the log tells what it waits for")
    else:
        yield _finding(spec, code, output)


def _pipes(process: subprocess.Popen[bytes]) -> dict[str, IO[bytes]]:
    assert process.stdout is not None  # noqa: S101  both are pipes
    assert process.stderr is not None  # noqa: S101  the same
    return {"stdout": process.stdout, "stderr": process.stderr}


def _read(process: subprocess.Popen[bytes]) -> dict[str, bytes] | None:
    """
    Read what *process* prints until it ends, and return the last part of each stream; None if it takes too long. What
    it has started may hold the streams for longer. It is not reaped, so that its group can be killed.
    """
    kept = dict.fromkeys(_pipes(process), b"")
    deadline = time.monotonic() + SECONDS
    process_fd = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process_fd, selectors.EVENT_READ, _END)
            for name, pipe in _pipes(process).items():
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_READ, name)
            is_running = True
            while is_running:
                left = deadline - time.monotonic()
                ready = [key for key, _ in selector.select(left)] if left > 0 else []
                if not ready:
                    return None
                is_running = all(key.data != _END for key in ready)
                for key in ready:
                    if key.data != _END and not _take(key.fd, key.data, kept):
                        selector.unregister(key.fileobj)
    finally:
        os.close(process_fd)
    for name, pipe in _pipes(process).items():
        _take(pipe.fileno(), name, kept)
    return kept


def _take(fd: int, name: str, kept: dict[str, bytes]) -> bool:
    """
    Add to *kept* what can be read from *fd*, the stream *name*. Tell whether more may come.
    """
    try:
        data = os.read(fd, _KEPT)
    except BlockingIOError:
        return True
    kept[name] = (kept[name] + data)[-_KEPT:]
    return bool(data)


def _finding(spec: WorkerSpec, code: int, output: dict[str, bytes]) -> Finding:
    """
    Make a finding of how the process ended: with *code* and *output*.
    """
    entry = Path(spec.entry)
    try:
        outcome: dict[str, Any] = json.loads(output["stdout"].splitlines()[-1])
    except (IndexError, ValueError):
        return _ended_early(entry, code, output["stderr"].decode("utf-8", "replace"))
    if not outcome["error"]:
        return Finding(OK, entry.name, "it runs up to where it serves: all imports are there")
    what, _, advice = outcome["error"].removeprefix(f"{entry}: ").partition("; ")
    file = outcome.get("file") or str(entry)
    name = os.path.relpath(file, entry.parent)
    line = outcome.get("line")
    what = what.removeprefix(f"{file}:{line}: ")
    return Finding(ERROR, f"{name}:{line}" if line else name, what, advice)


def _ended_early(entry: Path, code: int, stderr: str) -> Finding:
    """
    Make a finding of a program that ended its process. The first frame of its folder in *stderr* is where it crashed.
    """
    frames = (match for match in _FRAME.finditer(stderr) if match["file"].startswith(f"{entry.parent}/"))
    frame = next(frames, None)
    place = f"{os.path.relpath(frame['file'], entry.parent)}:{frame['line']}" if frame else entry.name
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return Finding(ERROR, place, f"it crashed while it was imported ({name})", "see what it does there")
    what = f"it ended its process with exit code {code} while it was imported"
    return Finding(ERROR, place, what, "a processor must not call os._exit")
