"""
Builds an image: the host alone, a service on it, or both on an image of the user's own.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.cluster.cluster_service import SECRET_KEYS, pod_description
from eas_host.description import Description, read
from eas_host.errors import ConfigError
from eas_host.image.containerfile import FILES, make_containerfile
from eas_host.image.contents_report import report_members
from eas_host.image.host_source import put_host
from eas_host.image.image_tool import NAME, ImageTool
from eas_host.image.layout import image_members, needs_java
from eas_host.image.reference import is_reference
from eas_host.image.request import ImageRequest
from eas_host.pack.archive.writer import member_time, write

_DATA_IMAGE: Final = "data_image"


def build_image(wanted: ImageRequest, tool: ImageTool) -> str:
    """
    Build the image that is *wanted*. Returns its identity, `sha256:...`.

    Raises:
        HostError: the description is wrong, a file is missing or has no place in an image, or the tool failed.
    """
    with tempfile.TemporaryDirectory(prefix="eas-host-image-") as name:
        context = Path(name)
        arguments: dict[str, str] = {}
        if wanted.description is not None:
            description = read(wanted.description, wanted.overrides, keeps_cloud_values=True)
            arguments = _arguments_of(description)
            _put_files(description, wanted, context)
        if wanted.base:
            tool.need(wanted.base, "--from")
            arguments = {}
        else:
            if (below := arguments.get("BASE")) is not None:
                tool.need(below, _DATA_IMAGE)
            arguments |= put_host(context, wanted.wheel)
        text = make_containerfile(wanted.base, with_files=wanted.description is not None)
        (context / NAME).write_text(text, encoding="utf-8")
        log.announce(f"[OK] Building image [{wanted.tag}]")
        return tool.build(context, wanted.tag, member_time(), arguments, wanted.words)


def _arguments_of(description: Description) -> dict[str, str]:
    """
    Return what *description* says of the image below the host, and of what must be in it.

    Raises:
        ConfigError: the name of an image is none.
    """
    arguments = {} if needs_java(description) else {"JRE": ""}
    if (value := description.cloud_values.get(_DATA_IMAGE)) is not None and value.value:
        if not isinstance(value.value, str) or not is_reference(value.value):
            position = description.origins.get(_DATA_IMAGE, description.file.name)
            raise ConfigError(f"{position}: {_DATA_IMAGE}: {json.dumps(value.value)} is no name of an image")
        arguments["BASE"] = value.value
    return arguments


def _put_files(description: Description, wanted: ImageRequest, context: Path) -> None:
    """
    Write the archive with the files of *description* into the folder *context*.
    """
    without = [f"{key}=" for key in SECRET_KEYS]
    text = read(description.file, [*wanted.overrides, *without], keeps_cloud_values=True).text
    written = context / "service.json"
    written.write_text(pod_description(text), encoding="utf-8")
    members = image_members(description, written)
    report_members(members)
    if json.loads(description.text).get("token"):
        log.info("the image has no token; give it one where it runs, with --token @FILE or EAS_HOST_TOKEN")
    write(members, context / FILES)
