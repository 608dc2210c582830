"""
Runs processors on every Python that they may have: `make test-pythons PYTHONS="3.6 3.13"`.

The host runs on the .venv's Python all the time. For each other version the Python columns of the contract table and
the tests of `allspark` run again, with an ENV of that version: under `eas-host`, and as `ENV/bin/python app.py`. A
version that is not here is named, and does not count as tested; where CI=true, it fails.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import environments

from eas_host.deploy.python import installed

WANTED: Final = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.12", "3.13")
"""The versions that must be tested somewhere. CI has them all."""
_TESTS: Final = ("tests/contract/test_python.py", "tests/contract/test_contract.py", "tests/sdk")
_NEED_PACKAGES: Final = ("tests/sdk/test_greenlets.py",)
"""They need packages in ENV."""


def main() -> int:
    """Returns the exit code: 1 if a version fails, or is missing in CI."""
    own = ".".join(map(str, sys.version_info[:2]))
    here = [".".join(map(str, release)) for release in installed.releases()]
    results = {}
    for version in sys.argv[1:] or dict.fromkeys((*WANTED, *here)):
        if version == own:
            results[version] = "the host's own: see `make test`"
        elif version not in here:
            results[version] = f"{'FAILED' if os.environ.get('CI') == 'true' else 'not tested'}: it is not installed"
        else:
            print(f"\nPython {version}:", flush=True)
            ignored = [f"--ignore={path}" for path in _NEED_PACKAGES]
            options = (
                "-q",
                "-n",
                "auto",
                "--dist",
                "loadfile",
                "-p",
                "no:cacheprovider",
                "--processor-python",
                version,
            )
            code = environments.run(sys.executable, "-m", "pytest", *options, *ignored, *_TESTS)
            results[version] = "FAILED" if code else "passed"
    print()
    for version, result in results.items():
        print(f"processors on Python {version}: {result}")
    return int(any(result.startswith("FAILED") for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
