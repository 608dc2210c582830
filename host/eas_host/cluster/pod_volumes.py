"""
The volumes of a pod, and where they are mounted. The root of its image is read-only, so each place where the host
writes is a volume, and so is each where it makes something appear for the processor.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from eas_host.cluster.cluster_service import ClusterService
from eas_host.cluster.configuration import DESCRIPTION
from eas_host.cluster.local_files import FOLDER
from eas_host.errors import ConfigError

CACHE: Final = "/var/cache/eas-host"
"""Where downloads are kept and packages unpacked; the image has this folder."""
CACHE_VOLUME: Final = "cache"
OWN_FOLDER: Final = "own"
"""
The folder of that volume which is mounted there. The volume itself belongs to root, and all may write to it, so no host
would trust it with what it loads.
"""
TOKEN_VOLUME: Final = "token"  # noqa: S105  the name of a volume
TOKEN_FOLDER: Final = "/etc/eas-token"  # noqa: S105  a folder
_OF_SYSTEM: Final = frozenset(
    {"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "opt", "proc", "processor", "root", "run"}
    | {"sbin", "sys", "tmp", "usr", "var"}
)
"""Folders at the root of an image that a volume would hide, or that are volumes already."""
_OF_WORKSPACE: Final = ("/home/admin/docker_ml/workspace", "/eas/workspace")
"""Mount paths below these are made in the workspace of the host, which is in its cache."""


def volumes(service: ClusterService) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """
    Return the volumes of the pod, and the mounts of its container.

    Raises:
        ConfigError: a mount path cannot be made.
    """
    made = list(_all(service))
    paths = Counter(posixpath.normpath(mount["mountPath"]) for _, mount in made)
    for path in (path for path, number in paths.items() if number > 1 or path in ("/", FOLDER)):
        raise ConfigError(f"{path}: storage[] cannot be mounted there, where the pod has something else")
    return [volume for volume, _ in made], [mount for _, mount in made]


def _all(service: ClusterService) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    # One file, so that the rest of the folder is the image's: relative paths lead to files that were baked in there.
    yield (
        {"name": "description", "configMap": {"name": service.config_map}},
        _mount("description", f"{FOLDER}/{DESCRIPTION}", subPath=DESCRIPTION, readOnly=True),
    )
    if service.token is not None:
        yield (
            {"name": TOKEN_VOLUME, "secret": {"secretName": service.secret, "defaultMode": 0o440}},
            _mount(TOKEN_VOLUME, TOKEN_FOLDER, readOnly=True),  # a folder: a `subPath` would stay as it is
        )
    yield {"name": CACHE_VOLUME, "emptyDir": {}}, _mount(CACHE_VOLUME, CACHE, subPath=OWN_FOLDER)
    yield {"name": "tmp", "emptyDir": {}}, _mount("tmp", "/tmp")  # noqa: S108  the pod's own
    if service.settings.shm_size:
        memory = {"medium": "Memory", "sizeLimit": service.settings.shm_size}
        yield {"name": "shm", "emptyDir": memory}, _mount("shm", "/dev/shm")  # noqa: S108  the pod's own
    for number, folder in enumerate(_link_folders(service)):
        yield {"name": f"links-{number}", "emptyDir": {}}, _mount(f"links-{number}", folder)
    for number, one in enumerate(service.settings.storage):
        name = f"storage-{number}"
        if one.server:
            source: dict[str, Any] = {"nfs": {"server": one.server, "path": one.path, "readOnly": one.read_only}}
        else:
            source = {"emptyDir": {"medium": "Memory"} if one.in_memory else {}}
        yield {"name": name, **source}, _mount(name, one.mount_path, **({"readOnly": True} if one.read_only else {}))


def _mount(name: str, path: str, **more: object) -> dict[str, Any]:
    return {"name": name, "mountPath": path, **more}


def _link_folders(service: ClusterService) -> list[str]:
    """
    The folders in which the host makes links to what it has fetched for `storage[]`: those at the root, empty in the
    pod, so that a host can make folders and links in them.
    """
    folders = set()
    for path in map(posixpath.normpath, service.mount_paths):
        if not path.startswith("/") or any(path == one or path.startswith(f"{one}/") for one in _OF_WORKSPACE):
            continue
        first, _, rest = path.strip("/").partition("/")
        if not rest or first in _OF_SYSTEM:
            raise ConfigError(
                f"{path}: storage[] cannot be made there in a pod, whose root is read-only; expected a mount_path below"
                " a folder of its own, such as /mnt/data"
            )
        folders.add(f"/{first}")
    return sorted(folders)
