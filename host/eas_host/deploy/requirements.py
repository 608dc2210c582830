"""
What a description's `requirements`, or a package's requirements.txt, asks for: installed by pip, once, beside the
interpreter that uses it and not into it.

Files that the lines include are read here as far as they are in the package: what they say is part of the folder's name
below. Others are left to pip, which has the rights of the user of `--user`, and no more.

The cache has a folder for each set of lines and interpreter. It appears whole, by a rename, and is never changed after
that; so a second start needs neither pip nor the network.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from eas_host import log
from eas_host.deploy.interpreter import Confine, Unable, ask
from eas_host.deploy.removal import remove_tree
from eas_host.deploy.workspace import REQUIREMENTS
from eas_host.errors import EntryInvalid, InitializeFailed
from eas_host.system import contained, safe_path
from eas_host.system.shortage import in_cache, is_refused
from eas_host.system.user import User

FILE: Final = "requirements.txt"
_PATH_OPTION: Final = re.compile(
    r"(?P<option>-r|-c|-f|-e|--requirement|--constraint|--find-links|--editable)(?P<gap>\s*=?\s*)(?P<path>\S.*)"
)
_COMMENT: Final = re.compile(r"(^|\s+)#.*$")  # as pip has it: the # of an address's fragment begins none
_SHOWN_LINES: Final = 20
"""How much of what pip printed is shown when it fails: its verdict stands at the end."""


def lines_of(folder: Path) -> tuple[str, ...]:
    """
    Read the requirements.txt of the package in *folder*; an `ENV` beside it has what it needs already.

    Files in *folder* that it includes are read, too; all paths are relative to *folder*, or absolute.

    Raises:
        EntryInvalid: it includes a file that is not there, or itself.
    """
    file = folder / FILE
    if not file.is_file():
        return ()
    if (folder / "ENV").is_dir():
        log.debug("%s is not installed: ENV has the package's requirements", file)
        return ()
    return tuple(_expanded([f"-r {FILE}"], folder, folder, ()))


def install(
    lines: Sequence[str],
    interpreter: str,
    cache: Path,
    folder: Path | None = None,
    *,
    user: User | None = None,
    confine: Confine = list,
) -> Path | None:
    """
    Install the requirement *lines*.

    Args:
        lines: as they stand in a requirements.txt.
        interpreter: the Python that will import them, `""` for the host's own.
        cache: the folder that keeps what was installed.
        folder: what paths in the lines are relative to. Its own name does not count: it may be another one each time.
        user: who runs pip and will own what it installs; None: whoever runs the host.
        confine: as for `interpreter.ask`.

    Returns:
        The folder to import from; None where the lines ask for nothing.

    Raises:
        EntryInvalid: a file that they include is not there.
        InitializeFailed: pip is not there, or has failed, or the cache cannot be written to.
    """
    folder = folder or Path.cwd()
    wanted = [line for line in _expanded(lines, folder, folder, ()) if line]
    if not wanted:
        return None
    owner = [user.number] if user is not None else []
    target = cache / REQUIREMENTS / _key(wanted, interpreter or sys.executable, folder, owner, confine)
    try:
        safe_path.private_folder(target.parent)
        with _locked(target.with_suffix(".lock")):
            if target.is_dir():
                safe_path.check_tree(target, owner)
            else:
                log.announce(f"[OK] Installing requirements [{_shown(wanted)}]")
                _install(wanted, interpreter or sys.executable, target, folder, user)
    except OSError as error:
        if is_refused(error):
            raise InitializeFailed(f"requirements cannot be installed: {in_cache(error, cache)}") from error
        raise InitializeFailed(
            f"requirements cannot be installed: {error.filename or target}: {error.strerror}; --cache names the folder"
        ) from error
    return target


def _read(file: Path, folder: Path, includes: tuple[Path, ...]) -> Iterator[str]:
    if any(os.path.realpath(file) == os.path.realpath(one) for one in includes):
        raise EntryInvalid(f"{file}: it includes itself; take out the line `-r {file.name}`")
    try:
        place = contained.place_in(folder, file)
        if place is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        with os.fdopen(contained.open_file(folder, place), encoding="utf-8-sig") as opened:
            text = opened.read()
    except OSError as error:
        raise EntryInvalid(f"{file}: {error.strerror}; {includes[-1] if includes else file.parent} names it") from error
    except UnicodeDecodeError as error:
        raise EntryInvalid(f"{file}: it is no text in UTF-8, at byte {error.start}") from error
    lines = re.sub(r"\\\r?\n", "", text).splitlines()
    yield from _expanded(lines, file.parent, folder, (*includes, file))


def _expanded(lines: Iterable[str], home: Path, folder: Path, includes: tuple[Path, ...]) -> Iterator[str]:
    """
    Give back *lines*, whose paths are relative to *home*, with paths that are relative to *folder*, without comments,
    and with those of the files that they include.
    """
    for line in (_COMMENT.sub("", line).strip() for line in lines):
        option = _PATH_OPTION.fullmatch(line)
        path = Path(os.path.normpath(home / option["path"])) if option else home
        if option and option["option"] in ("-r", "--requirement") and _is_read(path, folder):
            yield from _read(path, folder, includes)
        else:
            yield _with_path(line, home, lambda path: os.path.join(".", os.path.relpath(path, folder)))  # noqa: PTH118  pathlib drops the dot


def _is_read(path: Path, folder: Path) -> bool:
    """
    Whether what the included file *path* says is looked at here.
    """
    return contained.place_in(folder, path) is not None or not os.path.lexists(path)


def _with_path(line: str, folder: Path, write: Callable[[Path], str]) -> str:
    """
    Have *write* write the path in *line*, if it has one that is a file or folder in *folder*.
    """
    option = _PATH_OPTION.fullmatch(line)
    text = option["path"] if option else line
    if os.path.isabs(text) or (option is None and "/" not in text) or not os.path.exists(folder / text):  # noqa: PTH110, PTH117  see _files
        return line
    return (option["option"] + (option["gap"] or " ") if option else "") + write(folder / text)


def _key(wanted: Sequence[str], interpreter: str, folder: Path, owner: Sequence[int], confine: Confine) -> str:
    """
    Name the folder; each owner has one of his own. A wheel or a list of constraints that is given as a file is another
    one when it was written anew.
    """
    try:
        facts = ask(interpreter, confine)
    except Unable as error:
        raise InitializeFailed(f"requirements cannot be installed: {interpreter} {error}") from error
    files = [_version(path) for path in _files(wanted, folder)]
    text = json.dumps([facts.abi, facts.version, wanted, files, *owner])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _files(wanted: Sequence[str], folder: Path) -> Iterator[Path]:
    """
    The files that *wanted* names.
    """
    for line in wanted:
        option = _PATH_OPTION.fullmatch(line)
        path = folder / (option["path"] if option else line)
        if os.path.isfile(path):  # noqa: PTH113  pathlib complains of a line too long for a name, such as one with hashes
            yield path


def _version(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """
    Have the lock file *path*: two hosts that start together install once.
    """
    descriptor = safe_path.open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _install(wanted: Sequence[str], interpreter: str, target: Path, folder: Path, user: User | None) -> None:
    for left in target.parent.glob(f".{target.name}-*"):  # by a host that was killed
        remove_tree(left)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        file, packages = made / FILE, made / "packages"
        lines = (_with_path(line, folder, lambda path: str(path.absolute())) for line in wanted)
        file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        packages.mkdir(mode=0o755)
        if user is not None:
            for path in (packages, file, made):  # the folder last: what is in it may be exchanged from then on
                os.chown(path, user.number, user.group)
        _run_pip(
            user, [*_pip(interpreter, user), "install", "--target", str(packages), "--requirement", str(file)], wanted
        )
        packages.rename(target)
    finally:
        remove_tree(made)


def _pip(interpreter: str, user: User | None) -> list[str]:
    """
    Find a pip for *interpreter*: its own, or the host's.
    """
    options = ["--disable-pip-version-check", "--no-input"]
    if _has_pip(interpreter, user):
        return [interpreter, "-m", "pip", *options]
    if interpreter != sys.executable and _has_pip(sys.executable, user):
        return [sys.executable, "-m", "pip", "--python", interpreter, *options]
    raise InitializeFailed(
        f"requirements cannot be installed: there is no pip in {interpreter}; add it with `{interpreter} -m ensurepip`,"
        " or install the packages yourself and take the requirements out"
    )


def _has_pip(interpreter: str, user: User | None) -> bool:
    # From `/`: a folder called pip in the working directory is not meant.
    command = _as_user(user, [interpreter, "-c", "import pip"])
    return subprocess.run(command, cwd="/", capture_output=True, check=False).returncode == 0


def _as_user(user: User | None, command: list[str]) -> list[str]:
    """
    What runs *command* as *user*: building a package runs its code. A sandbox would have no network.
    """
    if user is None:
        return command
    from eas_host.sandbox.plan import Confinement  # noqa: PLC0415  most hosts confine nothing

    return Confinement(user).command(command)


def _shown(wanted: Sequence[str]) -> str:
    """
    Write *wanted* in a line, without digests, and without the passwords that addresses may hold.
    """
    return re.sub(r"(?<=://)[^/@\s]+(?=@)", "****", re.sub(r"\s+--hash\S*", "", ", ".join(wanted)))


def _run_pip(user: User | None, command: list[str], wanted: Sequence[str]) -> None:
    """
    Run pip, under the user's own settings for it: PIP_ variables, pip.conf, proxies.
    """
    last: list[str] = []
    with subprocess.Popen(
        _as_user(user, command),
        cwd="/",
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        umask=0o022,  # nobody else writes to it, whatever the user's own is
    ) as pip:
        assert pip.stdout is not None  # noqa: S101  it is a pipe
        try:
            for line in pip.stdout:
                log.debug("pip: %s", line.rstrip())
                last = [*last[1 - _SHOWN_LINES :], line]
        except BaseException:  # Ctrl+C, too: nobody wants what pip makes any more
            pip.terminate()
            raise
    if pip.returncode != 0:
        raise InitializeFailed(
            f"requirements [{_shown(wanted)}]: pip ended with exit code {pip.returncode}; its last lines are above",
            "".join(last),
        )
