"""
Installs the requirements of a description, or of a package's requirements.txt, once, with pip. They go into a folder of
the cache, not into the environment of the interpreter that uses them.

The cache has such a folder for each combination of requirement lines and interpreter. It appears by a rename once it is
complete, and is never changed after that. So a second start needs neither pip nor the network.

A file that the lines include is read here if it lies in the package, since its content is part of the combination.
Other files are left to pip, which has no more rights than the user of `--user`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
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
from eas_host.deploy.python.interpreter import Confine, IncompatibleInterpreter, probe
from eas_host.deploy.workspace.removal import remove_tree
from eas_host.deploy.workspace.workspace import REQUIREMENTS
from eas_host.errors import EntryInvalid, InitializeFailed
from eas_host.system import contained_files, safe_path
from eas_host.system.disk_errors import describe_cache_error, is_write_refused
from eas_host.system.user import User

FILE: Final = "requirements.txt"
_PATH_OPTION: Final = re.compile(
    r"(?P<option>-r|-c|-f|-e|--requirement|--constraint|--find-links|--editable)(?P<gap>\s*=?\s*)(?P<path>\S.*)"
)
_COMMENT: Final = re.compile(r"(^|\s+)#.*$")  # the same rule as pip's: the # of a URL's fragment begins no comment
_MAX_SHOWN_LINES: Final = 20
"""How many lines of pip's output are shown when it fails. The reason is at the end."""


