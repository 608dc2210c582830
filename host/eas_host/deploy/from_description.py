"""
From a service description to a `Deployment`.

Strategy: fetch everything in parallel, put it into a new workspace, mount what `storage[]` names, and only then look
for the entries, since any of these steps may bring their files. If a step fails, the workspace is removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from eas_host import fetch, log
from eas_host.config import HostConfig, ResolvedConfig
from eas_host.deploy import confinement, memory_check
from eas_host.deploy.cli_overrides import apply_overrides
from eas_host.deploy.deployment import Deployment, ProcessorDeployment, watched_environments
from eas_host.deploy.package import entries, environment, model_entry, nested_jars
from eas_host.deploy.package.entries import FoundEntry, ProcessorPackage
from eas_host.deploy.python import requirements
from eas_host.deploy.python.choice import choose_python
from eas_host.deploy.workspace import mounts
from eas_host.deploy.workspace.external_links import ExternalLinks
from eas_host.deploy.workspace.model_dir import WARM_UP, FetchedSource, ModelDir, staging_error
from eas_host.deploy.workspace.workspace import Workspace, cache_folder, safe_name
from eas_host.deploy.workspace.workspace_links import link_workspace
from eas_host.description import Description, Model
from eas_host.errors import ConfigError
from eas_host.make_spec import make_spec, service_name, split_class
from eas_host.system.user import find_user

_UNPACKED: Final = ".unpacked"
_HANDED_OVER: Final = ("predictor", "model", "config", _UNPACKED)
"""The parts of a model's folder that belong to the user of `--user`."""


@dataclass(frozen=True)
class StagedModel:
    """
    One model with its files in place.

    Attributes:
        model: what the description says.
        model_dir: the folder with its files.
        package: the processor's files.
        source: where the model comes from.
        single_file: the model's file, if the model is a single file.
        key_prefix: what its keys in the description begin with.
    """

    model: Model
    model_dir: ModelDir
    package: ProcessorPackage
    source: FetchedSource | None
    single_file: Path | None
    key_prefix: str


def prepare_from_description(description: Description, resolved: ResolvedConfig, links: ExternalLinks) -> Deployment:
    """
    Make a version of the service that *description* describes.

    Args:
        description: what the file and `-D` say.
        resolved: the options, resolved from the command line, the environment and the description.
        links: this process's links from other folders into workspaces.

    Raises:
        HostError: it cannot be served.
    """
    description = apply_overrides(description, resolved)
    _check_processors(description)
    config = resolved.config
    confined = confinement.requested_confinement(config)
    cache = cache_folder(config)
    sources = _fetch(description, cache)
    name = config.name or description.name or description.file.stem
    workspace = Workspace(cache, name)
    try:
        workspace.add_cleanup(lambda: links.remove_all(workspace))
        staged = [
            _stage_model(model, _model_dir(workspace, model, description, cache, config), sources, description.text)
            for model in description.models
        ]
        model_dirs = [one.model_dir for one in staged]
        roots = [model_dir.root for model_dir in model_dirs]
        link_folder = Path(config.workspace) if config.workspace else None
        link_workspace(workspace, link_folder, model_dirs, links)
        for wanted in description.storage:
            mounts.mount(wanted.mount_path, sources[wanted.where], roots, workspace, links)
        # A package is read before the user owns it, since the user may change it then, and before its Python runs.
        processors = tuple(_processor_deployment(one, description, config, link_folder) for one in staged)
        lines = [
            _requirement_lines(one, processor, description) for one, processor in zip(staged, processors, strict=True)
        ]
        warm_up = _warm_up(config, sources, workspace, model_dirs)
        confinement.hand_over(confined, workspace.folder, (root / part for root in roots for part in _HANDED_OVER))
        processors = tuple(
            _with_python(processor, one, wanted, cache, config, _version_key(one, description))
            if processor.spec.type == "python"
            else processor
            for one, processor, wanted in zip(staged, processors, lines, strict=True)
        )
        if confined is not None:
            shown = _paths_to_show(sources, description, link_folder)
            paths = {"readable": shown, "writable": (str(workspace.folder),)}
            processors = tuple(replace(processor, spec=processor.spec.replace(**paths)) for processor in processors)
    except BaseException as error:
        workspace.discard()
        if isinstance(error, OSError):  # the disk is full, or a folder cannot be listed
            raise staging_error("", error.filename or workspace.folder, error, cache) from error
        raise
    name = config.name or description.name or service_name(config, processors[0].spec)
    watched = (description.file, *(source.path for source in _watched(sources)))
    watched += tuple(_watched_environments(staged, processors, sources, config))
    packages = tuple(
        (source.path, number)
        for number, one in enumerate(staged)
        if (source := sources.get(f"{one.key_prefix}processor_path")) is not None and source.path.is_dir()
    )
    watched += tuple(path / requirements.FILE for path, number in packages if processors[number].spec.type == "python")
    deployment = Deployment(replace(config, name=name), name, processors, warm_up, watched, packages, workspace.discard)
    return confinement.confine_workers(deployment)


