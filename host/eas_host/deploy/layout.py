"""
One model's tree in a workspace: `model/`, `predictor/<package>/` and `config/`.

An archive is unpacked. A bare file appears under its own name. A folder of the user's is used in place, seen through
links. What came out of the cache is copied, but for what is huge: a processor may write to its files, and must not
write to those of the next start.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.archives import jar_layouts
from eas_host.deploy import mirror
from eas_host.deploy.entries import Package
from eas_host.errors import EntryInvalid, EntryNotFound, HostError
from eas_host.fetch import addresses, archive
from eas_host.system.shortage import in_cache, is_refused

_ARCHIVE_ENDING: Final = re.compile(r"(\.tar)?\.(gz|bz2|xz|zst)$|\.(tgz|tbz2?|txz|tar|zip)$", re.IGNORECASE)
WARM_UP: Final = "warm_up.bin"
"""In `model/`, whatever it is called elsewhere (docs/eas-compatibility.md, section 7.6)."""
_NO_PACKAGE: Final = frozenset({"ENV", *jar_layouts.FOLDERS})
"""Top folders that are part of a package, and not the package itself."""


@dataclass(frozen=True)
class Source:
    """
    What a description names, once it is here.

    Attributes:
        text: as it is written.
        path: the local file or folder.
        key: the description's key, for messages.
    """

    text: str
    path: Path
    key: str

    @property
    def is_url(self) -> bool:
        """
        Whether *path* belongs to the cache, not to the user.
        """
        return addresses.is_url(self.text)

    @property
    def shown(self) -> str:
        """
        As it is written, without what is secret in it.
        """
        return addresses.shown(self.text) if self.is_url else self.text

    @property
    def name(self) -> str:
        """
        The name that its file has where it comes from.
        """
        return addresses.file_name(self.text) if self.is_url else self.path.name


@dataclass(frozen=True)
class Tree:
    """
    One model's tree.

    Attributes:
        root: the workspace as the processor sees it.
        cache: the folder that nothing is mirrored from.
        by_name: whether a file of the cache's that is too large to be copied has a further name here, instead of a
            link to it: for a user who cannot look into the cache.
    """

    root: Path
    cache: Path
    by_name: bool = False

    @property
    def model(self) -> Path:
        """
        Where the model is.
        """
        return self.root / "model"

    def build(self, text: str) -> None:
        """
        Make the tree, with a description's *text* in it.
        """
        for name in ("predictor", "config"):
            (self.root / name).mkdir(parents=True)
        (self.root / "config" / "config.json").write_text(text, encoding="utf-8")

    def put_model(self, source: Source, *, unpack: bool) -> Path | None:
        """
        Put the model at *source* into the tree.

        Returns:
            Its file, if it is one.
        """
        if source.path.is_dir():
            self._put_folder(source, self.model, whole=True)
            return None
        self.model.mkdir()
        if unpack and _kind(source) is not None:
            _unpack(source, self.model, self.cache)
            return None
        return self._put_file(source, self.model, source.name)

    def put_package(self, source: Source, where: str) -> Package:
        """
        Put the processor at *source* into the tree. *where* is what its keys begin with.
        """
        predictor = self.root / "predictor"
        folder = predictor / _stem(source)
        if source.path.is_dir():
            self._put_folder(source, folder, whole=False)
            return Package(folder, source.shown, where=where)
        folder.mkdir()
        if _kind(source) is None:
            return Package(folder, source.shown, self._put_file(source, folder, source.name), where)
        _unpack(source, folder, self.cache)
        return Package(_without_top(folder), source.shown, where=where)

    def shows(self, folder: Path) -> bool:
        """
        Whether the model is *folder*, used in place.
        """
        return self.model.is_symlink() and self.model.readlink() == folder

    def put_warm_up(self, source: Source) -> None:
        """
        Show the requests at *source* where EAS keeps them: DeepRec's processors read them again themselves. A model of
        the user's that is used in place becomes a folder of links, for nothing is put into it.
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

    def _put_folder(self, source: Source, target: Path, *, whole: bool) -> None:
        if whole and not source.is_url:
            target.symlink_to(source.path)
            return
        target.mkdir()
        copied = mirror.not_huge if source.is_url else mirror.code_or_small
        try:
            mirror.mirror(source.path, target, copied, self.cache, by_name=self.by_name and source.is_url)
        except OSError as error:
            raise failure(source.key, error.filename or source.path, error, self.cache) from error

    def _put_file(self, source: Source, folder: Path, name: str) -> Path:
        """
        Have the file at *source* under *name* in *folder*.
        """
        target = folder / name
        size = source.path.stat().st_size
        small = size <= (mirror.KEPT if source.is_url else mirror.SMALL)
        try:
            if small or mirror.is_code(source.name):
                mirror.copy_file(source.path, target)
            else:
                if source.is_url:
                    source.path.chmod(mirror.READ_ONLY)  # what is too large to be copied must not be written to
                mirror.show(source.path, target, by_name=self.by_name and source.is_url)
        except OSError as error:
            raise failure(source.key, source.path, error, self.cache) from error
        return target


def failure(key: str, path: Path | str, error: OSError, cache: Path) -> EntryNotFound:
    """
    Put into words that the system does not let us have *path*, which *key* names, in the workspace in *cache*.
    """
    words = [key, "" if is_refused(error) else str(path), in_cache(error, cache)]
    return EntryNotFound(": ".join(filter(None, words)))


def _kind(source: Source) -> str | None:
    try:
        return archive.kind(source.path)
    except OSError as error:
        raise EntryNotFound(f"{source.key}: {source.path}: {error.strerror}") from error


def _unpack(source: Source, folder: Path, cache: Path) -> None:
    log.debug("unpacking %s", source.path)
    try:
        archive.unpack(source.path, folder)
    except HostError as error:
        # The cache calls its files by other names than the description does.
        error.message = f"{source.key}: {error.message.replace(str(source.path), source.shown)}"
        raise
    except OSError as error:
        words = f"{source.key}: {source.shown} cannot be unpacked: {in_cache(error, cache)}"
        raise EntryInvalid(words) from error


def _without_top(folder: Path) -> Path:
    """
    The package in *folder*: a single top folder is moved up, so that `../../model` leads to the workspace's.
    """
    top = list(folder.iterdir())
    if len(top) != 1 or top[0].is_symlink() or not top[0].is_dir() or top[0].name in _NO_PACKAGE:
        return folder
    aside = folder.with_name(f".{folder.name}")
    folder.rename(aside)
    package = folder.with_name(top[0].name)
    (aside / top[0].name).rename(package)
    aside.rmdir()
    return package


def _stem(source: Source) -> str:
    """
    What the package's folder is called: as its archive, without the ending.
    """
    name = source.name
    stem = name if source.path.is_dir() else _ARCHIVE_ENDING.sub("", name) or name
    if not source.path.is_dir() and stem == name:
        stem = Path(name).stem
    return os.path.basename(stem).lstrip(".") or "package"  # noqa: PTH119  no name leads out of predictor/
