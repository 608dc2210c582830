"""
Runs tests in each version of Python that pyproject.toml claims: `make test-versions VERSIONS="3.12 3.13"`.

In each: a fresh environment with the package, the quick tests, and those that are marked `every_python`, which start
real hosts. An interpreter is looked for where `--python` of the host looks, then asked of uv, which downloads one where
it can. A version without any is named and does not count as tested.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import environments

from eas_host.deploy.python import installed

FOLDER: Final = environments.ROOT / "build" / "versions"
DOWNLOAD_SECONDS: Final = 300


def claimed() -> list[str]:
    """The versions among the classifiers."""
    text = (environments.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)


def is_version(python: str, version: str) -> bool:
    """Whether *python* runs and is *version*: for a version that is not active, pyenv has a command that fails."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.stdout.strip() == version


def find(version: str) -> str | None:
    """An interpreter of *version* on this machine."""
    major, minor = map(int, version.split("."))
    candidates = installed.releases().get((major, minor), [])
    return next((python for python in candidates if is_version(python, version)), None)


def download(version: str) -> str | None:
    """An interpreter of *version* that uv downloads; None if it cannot."""
    folder = FOLDER / "interpreters"
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "python", "install", "--no-bin", "--install-dir", str(folder), version]
    try:
        subprocess.run(command, capture_output=True, timeout=DOWNLOAD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    return next((str(python) for python in folder.glob("*/bin/python3") if is_version(str(python), version)), None)


def passes(version: str, python: str) -> bool:
    """Runs the tests of *version*."""
    programs = environments.make(FOLDER / version, python, "test")
    pytest = (programs / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    quick = environments.run(*pytest, "--quick")
    return environments.run(*pytest, "-m", "every_python") == quick == 0


def main() -> int:
    """Returns the exit code: 1 if a version fails, or none was tested."""
    results = {}
    for version in sys.argv[1:] or claimed():
        python = find(version) or download(version)
        if python is None:
            results[version] = "not tested: no interpreter is here, and uv cannot download one"
            continue
        print(f"\nPython {version}: {python}", flush=True)
        results[version] = "passed" if passes(version, python) else "FAILED"
    print()
    for version, result in results.items():
        print(f"Python {version}: {result}")
    return 0 if "passed" in results.values() and "FAILED" not in results.values() else 1


if __name__ == "__main__":
    sys.exit(main())
