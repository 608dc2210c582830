"""
From options alone to a `Deployment`: the processor is used where it lies.

With two exceptions. With --reload a library or a jar is loaded from a copy, since a process crashes if a file that it
has mapped is overwritten. And a jar with jars inside is unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from eas_host.archives.jar_layouts import JarLayout
from eas_host.config import HostConfig
from eas_host.deploy import confinement, memory_check
from eas_host.deploy.deployment import (
    LIBRARIES,
    PYTHON_FILES,
    Deployment,
    ProcessorDeployment,
    watched_environments,
)
from eas_host.deploy.package import nested_jars
from eas_host.deploy.target_words import target_words
from eas_host.errors import EntryNotFound
from eas_host.make_spec import make_spec, service_name
from eas_host.system.disk_errors import describe_cache_error, is_write_refused
from eas_runtime.worker_spec import WorkerSpec

if TYPE_CHECKING:
    from eas_host.deploy.workspace.workspace import Workspace


def prepare_from_options(config: HostConfig) -> Deployment:
    """
    Make a version of the service that *config* describes.

    Raises:
        HostError: there is no entry, its type is not known, or options exclude one another.
    """
    spec = memory_check.preload(make_spec(config), config)
    name = service_name(config, spec)
    warm_up = _warm_up(config)
    if spec.type == "python":
        spec = _with_python(config, spec)
    watched = _watched(spec, config) if config.reload else ()
    if spec.type == "python":
        deployment = Deployment(config, name, (ProcessorDeployment(None, spec),), warm_up, watched)
    elif config.reload and Path(spec.entry).exists():
        deployment = _prepare_copy(config, name, spec, warm_up, watched)
    elif packed := nested_jars.find(spec):
        deployment = _prepare_unpacked(config, name, spec, packed, warm_up)
    else:
        deployment = Deployment(config, name, (ProcessorDeployment(None, spec),), warm_up, watched)
    packages = tuple((path, 0) for path in watched if path.name in (PYTHON_FILES, LIBRARIES))
    deployment = replace(deployment, target=target_words(config), packages=packages)
    return confinement.confine_workers(deployment) if spec.confined else deployment


def _warm_up(config: HostConfig) -> Path | None:
    if config.warm_up is None:
        return None
    path = Path(config.warm_up).absolute()
    if not path.is_file():
        raise EntryNotFound(f"{path}: {'is a folder' if path.is_dir() else 'No such file'}; check --warm-up")
    return path


def _watched(spec: WorkerSpec, config: HostConfig) -> tuple[Path, ...]:
    """
    Return the files whose changes lead to a new version. Of a Python program these are only its Python files: it may
    have written any other file in its folder itself, since that is its working directory. Of a library these are the
    libraries beside it.
    """
    entry = Path(spec.entry)
    code = [entry]
    if spec.type == "python":
        code += [entry.parent / PYTHON_FILES, *watched_environments(spec, entry.parent, config)]
    if spec.type == "cpp":
        code.append(entry.parent / LIBRARIES)
    model = (Path(spec.model_entry),) if spec.model_entry else ()
    return (*code, *map(Path, spec.classpath), *model)


def _with_python(config: HostConfig, spec: WorkerSpec) -> WorkerSpec:
    """
    Let a program run on the Python of `--python`, or of the `ENV` beside it.
    """
    folder = Path(spec.entry).parent
    if config.python is None and not (folder / "ENV").is_dir():
        return spec
    # Imported late: few programs need it, and the import delays the start.
    from eas_host.deploy.python.choice import choose_python  # noqa: PLC0415

    found = choose_python(config, folder, confinement.command_confiner(config, folder))
    return spec.replace(interpreter=found.path, packages=found.packages)


def _prepare_copy(
    config: HostConfig, name: str, spec: WorkerSpec, warm_up: Path | None, watched: tuple[Path, ...]
) -> Deployment:
    """
    Make a deployment from copies of the code.
    """
    from eas_host.deploy.workspace.workspace import Workspace, cache_folder  # noqa: PLC0415  as above

    cache = cache_folder(config)
    workspace = Workspace(cache, name)
    entry = Path(spec.entry)
    with _filling_workspace(workspace, cache, config):
        code = (spec.entry, *spec.classpath)
        places = {path: workspace.folder / f"code-{number}" for number, path in enumerate(code)}
        copies = {path: str(_copy(Path(path), place, cache)) for path, place in places.items()}
        own = spec.replace(
            entry=copies[spec.entry],
            classpath=tuple(copies[path] for path in spec.classpath),
            folder=str(_folder(entry)),
            copies=tuple((str(place), str(_folder(Path(path)))) for path, place in places.items()),
        )
        own = nested_jars.unpack(own, nested_jars.find(own), workspace.folder / "unpacked")
    return Deployment(config, name, (ProcessorDeployment(None, own),), warm_up, watched, discard=workspace.discard)


def _prepare_unpacked(
    config: HostConfig, name: str, spec: WorkerSpec, packed: Mapping[Path, JarLayout], warm_up: Path | None
) -> Deployment:
    """
    Make a deployment with a workspace for the jars that must be unpacked.
    """
    from eas_host.deploy.workspace.workspace import Workspace, cache_folder  # noqa: PLC0415  as above

    cache = cache_folder(config)
    workspace = Workspace(cache, name)
    with _filling_workspace(workspace, cache, config):
        spec = nested_jars.unpack(spec, packed, workspace.folder / "unpacked")
    return Deployment(config, name, (ProcessorDeployment(None, spec),), warm_up, discard=workspace.discard)


@contextmanager
def _filling_workspace(workspace: Workspace, cache: Path, config: HostConfig) -> Iterator[None]:
    """
    Hand *workspace* over to the user of *config* once the caller has filled it. If that fails, discard it and say why.
    """
    try:
        yield
        confinement.hand_over(confinement.requested_confinement(config), workspace.folder, workspace.folder.iterdir())
    except OSError as error:
        workspace.discard()
        place = "" if is_write_refused(error) else f"{error.filename}: "
        raise EntryNotFound(f"{place}{describe_cache_error(error, cache)}") from error
    except BaseException:
        workspace.discard()
        raise


def _folder(path: Path) -> Path:
    """
    Return the folder that is copied for the library, the jar or the folder at *path*.
    """
    return path if path.is_dir() else path.parent


def _copy(path: Path, folder: Path, cache: Path) -> Path:
    """
    Copy the library, the jar or the folder at *path* to *folder*, with the files beside it. If *path* does not exist,
    return it unchanged: the worker reports the error.
    """
    from eas_host.deploy.workspace import staging  # noqa: PLC0415  as above

    if not path.exists():
        return path
    folder.mkdir()
    if path.is_dir():
        staging.mirror_folder(path, folder, staging.code_or_small, cache)
        return folder
    staging.mirror_top_level(path.parent, folder)
    copy = folder / path.name
    if copy.is_symlink() and not path.is_symlink():  # a library whose name does not end in .so
        copy.unlink()
        staging.copy_contained(path.parent, path.name, copy)
    return copy
