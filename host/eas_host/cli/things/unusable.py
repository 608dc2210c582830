"""
What is said about a thing that cannot be served: each message says what it is and what to do.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eas_host.errors import ConfigError, EntryNotFound, HostError

_EXPECTED: Final = (
    "expected a .so, a .jar, a .py, a folder with one of them, a service.json, or a package such as .tar.gz or .zip"
)
_MODELS: Final = frozenset(
    [
        ".bin",
        ".ckpt",
        ".h5",
        ".joblib",
        ".keras",
        ".mlmodel",
        ".model",
        ".npy",
        ".npz",
        ".onnx",
        ".pb",
        ".pickle",
        ".pkl",
        ".pmml",
        ".pt",
        ".pth",
        ".safetensors",
        ".tflite",
    ]
)
_BUILDS: Final = {
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".c++", ".C"), "g++ $(eas-host --cflags) {file} -o {library}"),
    ".c": "gcc -shared -fPIC -I$(eas-host --include) {file} -o {library}",
    **dict.fromkeys((".o", ".a"), "g++ -shared {file} -o {library}"),
    ".cu": "nvcc -shared -Xcompiler -fPIC -I$(eas-host --include) {file} -o {library}",
    ".java": "javac -d classes {file} && jar --create --file {stem}.jar -C classes .",
    ".class": "jar --create --file {stem}.jar {file}, with its folders as its package says",
    ".pyx": "cythonize -i {file}, and name the .py that imports it",
    ".rs": "cargo build, as a library of the kind cdylib, and name the .so",
    ".go": "go build -buildmode=c-shared -o {library} {file}",
}
"""How the files with these endings become a processor, where no build file is beside them."""
_BUILD_FILES: Final = {
    "Makefile": "make",
    "makefile": "make",
    "GNUmakefile": "make",
    "CMakeLists.txt": "cmake -B build && cmake --build build",
    "pom.xml": "mvn package",
    "build.gradle": "gradle build",
    "build.gradle.kts": "gradle build",
    "Cargo.toml": "cargo build --release",
}
_BUILT_IN: Final = ("", "build", "target", "dist")
_MODULE: Final = re.compile(r"(?P<module>[\w./-]+?)(?:\.py)?(?:::|[:#@])(?P<name>\w+)[()]*")
"""How uvicorn, pytest and others name what is in a file: `app:Echo`, `app.py::Echo`."""


def nothing_here(names: Sequence[str]) -> ConfigError:
    """
    Say that the working directory has no description; *names* are those that it could have.
    """
    return ConfigError(
        f"there is no {' or '.join(names)} in {Path.cwd()}; name what to run, such as app.py, libx.so or x.jar"
        " (`eas-host init` makes one)"
    )


def nothing_named(file: Path | None) -> ConfigError:
    """
    Say that the user has not said what to serve. *file* is the description in the working directory, if there is one.
    """
    there = f"; there is a {file.name} here: eas-host {file.name}" if file else " (see eas-host --help)"
    return ConfigError(
        f"name what to serve, such as eas-host app.py, libx.so, x.jar or service.json, or --entry{there}"
    )


def unreadable(named: str, path: Path, error: OSError | ValueError) -> HostError:
    """
    Say that *named*, whose file would be *path*, does not exist or cannot be read. It is a wrong description if that is
    what it is called, else a processor that is not there.
    """
    if not isinstance(error, FileNotFoundError):
        return ConfigError(f"{named}: {getattr(error, 'strerror', None) or error}; {_EXPECTED}")
    if (meant := program_meant(named)) is not None:
        return EntryNotFound(f"{named}: No such file; did you mean {meant}?")
    kind = ConfigError if path.suffix == ".json" else EntryNotFound
    return kind(f"{named}: No such file; {_nearby(path)}")


def program_meant(named: str) -> str | None:
    """
    Return the Python file that *named* means as a module, if it is there: `app`, `app:Echo` or `pkg.app:Echo`.
    """
    match = _MODULE.fullmatch(named)
    module = match["module"] if match else named
    for stem in (module, module.replace(".", "/")):
        if Path(f"{stem}.py").is_file():
            return f"{stem}.py:{match['name']}" if match else f"{stem}.py"
    return None


def library_meant(named: str) -> str | None:
    """
    Return the library or jar that *named* is short for, if it is there: `echo` or `libecho` for libecho.so.
    """
    return next((file for file in (f"{named}.so", f"lib{named}.so", f"{named}.jar") if Path(file).is_file()), None)


def service_url(url: str) -> ConfigError:
    """
    Say that *url* is the one of a service.
    """
    shown = _without_credentials(url)
    return ConfigError(
        f"{shown}: is the URL of a service, no package or description; `eas-host load URL` and curl call a service"
    )


def elsewhere(url: str) -> ConfigError:
    """
    Say that what is at *url* cannot be packed.
    """
    return ConfigError(f"{_without_credentials(url)}: is at a URL; only what is on this machine can be packed")


def source(named: str, path: Path) -> ConfigError | None:
    """
    Say how the source code or the build file *path* becomes a processor; None if it is neither.
    """
    stem = path.stem.removeprefix("lib")
    build = _BUILD_FILES.get(path.name)
    words = _BUILDS.get(path.suffix)
    if words is not None:
        beside = next((how for name, how in _BUILD_FILES.items() if (path.parent / name).is_file()), None)
        place = path.parent / stem
        compiled = words.format(
            file=shlex.quote(named),
            library=shlex.quote(str(place.with_name(f"lib{stem}.so"))),
            stem=shlex.quote(str(place)),
        )
        build = f"{_there(path.parent, beside)}, or {compiled}" if beside else compiled
        for folder in _BUILT_IN:
            for name in (f"lib{stem}.so", f"{stem}.so", f"{stem}.jar"):
                built = path.parent / folder / name
                if built.is_file():
                    return ConfigError(f"{named}: is source code; name what it was built to: {built}")
        return ConfigError(f"{named}: build it first: {build}")
    if build is not None:
        return ConfigError(f"{named}: build it first: {_there(path.parent, build)}; then name what it has made")
    return None


def without_processor(named: str, folder: Path) -> ConfigError:
    """
    Say that *folder* has nothing that can be served.
    """
    build = next((how for name, how in _BUILD_FILES.items() if (folder / name).is_file()), None)
    if build is not None:
        return ConfigError(f"{named}: has no processor yet; build it first: {_there(folder, build)}")
    for path in sorted(folder.iterdir()):
        if path.suffix in _BUILDS and (error := source(str(path), path)) is not None:
            return error
    programs = sorted(path.name for path in folder.glob("*.py"))
    if programs:
        return ConfigError(f"{named}: no .py in it uses allspark; name the program, such as {folder / programs[0]}")
    return ConfigError(f"{named}: there is no processor in it; expected a .so, a .jar, a .py or a service.json")


def unknown(named: str, path: Path) -> ConfigError:
    """
    Say that *path* is nothing that can be served.
    """
    if is_model(path):
        return ConfigError(
            f"{named}: looks like a model; name the processor that loads it, and add --model-entry {shlex.quote(named)}"
        )
    return ConfigError(
        f"{named}: is no processor, description or package; {_EXPECTED}; --processor-type says of any other file what"
        " it is"
    )


def is_model(path: Path) -> bool:
    """
    Tell whether the name of *path* is that of a model.
    """
    return path.suffix.lower() in _MODELS


def _without_credentials(url: str) -> str:
    from eas_host.fetch import urls  # noqa: PLC0415  only needed for a mistake

    return urls.without_credentials(url)


def _there(folder: Path, command: str) -> str:
    """
    Write *command* so that it works in *folder*.
    """
    if folder in (Path(), Path.cwd()):
        return command
    return f"make -C {shlex.quote(str(folder))}" if command == "make" else f"cd {shlex.quote(str(folder))} && {command}"


def _nearby(path: Path) -> str:
    """
    Say what is there instead of *path*: the name that is most like it.
    """
    import difflib  # noqa: PLC0415  only needed for a mistake

    try:
        names = [one.name for one in path.parent.iterdir()]
    except OSError:
        return f"there is no folder {path.parent}"
    near = difflib.get_close_matches(path.name, names, 1, 0.7)
    return f"did you mean {path.parent / near[0]}?" if near else _EXPECTED
