"""
Fuzzes the native data plane: `make fuzz FUZZ_SECONDS=600`, and FUZZ_SEED for what an earlier run has sent.

Makes a copy of the host's packages in build/fuzz, whose native module is built with the address and undefined
sanitizers and notes the steps that it takes; then runs tests/support/plane_fuzzer.py with it.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Final

import environments

FOLDER: Final = environments.ROOT / "build" / "fuzz"
MODULE: Final = environments.ROOT / "build" / "native" / "fuzz" / "module.so"


def make_package() -> Path:
    """Returns the folder with the packages."""
    generated = FOLDER / "module.cc"
    FOLDER.mkdir(parents=True, exist_ok=True)
    environments.run_checked(sys.executable, "native/build_native.py", generated)
    options = (f"MODULE_SOURCE={generated}", f"MODULE_FLAGS=-I{sysconfig.get_path('include')}", "FLAVOR=fuzz")
    environments.run_checked("make", f"--jobs={os.cpu_count()}", "-C", "native", "module", *options)
    package = FOLDER / "host"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(environments.ROOT / "host", package, ignore=shutil.ignore_patterns("__pycache__", "_native*.so"))
    shutil.copy2(MODULE, package / "eas_host" / f"_native{sysconfig.get_config_var('EXT_SUFFIX')}")
    return package


def main() -> int:
    """Returns the fuzzer's exit code: 1 if it has found something."""
    seconds, *seed = sys.argv[1:]
    seed = seed or [str(random.SystemRandom().randrange(1 << 32))]
    fuzzer = (sys.executable, "-m", "support.plane_fuzzer")
    variables = {"PYTHONPATH": str(environments.ROOT / "tests")}
    return environments.run(*fuzzer, make_package(), FOLDER, seconds, *seed, variables=variables)


if __name__ == "__main__":
    sys.exit(main())