def read_requirements(folder: Path) -> tuple[str, ...]:
    """
    Read the requirements.txt of the package in *folder*. It is ignored if there is an `ENV`, which has the packages
    already.

    The files in *folder* that it includes are read, too. All paths become relative to *folder*, or absolute.

    Raises:
        EntryInvalid: it includes a missing file, or itself.
    """
    file = folder / FILE
    if not file.is_file():
        return ()
    if (folder / "ENV").is_dir():
        log.debug("%s is not installed: ENV has the package's requirements", file)
        return ()
    return tuple(_expand([f"-r {FILE}"], folder, folder, ()))


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
        lines: in the format of requirements.txt.
        interpreter: the Python that will import the packages; `""` for the host's own.
        cache: the cache folder.
        folder: paths in the lines are relative to it. Its name may differ each time, and is not part of the cache key.
        user: runs pip and will own the packages; by default the user of the host.
        confine: as for `interpreter.probe`.

    Returns:
        The folder to import from; None if the lines require nothing.

    Raises:
        EntryInvalid: an included file is missing.
        InitializeFailed: pip is missing or has failed, or the cache cannot be written to.
    """
    folder = folder or Path.cwd()
    wanted = [line for line in _expand(lines, folder, folder, ()) if line]
    if not wanted:
        return None
    owner = [user.number] if user is not None else []
    target = cache / REQUIREMENTS / _cache_key(wanted, interpreter or sys.executable, folder, owner, confine)
    try:
        safe_path.private_folder(target.parent)
        with _locked(target.with_suffix(".lock")):
            if target.is_dir():
                safe_path.check_tree(target, owner)
            else:
                log.announce(f"[INFO] Installing requirements [{_redacted(wanted)}]")
                _install(wanted, interpreter or sys.executable, target, folder, user)
                log.announce(f"[OK] Installed requirements [{_redacted(wanted)}]")
    except OSError as error:
        if is_write_refused(error):
            raise InitializeFailed(f"requirements cannot be installed: {describe_cache_error(error, cache)}") from error
        raise InitializeFailed(
            f"requirements cannot be installed: {error.filename or target}: {error.strerror}; --cache names the folder"
        ) from error
    return target


def _read(file: Path, folder: Path, includes: tuple[Path, ...]) -> Iterator[str]:
    if any(os.path.realpath(file) == os.path.realpath(one) for one in includes):
        raise EntryInvalid(f"{file}: it includes itself; take out the line `-r {file.name}`")
    try:
        place = contained_files.resolve_inside(folder, file)
        if place is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        with os.fdopen(contained_files.open_file(folder, place), encoding="utf-8-sig") as opened:
            text = opened.read()
    except OSError as error:
        raise EntryInvalid(f"{file}: {error.strerror}; {includes[-1] if includes else file.parent} names it") from error
    except UnicodeDecodeError as error:
        raise EntryInvalid(f"{file}: it is not UTF-8 text, at byte {error.start}") from error
    lines = re.sub(r"\\\r?\n", "", text).splitlines()
    yield from _expand(lines, file.parent, folder, (*includes, file))


def _expand(lines: Iterable[str], home: Path, folder: Path, includes: tuple[Path, ...]) -> Iterator[str]:
    """
    Yield *lines* without comments, with the lines of included files in place of the include. Paths that are relative
    to *home* become relative to *folder*.
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
    Tell whether the included file *path* is read here; one that is missing is reported here, too.
    """
    return contained_files.resolve_inside(folder, path) is not None or not os.path.lexists(path)


def _with_path(line: str, folder: Path, write: Callable[[Path], str]) -> str:
    """
    Replace the path in *line*, if it is a file or folder in *folder*, with the result of *write*.
    """
    option = _PATH_OPTION.fullmatch(line)
    text = option["path"] if option else line
    if os.path.isabs(text) or (option is None and "/" not in text) or not os.path.exists(folder / text):  # noqa: PTH110, PTH117  see _named_files
        return line
    return (option["option"] + (option["gap"] or " ") if option else "") + write(folder / text)


def _cache_key(wanted: Sequence[str], interpreter: str, folder: Path, owner: Sequence[int], confine: Confine) -> str:
    """
    Return the name of the folder in the cache. Each owner has a folder of his own. A wheel or a constraints file counts
    with its size and time, so that a changed one is installed anew.
    """
    try:
        facts = probe(interpreter, confine)
    except IncompatibleInterpreter as error:
        raise InitializeFailed(f"requirements cannot be installed: {interpreter} {error}") from error
    files = [_version(path) for path in _named_files(wanted, folder)]
    text = json.dumps([facts.abi, facts.version, wanted, files, *owner])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _named_files(wanted: Sequence[str], folder: Path) -> Iterator[Path]:
    """
    Yield the files that *wanted* names.
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
    Hold the lock file *path*, so that of two hosts that start at the same time only one installs.
    """
    descriptor = safe_path.open_private(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _install(wanted: Sequence[str], interpreter: str, target: Path, folder: Path, user: User | None) -> None:
    for left in target.parent.glob(f".{target.name}-*"):  # made by a host that was killed
        remove_tree(left)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        file, packages = made / FILE, made / "packages"
        lines = (_with_path(line, folder, lambda path: str(path.absolute())) for line in wanted)
        file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        packages.mkdir(mode=0o755)
        if user is not None:
            for path in (packages, file, made):  # the folder last: the user can replace its content from then on
                os.chown(path, user.number, user.group)
        _run_pip(
            user, [*_pip(interpreter, user), "install", "--target", str(packages), "--requirement", str(file)], wanted
        )
        packages.rename(target)
    finally:
        remove_tree(made)


def _pip(interpreter: str, user: User | None) -> list[str]:
    """
    Find a pip for *interpreter*: its own, that of the Python that a venv was made from, or the host's.
    """
    options = ["--disable-pip-version-check", "--no-input"]
    for python in dict.fromkeys((interpreter, os.path.realpath(interpreter))):
        if _runs([python, "-c", "import pip"], user):
            return [python, "-m", "pip", *options]
    hosts = [sys.executable, "-m", "pip", "--python", interpreter, *options]
    if interpreter != sys.executable and _runs([*hosts, "--version"], user):  # a pip supports a few versions of Python
        return hosts
    raise InitializeFailed(
        f"requirements cannot be installed: there is no pip in {interpreter}, and the host's is none for it; add one"
        f" with `{interpreter} -m ensurepip`, or install the packages yourself and take the requirements out"
    )


def _runs(command: Sequence[str], user: User | None) -> bool:
    # It runs in `/`, so that a folder called pip in the working directory is not imported.
    return subprocess.run(_as_user(user, command), cwd="/", capture_output=True, check=False).returncode == 0


def _as_user(user: User | None, command: Sequence[str]) -> list[str]:
    """
    Return the command that runs *command* as *user*, since building a package runs its code. There is no sandbox, which
    would have no network.
    """
    if user is None:
        return [*command]
    from eas_host.sandbox.confinement import Confinement  # noqa: PLC0415  most hosts confine nothing

    return Confinement(user).program_command(command)


def _redacted(wanted: Sequence[str]) -> str:
    """
    Write *wanted* in one line, without digests and without the passwords that URLs may contain.
    """
    return _without_password(re.sub(r"\s+--hash\S*", "", ", ".join(wanted)))


def _without_password(text: str) -> str:
    return re.sub(r"(?<=://)[^/@\s]+(?=@)", "****", text)


def _run_pip(user: User | None, command: list[str], wanted: Sequence[str]) -> None:
    """
    Run pip with the user's own settings: PIP_ variables, pip.conf, proxies. The log has what it says, as it says it.
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
        umask=0o022,  # nobody else may write to the packages, whatever the umask of the host is
    ) as pip:
        assert pip.stdout is not None  # noqa: S101  it is a pipe
        try:
            for line in pip.stdout:
                log.info("pip: %s", _without_password(line.rstrip()))
                last = [*last[1 - _MAX_SHOWN_LINES :], line]
        except BaseException:  # also Ctrl+C: the result is not needed any more
            pip.terminate()
            raise
    if pip.returncode != 0:
        raise InitializeFailed(
            f"requirements [{_redacted(wanted)}]: pip ended with exit code {pip.returncode}; its last lines are above",
            "" if log.is_enabled(logging.INFO) else "".join(last),  # the log has them already
        )
