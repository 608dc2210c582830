"""
Finds out what the user names: a processor, a service description or a package.

The ending of its name tells it, else its first bytes; of a folder, what lies in it. This is the only place that does
so: each command takes the same things.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from eas_host.cli.things import unusable
from eas_host.errors import ConfigError, EntryNotFound
from eas_host.make_spec import guess_type, split_class

DESCRIPTION_FILES: Final = ("service.json", "app.json")
"""The names of a description in its folder: that of EAS's documents, and that of `pysdk init`."""
PROCESSOR: Final = "processor"
DESCRIPTION: Final = "description"
PACKAGE: Final = "package"
_USUAL_PROGRAM: Final = "app.py"
_ELF: Final = b"\x7fELF"
_ZIP: Final = b"PK\x03\x04"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_OF_DESCRIPTION: Final = (b"{", b"//", b"/*")
"""How a description begins, which may have comments."""


class Thing(NamedTuple):
    """
    What the user names.

    Attributes:
        kind: `PROCESSOR`, `DESCRIPTION` or `PACKAGE`.
        place: its path, as a value of `--entry` if it is a processor, or its URL.
        processor_type: the type of a processor, if its bytes tell that and its ending does not.
    """

    kind: str
    place: str
    processor_type: str | None = None


def find_thing(named: str | None, *, typed: bool = False) -> Thing:
    """
    Find out what *named* is; None stands for the description in the working directory. *typed*: the user says of which
    type the processor is, so that it may have any name.

    Raises:
        HostError: it is nothing that can be served; the message says what to do.
    """
    if named is None:
        file = find_description(Path())
        if file is None:
            raise unusable.nothing_here(DESCRIPTION_FILES)
        return Thing(DESCRIPTION, str(file))
    if not named.strip():
        raise ConfigError("TARGET: is empty; name what to run, such as app.py, libx.so or x.jar")
    if is_url(named):
        return _at_url(named)
    if "://" in named:
        named = unquote(urlsplit(named).path)
    path = Path(split_class(named)[0].removesuffix("/*"))
    try:
        if path.is_dir():
            return _in_folder(named, path)
        path.stat()
        if guess_type(path) is not None:
            return Thing(PROCESSOR, named)
        if path.suffix == ".json" or not path.is_file():  # a pipe has a description
            return Thing(DESCRIPTION, named)
        return _by_content(named, path, typed=typed)
    except (OSError, ValueError) as error:  # ValueError: a NUL
        raise unusable.unreadable(named, path, error) from error


def find_description(folder: Path) -> Path | None:
    """
    Return the description in *folder*, if there is one.
    """
    return next((folder / name for name in DESCRIPTION_FILES if (folder / name).is_file()), None)


def is_url(named: str) -> bool:
    """
    Tell whether *named* is the URL of something that is not on this machine.
    """
    return "://" in named and named.partition("://")[0].lower() not in ("file", "local")


def _at_url(url: str) -> Thing:
    try:
        path = urlsplit(url).path
    except ValueError:  # brackets around no IPv6 address
        path = ""
    if path.strip("/") == "" or path.startswith("/api/"):
        raise unusable.service_url(url)
    return Thing(DESCRIPTION if path.endswith(".json") else PACKAGE, url)


def _in_folder(named: str, path: Path) -> Thing:
    """
    Find the description or the only processor in the folder *path*.
    """
    file = find_description(path)
    if file is not None:
        return Thing(DESCRIPTION, str(file))
    if guess_type(path) is not None:
        return Thing(PROCESSOR, named)
    if (path / _USUAL_PROGRAM).is_file():
        return Thing(PROCESSOR, str(path / _USUAL_PROGRAM))
    from eas_host.check import folder  # noqa: PLC0415  only needed here

    try:
        found = folder.processors_in(path)
    except EntryNotFound as error:
        raise unusable.without_processor(named, path) from error
    if len(found) > 1:
        names = ", ".join(str(one) for one in found[:5]) + (", ..." if len(found) > 5 else "")  # noqa: PLR2004
        raise ConfigError(f"{named}: has several processors: {names}; name one of them")
    return Thing(PROCESSOR, str(found[0]))


def _by_content(named: str, path: Path, *, typed: bool) -> Thing:
    """
    Find out by its first bytes what the file *path* is.
    """
    with path.open("rb") as file:
        head = file.read(64)
    if (source := unusable.source(named, path)) is not None:
        raise source
    if head.startswith(_ELF):
        return Thing(PROCESSOR, named, None if typed else "cpp")
    if head.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(_OF_DESCRIPTION):
        return Thing(DESCRIPTION, named)
    from eas_host.fetch.unpacking import archive_type  # noqa: PLC0415  only needed here

    if archive_type.detect(path) is not None:
        return Thing(PACKAGE, named)
    if typed:
        return Thing(PROCESSOR, named)
    if head.startswith(_ZIP) and not unusable.is_model(path):
        return Thing(PROCESSOR, named, "java")
    raise unusable.unknown(named, path)
