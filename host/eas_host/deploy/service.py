"""
From a service description to a `Deployment`.

Strategy: fetch everything side by side, lay it out in a new workspace, mount what is to be mounted, and only then look
for entries: what they name may come from any of it. Whatever fails, the workspace goes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from eas_host import fetch, log
from eas_host.config import HostConfig, ResolvedConfig, WorkerSpec
from eas_host.config.worker_spec import service_name, split_class
from eas_host.deploy import confine, entries, environment, interpreter, models, requirements, storage, unpacking
from eas_host.deploy.deployment import Deployment, Part
from eas_host.deploy.entries import Entry, Package
from eas_host.deploy.fixed import show
from eas_host.deploy.layout import WARM_UP, Source, Tree, failure
from eas_host.deploy.links import Links
from eas_host.deploy.overlay import overlay
from eas_host.deploy.workspace import Workspace, cache_folder, safe_name
from eas_host.description import Description, Model
from eas_host.errors import ConfigError
from eas_host.system.user import find_user

_UNPACKED: Final = ".unpacked"
_HANDED_OVER: Final = ("predictor", "model", "config", _UNPACKED)
"""What a model's tree has for the processor."""


@dataclass(frozen=True)
class Built:
    """
    One model with its files in place.

    Attributes:
        model: what the description says.
        tree: where its files are.
        package: the processor's files.
        source: where the model comes from.
        bare: the model's file, if it is one.
        where: what its keys begin with.
    """

    model: Model
    tree: Tree
    package: Package
    source: Source | None
    bare: Path | None
    where: str


def prepare(description: Description, reading: ResolvedConfig, links: Links) -> Deployment:
    """
    Make a version of the service that *description* describes.

    Args:
        description: what the file and `-D` say.
        reading: the options that the command line, the environment and the description settle.
        links: those of this process that lead from fixed places into workspaces.

    Raises:
        HostError: it cannot be served.
    """
    description = overlay(description, reading)
    _demand_processors(description)
    config = reading.config
    confined = confine.confinement(config)
    cache = cache_folder(config)
    sources = _fetch(description, cache)
    name = config.name or description.name or description.file.stem
    workspace = Workspace(cache, name)
    try:
        workspace.on_discard(lambda: links.drop(workspace))
        built = [
            _build(model, _tree(workspace, model, description, cache, config), sources, description.text)
            for model in description.models
        ]
        fixed = Path(config.workspace) if config.workspace else None
        show(workspace, fixed, [one.tree for one in built], links)
        for wanted in description.storage:
            storage.mount(wanted.mount_path, sources[wanted.where], [one.tree.root for one in built], workspace, links)
        trees = [one.tree for one in built]
        # What is read of a package is read before the user owns it, who may exchange it, and before its Python runs.
        parts = tuple(_part(one, description, config, fixed) for one in built)
        lines = [_lines(one, part, description) for one, part in zip(built, parts, strict=True)]
        warm_up = _warm_up(config, sources, workspace, trees)
        confine.hand_over(confined, workspace.folder, (tree.root / name for tree in trees for name in _HANDED_OVER))
        parts = tuple(
            _with_python(part, one.package, wanted, cache, config) if part.spec.type == "python" else part
            for one, part, wanted in zip(built, parts, lines, strict=True)
        )
        if confined is not None:
            shown = _shown(sources, description, fixed)
            spec_of = partial(replace, readable=shown, writable=(str(workspace.folder),))
            parts = tuple(replace(part, spec=spec_of(part.spec)) for part in parts)
    except BaseException as error:
        workspace.discard()
        if isinstance(error, OSError):  # the disk is full, or what is in a folder cannot be looked at
            raise failure("", error.filename or workspace.folder, error, cache) from error
        raise
    name = config.name or description.name or service_name(config, parts[0].spec)
    watched = (description.file, *(source.path for source in _watched(sources)))
    deployment = Deployment(replace(config, name=name), name, parts, warm_up, watched, workspace.discard)
    return confine.settled(deployment)


def _shown(sources: dict[str, Source], description: Description, fixed: Path | None) -> tuple[str, ...]:
    """
    What the workspace has links to, and what leads into it: a sandbox shows that, too.
    """
    mounts = (wanted.mount_path for wanted in description.storage)
    return (*(str(source.path) for source in sources.values()), *mounts, *([str(fixed)] if fixed else []))


def _demand_processors(description: Description) -> None:
    """
    Demand that each model has a processor, before anything is fetched. What is mounted may bring it, too.
    """
    for model in description.models:
        if not description.storage and not _processor_path(model, description):
            raise _no_processor(_prefix(model))


def _no_processor(where: str) -> ConfigError:
    return ConfigError(f"{where}processor_path is missing: name the processor's archive, folder or file")


def _fetch(description: Description, cache: Path) -> dict[str, Source]:
    """
    Get everything that *description* names.
    """
    texts: dict[str, str] = {}
    for model in description.models:
        where = _prefix(model)
        texts[f"{where}model_path"] = model.path
        texts[f"{where}processor_path"] = _processor_path(model, description)
    texts["warm_up_data_path"] = description.warm_up
    texts |= {wanted.where: wanted.source for wanted in description.storage}
    texts = {key: text for key, text in texts.items() if text}
    paths = fetch.fetch_all(texts, description.file.parent, cache)
    return {key: Source(text, paths[key], key) for key, text in texts.items()}


