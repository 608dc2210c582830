"""
Services that a description starts: `services.start(folder / "service.json", reload=True)`.

Each has a cache of its own, in which nothing but downloads may be left when it has ended.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from eas_host.config.option_parser import make_parser, parse_args
from eas_host.config.resolution import resolve_options
from eas_host.deploy.deployment import Deployment
from eas_host.deploy.from_description import prepare_from_description
from eas_host.deploy.workspace.external_links import ExternalLinks
from eas_host.description import read
from support.command import Ended, run
from support.host import Host, Value

Content = Path | str | bytes


def describe(folder: Path, **keys: object) -> Path:
    """Writes a service.json with *keys* into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "service.json"
    path.write_text(json.dumps(keys), encoding="utf-8")
    return path


def tar(target: Path, files: Mapping[str, Content]) -> Path:
    """Packs *files*, sources or contents by their names in the archive, into the tar.gz *target*."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz") as archive:
        for name, source in files.items():
            if isinstance(source, Path):
                archive.add(source, name)
                continue
            place = target.with_name("content")
            place.write_bytes(source.encode() if isinstance(source, str) else source)
            archive.add(place, name)
            place.unlink()
    return target


class Services:
    """The services of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        self._running = ExitStack()

    @property
    def workspaces(self) -> list[str]:
        return sorted(path.name for path in (self.cache / "workspaces").iterdir())

    def variables(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {"EAS_HOST_CACHE": str(self.cache), **(more or {})}

    def start(
        self,
        description: Path,
        *words: str,
        command: str = "test",
        variables: Mapping[str, str] | None = None,
        **options: Value,
    ) -> Host:
        """Starts what *description* says, to be stopped at the end of the test."""
        folder = self.folder / f"host-{len(list(self.folder.glob('host-*')))}"
        options = {"listen": None if command == "test" else "127.0.0.1:0", **options}
        host = Host(folder, self.variables(variables), [command, description, *words], **options)
        return self._running.enter_context(host)

    def run(self, *words: str | Path, variables: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ended:
        """Runs a command that ends by itself."""
        return run(*words, variables=self.variables(variables), cwd=cwd)

    def prepare(self, description: Path, *words: str, variables: Mapping[str, str] | None = None) -> Deployment:
        """What a command would serve, without its process. The caller discards it."""
        args = parse_args(make_parser("eas-host", "", ""), words)
        described = read(description)
        return prepare_from_description(
            described, resolve_options(args, self.variables(variables), described.options), ExternalLinks()
        )

    def desc(self, description: Path, *words: str, code: int = 0) -> dict[str, Any]:
        """What `eas-host desc --json` prints: one object, with nothing before it."""
        ended = self.run("desc", description, "--json", *words)
        assert ended.code == code, ended.stderr
        described: dict[str, Any] = json.loads(ended.stdout)
        return described

    def close(self) -> None:
        """Stops all of them; what they made for themselves must be gone."""
        self._running.close()
        if (self.cache / "workspaces").is_dir():
            assert self.workspaces == []


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    made = Services(tmp_path)
    yield made
    made.close()