def _paths_to_show(
    sources: dict[str, FetchedSource], description: Description, link_folder: Path | None
) -> tuple[str, ...]:
    """
    Return the targets of the workspace's links, and the links into it: a sandbox shows these too.
    """
    paths = [str(source.path) for source in sources.values()]
    paths += [wanted.mount_path for wanted in description.storage]
    return (*paths, *([str(link_folder)] if link_folder else []))


def _check_processors(description: Description) -> None:
    """
    Check that each model has a processor, before anything is fetched. What `storage[]` mounts may contain it, too.
    """
    for model in description.models:
        if not description.storage and not processor_path(model, description):
            raise _no_processor(_key_prefix(model))


def _no_processor(prefix: str) -> ConfigError:
    return ConfigError(f"{prefix}processor_path is missing: name the processor's archive, folder or file")


def _fetch(description: Description, cache: Path) -> dict[str, FetchedSource]:
    """
    Fetch everything that *description* names. The result is keyed by the description's keys.
    """
    texts: dict[str, str] = {}
    for model in description.models:
        prefix = _key_prefix(model)
        texts[f"{prefix}model_path"] = model.path
        texts[f"{prefix}processor_path"] = processor_path(model, description)
    texts["warm_up_data_path"] = description.warm_up
    texts |= {wanted.where: wanted.source for wanted in description.storage}
    texts = {key: text for key, text in texts.items() if text}
    paths = fetch.fetch_all(texts, description.file.parent, cache)
    return {key: FetchedSource(text, paths[key], key) for key, text in texts.items()}


def processor_path(model: Model, description: Description) -> str:
    """
    Return the package's path: the one in the description, or the folder of an entry that lies beside the description.
    """
    processor = model.processor
    if processor.path or not processor.entry:
        return processor.path
    text, _ = split_class(processor.entry)
    for tail in entries.path_tails(text) if processor.entry_key else [text]:
        beside = description.file.parent / tail
        if beside.is_file():
            return str(beside.parent)
    return ""


def _model_dir(
    workspace: Workspace, model: Model, description: Description, cache: Path, config: HostConfig
) -> ModelDir:
    if model.name is None:
        return ModelDir(workspace.folder, cache, hard_link=bool(config.user))
    taken = {safe_name(other.name or "") for other in description.models if other is not model}
    name = safe_name(model.name)
    if name in taken:
        name = f"{name}-{description.models.index(model)}"
    return ModelDir(workspace.folder / name, cache, hard_link=bool(config.user))


def _stage_model(model: Model, model_dir: ModelDir, sources: dict[str, FetchedSource], text: str) -> StagedModel:
    prefix = _key_prefix(model)
    model_dir.make(text)
    single_file = None
    source = sources.get(f"{prefix}model_path")
    if source is not None:
        single_file = model_dir.put_model(source, unpack=model.uncompress is not False)
    if code := sources.get(f"{prefix}processor_path"):
        package = model_dir.put_package(code, prefix)
    else:
        package = ProcessorPackage(model_dir.root / "predictor", "the workspace", key_prefix=prefix)
    return StagedModel(model, model_dir, package, source, single_file, prefix)


