"""
From flags alone to a `Deployment`: the processor is used where it lies.

There is more to do with --reload, where a library or a jar is loaded from a copy, since one that is overwritten while a
process has it mapped crashes that process; and for a jar with jars inside, which are unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from eas_host.archives.jar_layouts import JarLayout
from eas_host.config import HostConfig, WorkerSpec
from eas_host.config.worker_spec import service_name
from eas_host.deploy import confine, unpacking
from eas_host.deploy.deployment import PYTHON_FILES, Deployment, Part
from eas_host.errors import EntryNotFound
from eas_host.system.shortage import in_cache, is_refused

if TYPE_CHECKING:
    from eas_host.deploy.workspace import Workspace


def plain(config: HostConfig) -> Deployment:
    """
    Make a version of the service that *config* describes.

    Raises:
        HostError: there is no entry, its type cannot be told, or options exclude one another.
    """
    spec = WorkerSpec.from_config(config)
    name = service_name(config, spec)
    warm_up = _warm_up(config)
    watched = _watched(spec) if config.reload else ()
    if spec.type == "python":
        deployment = Deployment(config, name, (Part(None, _with_python(config, spec)),), warm_up, watched)
    elif config.reload and Path(spec.entry).exists():
        deployment = _copied(config, name, spec, warm_up, watched)
    elif packed := unpacking.packed(spec):
        deployment = _unpacked(config, name, spec, packed, warm_up)
    else:
        deployment = Deployment(config, name, (Part(None, spec),), warm_up, watched)
    return confine.settled(deployment) if spec.confined else deployment


def _warm_up(config: HostConfig) -> Path | None:
    if config.warm_up is None:
        return None
    path = Path(config.warm_up).absolute()
    if not path.is_file():
        raise EntryNotFound(f"{path}: {'is a folder' if path.is_dir() else 'No such file'}; check --warm-up")
    return path


def _watched(spec: WorkerSpec) -> tuple[Path, ...]:
    """
    What makes another version. Of a program these are its Python files alone: what else changes in its folder, which is
    its working directory, it may have written itself.
    """
    entry = Path(spec.entry)
    code = [entry, entry.parent / PYTHON_FILES] if spec.type == "python" else [entry]
    model = (Path(spec.model_entry),) if spec.model_entry else ()
    return (*code, *map(Path, spec.classpath), *model)


def _with_python(config: HostConfig, spec: WorkerSpec) -> WorkerSpec:
    """
    Have a program run on the Python of the `ENV` beside it.
    """
    folder = Path(spec.entry).parent
    if spec.isolation == "none" or not (folder / "ENV").is_dir():
        return spec
    # Imported late: few programs have one, and all would wait for it.
    from eas_host import log  # noqa: PLC0415
    from eas_host.deploy import interpreter  # noqa: PLC0415

    found = interpreter.find(folder, confine.command(config, folder))
    if found.why_not:
        log.warning("%s", found.why_not)
    return replace(spec, interpreter=found.path, packages=found.packages)


def _copied(
    config: HostConfig, name: str, spec: WorkerSpec, warm_up: Path | None, watched: tuple[Path, ...]
) -> Deployment:
    """
    A deployment whose code is its own.
    """
    from eas_host.deploy.workspace import Workspace, cache_folder  # noqa: PLC0415  as above

    cache = cache_folder(config)
    workspace = Workspace(cache, name)
    entry = Path(spec.entry)
    with _filling(workspace, cache, config):
        own = replace(
            spec,
            entry=str(_copy(entry, workspace.folder / "entry", cache)),
            classpath=tuple(
                str(_copy(Path(path), workspace.folder / f"classpath-{number}", cache))
                for number, path in enumerate(spec.classpath)
            ),
            folder=str(entry if entry.is_dir() else entry.parent),
        )
        own = unpacking.unpack(own, unpacking.packed(own), workspace.folder / "unpacked")
    return Deployment(config, name, (Part(None, own),), warm_up, watched, workspace.discard)


def _unpacked(
    config: HostConfig, name: str, spec: WorkerSpec, packed: Mapping[Path, JarLayout], warm_up: Path | None
) -> Deployment:
    """
    A deployment with a workspace for what has to be unpacked.
    """
    from eas_host.deploy.workspace import Workspace, cache_folder  # noqa: PLC0415  as above

    cache = cache_folder(config)
    workspace = Workspace(cache, name)
    with _filling(workspace, cache, config):
        spec = unpacking.unpack(spec, packed, workspace.folder / "unpacked")
    return Deployment(config, name, (Part(None, spec),), warm_up, (), workspace.discard)


@contextmanager
def _filling(workspace: Workspace, cache: Path, config: HostConfig) -> Iterator[None]:
    """
    Hand *workspace* over to the user of *config*. If what it gets cannot be put there, discard it and say why.
    """
    try:
        yield
        confine.hand_over(confine.confinement(config), workspace.folder, workspace.folder.iterdir())
    except OSError as error:
        workspace.discard()
        place = "" if is_refused(error) else f"{error.filename}: "
        raise EntryNotFound(f"{place}{in_cache(error, cache)}") from error
    except BaseException:
        workspace.discard()
        raise


def _copy(path: Path, folder: Path, cache: Path) -> Path:
    """
    Make a copy of the library, the jar or the folder at *path*, among what lies beside it; what is not there is left
    for the worker to tell.
    """
    from eas_host.deploy import mirror  # noqa: PLC0415  as above

    if not path.exists():
        return path
    folder.mkdir()
    if path.is_dir():
        mirror.mirror(path, folder, mirror.code_or_small, cache)
        return folder
    mirror.flat(path.parent, folder)
    copy = folder / path.name
    if copy.is_symlink() and not path.is_symlink():  # a library whose name does not tell
        copy.unlink()
        mirror.copy_own(path.parent, path.name, copy)
    return copy
