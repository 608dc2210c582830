"""
Where the files of a service are in its image: where pods look for them with `--files-in-image`.

The description is /processor/service.json, so relative paths lead to the same files as on this machine. What would be
somewhere else in a pod, below a volume, or among the system's own files, is refused.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from eas_host.cluster.configuration import DESCRIPTION
from eas_host.cluster.local_files import FOLDER, NamedFile, local_files, named_files, place
from eas_host.deploy.from_description import processor_path
from eas_host.description import Description, Model
from eas_host.errors import ConfigError
from eas_host.fetch import local_paths
from eas_host.image.contents_report import report_folder
from eas_host.pack.archive.folder_contents import read_folder
from eas_host.pack.archive.member import ArchiveMember, MemberType, file_member
from eas_host.pack.package_builder import PackageBuilder

_HIDDEN: Final = ("/dev", "/proc", "/run", "/sys", "/tmp", "/var")  # noqa: S108  of the image
"""Where a pod has something of its own."""
_SYSTEM: Final = ("/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/opt/eas-host", "/root", "/sbin", "/usr")


def image_members(description: Description, written: Path) -> tuple[ArchiveMember, ...]:
    """
    Find all files of this machine that *description* names, and where the image has them. *written* is the file with
    the description as the image has it.

    Raises:
        EntryNotFound: a file is not there.
        EntryInvalid: something in a folder cannot be read, or a link leads nowhere.
        ConfigError: a file can have no place in an image, or an `.easignore` is wrong.
    """
    builder = PackageBuilder()
    for file in _wanted(description):
        where = place(file.text)
        position = description.origins.get(file.key, description.file.name)
        if fault := _fault(where):
            raise ConfigError(
                f"{position}: {file.key}: {file.text} would be {where} in an image, {fault}; move it below the"
                " folder of the description, or name a URL"
            )
        source = local_paths.find(file.key, file.text, description.file.parent)
        for member in _members(source, where.strip("/"), description.file):
            _add(builder.members, member, f"{position}: {file.key}")
    # Above a description that a folder may have brought along: this one has no token.
    name = f"{FOLDER}/{DESCRIPTION}".strip("/")
    builder.members[name] = file_member(name, written)
    return builder.sorted_members()


def needs_java(description: Description) -> bool:
    """
    Tell whether a processor of *description* is one in Java, or may be one for all that the description says.
    """
    return any(_may_be_java(model) for model in description.models)


def _may_be_java(model: Model) -> bool:
    processor = model.processor
    if processor.type is not None:
        return processor.type == "java"
    named = (processor.entry or processor.path).partition(":")[0]
    return bool(processor.mainclass) or not (named.endswith(".py") or ".so" in posixpath.basename(named))


def _wanted(description: Description) -> Iterator[NamedFile]:
    """
    Yield the files and folders that the image must have. An entry without a package stands for its folder.
    """
    base = description.file.parent
    folders = {}
    for model in description.models:
        if not model.processor.path and (folder := processor_path(model, description)):
            folders[model.processor.entry] = os.path.relpath(folder, base)
    mounted = [mount.mount_path for mount in description.storage if not mount.source]
    wanted = {folders.get(file.text, file.text): file.key for file in local_files(named_files(description), mounted)}
    for folder in folders.values():
        wanted.setdefault(folder, "processor_entry")
    yield from (NamedFile(key, text) for text, key in wanted.items())


def _fault(where: str) -> str:
    """
    Say why the image cannot have something at *where*; `""` if it can.
    """
    if where == "/":
        return "which is all of it"
    if any(where == one or where.startswith(f"{one}/") for one in _HIDDEN):
        return "where a pod has something of its own"
    if any(where == one or where.startswith(f"{one}/") for one in _SYSTEM):
        return "among the files of its system"
    if any(one.startswith(f"{where}/") for one in _SYSTEM):
        return "above files of its system"
    return ""


def _members(source: Path, name: str, description: Path) -> Iterator[ArchiveMember]:
    if not source.is_dir():
        yield file_member(name, source)
        return
    yield ArchiveMember(name, MemberType.FOLDER)
    contents = read_folder(source, description)  # which is written anew
    report_folder(source, contents, description)
    for member in contents.members:
        yield replace(member, name=f"{name}/{member.name}")


def _add(members: dict[str, ArchiveMember], member: ArchiveMember, key: str) -> None:
    there = members.setdefault(member.name, member)
    if (there.type, there.link) == (member.type, member.link) and _real(there) == _real(member):
        return
    raise ConfigError(
        f"{key}: {member.source or 'a folder or link'} and {there.source or 'a folder or link'} would both be"
        f" /{member.name} in an image; keep them in folders with other names"
    )


def _real(member: ArchiveMember) -> Path | None:
    return member.source and member.source.resolve()