def _processor_path(model: Model, description: Description) -> str:
    """
    Where the package is: where the file says, or in the folder of an entry beside the file.
    """
    processor = model.processor
    if processor.path or not processor.entry:
        return processor.path
    text, _ = split_class(processor.entry)
    for tail in entries.ends(text) if processor.entry_key else [text]:
        beside = description.file.parent / tail
        if beside.is_file():
            return str(beside.parent)
    return ""


def _tree(workspace: Workspace, model: Model, description: Description, cache: Path, config: HostConfig) -> Tree:
    if model.name is None:
        return Tree(workspace.folder, cache, by_name=bool(config.user))
    taken = {safe_name(other.name or "") for other in description.models if other is not model}
    name = safe_name(model.name)
    if name in taken:
        name = f"{name}-{description.models.index(model)}"
    return Tree(workspace.folder / name, cache, by_name=bool(config.user))


def _build(model: Model, tree: Tree, sources: dict[str, Source], text: str) -> Built:
    where = _prefix(model)
    tree.build(text)
    bare = None
    source = sources.get(f"{where}model_path")
    if source is not None:
        bare = tree.put_model(source, unpack=model.uncompress is not False)
    if code := sources.get(f"{where}processor_path"):
        package = tree.put_package(code, where)
    else:
        package = Package(tree.root / "predictor", "the workspace", where=where)
    return Built(model, tree, package, source, bare, where)


def _part(built: Built, description: Description, config: HostConfig, fixed: Path | None) -> Part:
    model = built.model
    tree = built.tree
    package = built.package
    if not any(package.folder.iterdir()):
        raise _no_processor(built.where)
    entry = entries.find(package, model.processor)
    shown = built.source.shown if built.source is not None else ""
    place = models.Place(tree.model, shown, built.bare, description.file.parent, built.where)
    colon = f":{entry.python_class}" if entry.python_class else ""
    spec = WorkerSpec.from_config(
        replace(
            config,
            entry=f"{entry.path}{colon}",
            processor_type=entry.type,
            mainclass=model.processor.mainclass,
            classpath=(*map(str, entry.classpath), *config.classpath),
            jvm_options=model.processor.jvm_options,
            arguments=config.arguments or model.processor.arguments,
            model_entry=models.resolve(model.entry, place),
            model_config=model.config,
        )
    )
    if description.cuda and spec.isolation == "none":
        log.warning(
            "cuda: --isolation none has no worker that starts with it; set LD_LIBRARY_PATH=%s", description.cuda
        )
    shown_at = fixed if model.name is None else None
    variables = environment.variables(description.text, description.environment, shown_at, description.cuda)
    spec = replace(spec, folder=str(_folder(entry)), environment=variables)
    return Part(model.name, unpacking.unpack(spec, unpacking.packed(spec), tree.root / _UNPACKED))


def _folder(entry: Entry) -> Path:
    return entry.path if entry.path.is_dir() else entry.path.parent


def _lines(built: Built, part: Part, description: Description) -> Sequence[str]:
    """
    What a Python processor requires.
    """
    if part.spec.type != "python":
        return ()
    return (*description.requirements, *requirements.lines_of(built.package.folder))


def _with_python(part: Part, package: Package, lines: Sequence[str], cache: Path, config: HostConfig) -> Part:
    """
    Have a Python processor run on its package's own Python, and with the *lines* that it requires.
    """
    confined = confine.command(config, package.folder)
    found = interpreter.find(package.folder, confined)
    if found.why_not:
        log.warning("%s", found.why_not)
    path = found.path
    if path and part.spec.isolation == "none":
        log.warning("--isolation none: the processor runs on the host's own Python, not on %s", path)
        path = ""
    user = find_user(config.user) if config.user else None
    installed = requirements.install(lines, path, cache, package.folder, user=user, confine=confined)
    packages = (str(installed), *found.packages) if installed is not None else found.packages
    return replace(part, spec=replace(part.spec, interpreter=path, packages=packages))


def _warm_up(
    config: HostConfig, sources: dict[str, Source], workspace: Workspace, trees: Sequence[Tree]
) -> Path | None:
    """
    The file with the requests: its ending tells how to read it, so it must have its own name. It is put into *trees*
    last, where it cannot be taken for a model.
    """
    source = sources.get("warm_up_data_path")
    if config.warm_up is not None:
        source = Source(config.warm_up, Path(config.warm_up).absolute(), "--warm-up")
    if source is None or not source.path.is_file():
        return source.path if source is not None else None  # whoever reads it says what is wrong
    for tree in trees:
        if config.workspace and tree.shows(theirs := Path(config.workspace) / tree.model.name):
            log.warning("%s is yours, so %s is not put into it; it is in %s", theirs, WARM_UP, tree.model)
        tree.put_warm_up(source)
    if source.path.name == source.name:
        return source.path
    place = workspace.folder / ".warm_up" / source.name
    place.parent.mkdir()
    place.symlink_to(source.path)
    return place


def _watched(sources: dict[str, Source]) -> list[Source]:
    return [
        source
        for key, source in sources.items()
        if not source.is_url and key.endswith(("model_path", "processor_path"))
    ]


def _prefix(model: Model) -> str:
    return f"{model.where}." if model.where else ""
