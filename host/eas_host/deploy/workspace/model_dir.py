"""
The folder of one model in a workspace, with `model/`, `predictor/<package>/` and `config/`.

An archive is unpacked. A single file keeps its name. A folder of the user's is used in place, through links. Files from
the cache are copied, except for huge ones: a processor may write to its files, and must not change those of the next
start.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.archives import jar_layouts
from eas_host.deploy.package.entries import ProcessorPackage
from eas_host.deploy.workspace import staging
from eas_host.errors import EntryInvalid, EntryNotFound, HostError
from eas_host.fetch import urls
from eas_host.fetch.unpacking import archive, archive_type
from eas_host.system.disk_errors import describe_cache_error, is_write_refused

_ARCHIVE_ENDING: Final = re.compile(r"(\.tar)?\.(gz|bz2|xz|zst)$|\.(tgz|tbz2?|txz|tar|zip)$", re.IGNORECASE)
WARM_UP: Final = "warm_up.bin"
"""The name of the warm-up file in `model/` (docs/eas-compatibility.md, section 7.6)."""
_PARTS_OF_PACKAGE: Final = frozenset({"ENV", *jar_layouts.FOLDERS})
"""A single top folder of one of these names is part of the package and not the package itself."""


@dataclass(frozen=True)
class FetchedSource:
    """
    A file or folder that a description names, on this machine.

    Attributes:
        text: the path or URL in the description.
        path: the local file or folder.
        key: the description's key, for messages.
    """

    text: str
    path: Path
    key: str

    @property
    def is_url(self) -> bool:
        """
        Whether *path* belongs to the cache and not to the user.
        """
        return urls.is_url(self.text)

    @property
    def display_text(self) -> str:
        """
        The text, without the secrets of a URL.
        """
        return urls.without_credentials(self.text) if self.is_url else self.text

    @property
    def file_name(self) -> str:
        """
        The name of the file at its origin; in the cache it has another one.
        """
        return urls.file_name(self.text) if self.is_url else self.path.name


@dataclass(frozen=True)
class ModelDir:
    """
    The folder of one model.

    Attributes:
        root: the folder; the processor's workspace.
        cache: the cache, from which no folder is mirrored.
        hard_link: whether a file of the cache that is too large to be copied gets a hard link here instead of a
            symbolic one: the user of `--user` cannot look into the cache.
    """

    root: Path
    cache: Path
    hard_link: bool = False

    @property
    def model(self) -> Path:
        """
        The path of the model.
        """
        return self.root / "model"

    def make(self, text: str) -> None:
        """
        Make the folder, with a description's *text* in it.
        """
        for name in ("predictor", "config"):
            (self.root / name).mkdir(parents=True)
        (self.root / "config" / "config.json").write_text(text, encoding="utf-8")

    def put_model(self, source: FetchedSource, *, unpack: bool) -> Path | None:
        """
        Put the model at *source* into `model/`.

        Returns:
            The model's file, if the model is a single file.
        """
        if source.path.is_dir():
            self._put_folder(source, self.model, as_link=True)
            return None
        self.model.mkdir()
        if unpack and _kind(source) is not None:
            _unpack(source, self.model, self.cache)
            return None
        return self._put_file(source, self.model, source.file_name)

    def put_package(self, source: FetchedSource, key_prefix: str) -> ProcessorPackage:
        """
        Put the processor at *source* into `predictor/`. The description's keys for it begin with *key_prefix*.
        """
        folder = self.root / "predictor" / _stem(source)
        package = ProcessorPackage(folder, source.display_text, key_prefix=key_prefix)
        original = None if source.is_url else source.path
        if source.path.is_dir():
            self._put_folder(source, folder, as_link=False)
            return replace(package, original=original)
        folder.mkdir()
        if _kind(source) is None:
            file = self._put_file(source, folder, source.file_name)
            return replace(package, single_file=file, original=original)
        _unpack(source, folder, self.cache)
        return replace(package, folder=_without_top(folder))

    def uses_in_place(self, folder: Path) -> bool:
        """
        Tell whether the model is *folder*, used in place.
        """
        return self.model.is_symlink() and self.model.readlink() == folder

    def put_warm_up(self, source: FetchedSource) -> None:
        """
        Put the warm-up requests at *source* where EAS keeps them, since DeepRec's processors read them themselves. If
        the model is a folder of the user's that is used in place, nothing is put into that; `model/` becomes a folder
        of links to its files.
        """
        target = self.model / WARM_UP
        if target.exists() and target.samefile(source.path):
            return
        if not self.model.is_dir():
            return  # a file is mounted in its place
        if self.model.is_symlink():
            theirs = self.model.resolve()
            self.model.unlink()
            self.model.mkdir()
            for entry in sorted(theirs.iterdir()):
                (self.model / entry.name).symlink_to(entry)
        if target.is_symlink() or target.is_file():
            target.unlink()
        self._put_file(source, self.model, WARM_UP)

    def _put_folder(self, source: FetchedSource, target: Path, *, as_link: bool) -> None:
        if as_link and not source.is_url:
            target.symlink_to(source.path)
            return
        target.mkdir()
        copied = staging.not_huge if source.is_url else staging.code_or_small
        try:
            staging.mirror_folder(source.path, target, copied, self.cache, hard_link=self.hard_link and source.is_url)
        except OSError as error:
            raise staging_error(source.key, error.filename or source.path, error, self.cache) from error

    def _put_file(self, source: FetchedSource, folder: Path, name: str) -> Path:
        """
        Copy or link the file at *source* to *name* in *folder*.
        """
        target = folder / name
        size = source.path.stat().st_size
        small = size <= (staging.MAX_COPIED_DOWNLOAD if source.is_url else staging.MAX_SMALL_FILE)
        try:
            if small or staging.is_code(source.file_name):
                staging.copy_file(source.path, target)
            else:
                if source.is_url:
                    source.path.chmod(staging.READ_ONLY)  # what is too large to be copied must not be written to
                staging.link_file(source.path, target, hard_link=self.hard_link and source.is_url)
        except OSError as error:
            raise staging_error(source.key, source.path, error, self.cache) from error
        return target


def staging_error(key: str, path: Path | str, error: OSError, cache: Path) -> EntryNotFound:
    """
    Make the error for a file *path*, named by *key*, that cannot be put into the workspace in *cache*.
    """
    parts = [key, "" if is_write_refused(error) else str(path), describe_cache_error(error, cache)]
    return EntryNotFound(": ".join(filter(None, parts)))


def _kind(source: FetchedSource) -> str | None:
    try:
        return archive_type.detect(source.path)
    except OSError as error:
        raise EntryNotFound(f"{source.key}: {source.path}: {error.strerror}") from error


def _unpack(source: FetchedSource, folder: Path, cache: Path) -> None:
    log.debug("unpacking %s", source.path)
    try:
        archive.unpack(source.path, folder)
    except HostError as error:
        # In the cache, files have other names than in the description.
        error.message = f"{source.key}: {error.message.replace(str(source.path), source.display_text)}"
        raise
    except OSError as error:
        text = f"{source.key}: {source.display_text} cannot be unpacked: {describe_cache_error(error, cache)}"
        raise EntryInvalid(text) from error


def _without_top(folder: Path) -> Path:
    """
    Return the package in *folder*. A single top folder is moved up, so that `../../model` leads to `model/`.
    """
    top = list(folder.iterdir())
    if len(top) != 1 or top[0].is_symlink() or not top[0].is_dir() or top[0].name in _PARTS_OF_PACKAGE:
        return folder
    aside = folder.with_name(f".{folder.name}")
    folder.rename(aside)
    package = folder.with_name(top[0].name)
    (aside / top[0].name).rename(package)
    aside.rmdir()
    return package


def _stem(source: FetchedSource) -> str:
    """
    Return the name of the package's folder: that of its archive, without the ending.
    """
    name = source.file_name
    stem = name if source.path.is_dir() else _ARCHIVE_ENDING.sub("", name) or name
    if not source.path.is_dir() and stem == name:
        stem = Path(name).stem
    return os.path.basename(stem).lstrip(".") or "package"  # noqa: PTH119  no name leads out of predictor/
