"""
Runs of `eas-host check`, and what they find.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eas_host.config import HostConfig
from eas_host.make_spec import make_spec
from eas_runtime.worker_spec import WorkerSpec
from support import command


@dataclass(frozen=True)
class Checked:
    """What one run has found: a line for each finding that is not ok, `error app.py:3: ...`, and the whole object."""

    code: int
    lines: tuple[str, ...]
    found: dict[str, Any]
    stderr: str


def check(*words: str | Path, cwd: Path | None = None, cache: Path | None = None) -> Checked:
    """Runs `eas-host check` with *words*."""
    variables = {} if cache is None else {"EAS_HOST_CACHE": str(cache)}
    ended = command.run("check", *words, "--json", cwd=cwd, variables=variables)
    assert ended.code in (0, 1), ended.stderr
    found = json.loads(ended.stdout)
    lines = tuple(
        f"{one['verdict']} {one['file']}: {one['what']}; {one['advice']}"
        for processor in found["processors"]
        for one in processor["findings"]
        if one["verdict"] != "ok"
    )
    return Checked(ended.code, lines, found, ended.stderr)


def expect(checked: Checked, *wanted: str) -> None:
    """
    Demands a finding for each pattern of *wanted*, in order, and no other one; each begins with its verdict. The exit
    code is that of the worst.
    """
    assert len(checked.lines) == len(wanted), checked.lines
    for line, pattern in zip(checked.lines, wanted, strict=True):
        assert re.search(f"^{pattern}", line), f"{pattern!r} is not in {line!r}"
    assert checked.code == any(line.startswith("error") for line in checked.lines)
    assert "workspaces/" not in "\n".join(checked.lines), "a path of the cache"


def spec(entry: Path, **more: Any) -> WorkerSpec:  # noqa: ANN401  options have types of their own
    return make_spec(HostConfig(entry=str(entry), **more))


def program(folder: Path, app: str, others: Mapping[str, str] | None = None) -> WorkerSpec:
    """The program app.py, and *others* beside it by their paths."""
    for name, text in {"app.py": app, **(others or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return spec(folder / "app.py")
