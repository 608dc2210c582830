"""
make_image.py NAME FOLDER[:FOLDER] OUT [CONFIG]: folders as a container image, each a layer, in the form that
`ctr images import` reads. Nothing else is needed: no daemon, and no registry.

CONFIG is the image's own JSON: Entrypoint, Cmd, Env, User, WorkingDir.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main() -> None:
    """
    Write the archive.
    """
    name, folders, out = sys.argv[1:4]
    config = json.loads(sys.argv[4]) if len(sys.argv) > 4 else {}
    files = image_files(name, [pack_layer(Path(folder)) for folder in folders.split(":")], config)
    with tarfile.open(out, "w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def pack_layer(folder: Path) -> bytes:
    """
    Pack a folder, owned by root and without times, so that the same files are the same image.
    """

    def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uname = member.gname = ""
        member.uid = member.gid = member.mtime = 0
        return member

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name, filter=anonymous)
    return packed.getvalue()


def image_files(name: str, layers: list[bytes], config: dict[str, object]) -> dict[str, bytes]:
    """
    Make the files of the archive that `docker save` would write.
    """
    digests = [hashlib.sha256(layer).hexdigest() for layer in layers]
    image = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": [_PATH], **config},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }
    text = json.dumps(image).encode()
    about = f"{hashlib.sha256(text).hexdigest()}.json"
    paths = [f"{digest}/layer.tar" for digest in digests]
    manifest = [{"Config": about, "RepoTags": [name], "Layers": paths}]
    return {about: text, **dict(zip(paths, layers, strict=True)), "manifest.json": json.dumps(manifest).encode()}


if __name__ == "__main__":
    main()