def _processor_deployment(
    staged: StagedModel, description: Description, config: HostConfig, link_folder: Path | None
) -> ProcessorDeployment:
    model = staged.model
    model_dir = staged.model_dir
    package = staged.package
    if not any(package.folder.iterdir()):
        raise _no_processor(staged.key_prefix)
    entry = entries.find_entry(package, model.processor)
    if entry.type != "python" and model.processor.python_version:
        key = _version_key(staged, description)
        raise ConfigError(
            f"{key} is for processors in Python, and {entry.path.name} is a {entry.type} processor; drop it"
        )
    shown = staged.source.display_text if staged.source is not None else ""
    place = model_entry.ModelLocation(
        model_dir.model, shown, staged.single_file, description.file.parent, staged.key_prefix
    )
    colon = f":{entry.python_class}" if entry.python_class else ""
    spec = make_spec(
        replace(
            config,
            entry=f"{entry.path}{colon}",
            processor_type=entry.type,
            mainclass=model.processor.mainclass,
            classpath=(*map(str, entry.classpath), *config.classpath),
            jvm_options=model.processor.jvm_options,
            arguments=config.arguments or model.processor.arguments,
            model_entry=model_entry.resolve(model.entry, place),
            model_config=model.config,
        )
    )
    if description.cuda and spec.isolation == "none":
        log.warning(
            "cuda: with --isolation none, no process starts with its library path; set LD_LIBRARY_PATH=%s",
            description.cuda,
        )
    shown_at = link_folder if model.name is None else None
    variables = environment.variables(description.text, description.environment, shown_at, description.cuda)
    environment_of_worker = {**variables, **spec.environment}  # options win
    spec = spec.replace(folder=str(_folder(entry)), environment=environment_of_worker, copies=package.copies)
    spec = memory_check.preload(spec, config)
    return ProcessorDeployment(model.name, nested_jars.unpack(spec, nested_jars.find(spec), model_dir.root / _UNPACKED))


def _version_key(staged: StagedModel, description: Description) -> str:
    """
    Return the key that says which Python the model wants: its own, or that of its processor.
    """
    own = f"{staged.key_prefix}python_version"
    return own if own in description.origins else "python_version"


def _folder(entry: FoundEntry) -> Path:
    return entry.path if entry.path.is_dir() else entry.path.parent


def _requirement_lines(staged: StagedModel, processor: ProcessorDeployment, description: Description) -> Sequence[str]:
    """
    Return the requirements of a Python processor, as lines of a requirements.txt.
    """
    if processor.spec.type != "python":
        return ()
    return (*description.requirements, *requirements.read_requirements(staged.package.folder))


def _with_python(
    processor: ProcessorDeployment,
    staged: StagedModel,
    lines: Sequence[str],
    cache: Path,
    config: HostConfig,
    version_key: str,
) -> ProcessorDeployment:
    """
    Let a Python processor run on the Python that it wants, with the requirements in *lines* installed.
    """
    folder = staged.package.folder
    confined = confinement.command_confiner(config, folder)
    found = choose_python(config, folder, confined, staged.model.processor.python_version, version_key)
    user = find_user(config.user) if config.user else None
    installed = requirements.install(lines, found.path, cache, folder, user=user, confine=confined)
    packages = (str(installed), *found.packages) if installed is not None else found.packages
    return replace(processor, spec=processor.spec.replace(interpreter=found.path, packages=packages))


def _warm_up(
    config: HostConfig, sources: dict[str, FetchedSource], workspace: Workspace, model_dirs: Sequence[ModelDir]
) -> Path | None:
    """
    Return the file with the warm-up requests, under its original name, since the ending tells how to read it. It is
    put into *model_dirs* last, so that it cannot be taken for a model.
    """
    source = sources.get("warm_up_data_path")
    if config.warm_up is not None:
        source = FetchedSource(config.warm_up, Path(config.warm_up).absolute(), "--warm-up")
    if source is None or not source.path.is_file():
        return source.path if source is not None else None  # the warm-up reports that it cannot be read
    for model_dir in model_dirs:
        if config.workspace and model_dir.uses_in_place(theirs := Path(config.workspace) / model_dir.model.name):
            log.warning("%s is your folder, so %s is not put into it, but into %s", theirs, WARM_UP, model_dir.model)
        model_dir.put_warm_up(source)
    if source.path.name == source.file_name:
        return source.path
    place = workspace.folder / ".warm_up" / source.file_name
    place.parent.mkdir()
    place.symlink_to(source.path)
    return place


def _watched(sources: dict[str, FetchedSource]) -> list[FetchedSource]:
    return [
        source
        for key, source in sources.items()
        if not source.is_url and key.endswith(("model_path", "processor_path"))
    ]


def _watched_environments(
    staged: Sequence[StagedModel],
    processors: Sequence[ProcessorDeployment],
    sources: dict[str, FetchedSource],
    config: HostConfig,
) -> Iterator[Path]:
    """
    Yield the environments of programs that lie in folders of the user's; those of an archive do not change.
    """
    for one, processor in zip(staged, processors, strict=True):
        source = sources.get(f"{one.key_prefix}processor_path")
        if processor.spec.type == "python" and source is not None and not source.is_url and source.path.is_dir():
            yield from watched_environments(processor.spec, source.path, config)


def _key_prefix(model: Model) -> str:
    return f"{model.where}." if model.where else ""
