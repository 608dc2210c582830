"""
Runs processors with the frameworks that people use, on the Pythons that these need:
`make test-frameworks FRAMEWORKS="tensorflow pytorch"`.

Each framework gets a folder in build/frameworks: a package with an ENV, made as a user makes it, by `eas-host pysdk
init` and pip, and the model beside it. A folder is kept, and made again when what it is made of has changed. A
framework whose Python is not here is named, and does not count as tested.

CI does not run this: pip downloads some 200 MB for it, and 2.9 GB more for PyTorch.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

import environments

from eas_host.deploy.python import installed

FOLDER: Final = environments.ROOT / "build" / "frameworks"
SOURCES: Final = environments.ROOT / "tests" / "processors" / "frameworks"
MODEL: Final = environments.ROOT / "examples" / "image_classification" / "model" / "mnist.onnx"


class Framework(NamedTuple):
    """
    Attributes:
        python: the version that it runs on.
        packages: what pip installs.
        is_usual: whether it is tested unless others are asked for.
    """

    python: str
    packages: tuple[str, ...]
    is_usual: bool = True


FRAMEWORKS: Final = {
    # The last TensorFlow 1 that was widely deployed. The two bounds are what it was made for, as it does not say
    # itself; onnx reads the weights.
    "tensorflow": Framework("3.6", ("tensorflow==1.14.0", "protobuf<3.20", "numpy<1.20", "onnx==1.8.1")),
    "scikit-learn": Framework("3.6", ("scikit-learn==0.24.2",)),
    "onnxruntime": Framework("3.13", ("onnxruntime", "numpy")),
    "pytorch": Framework("3.12", ("torch", "numpy", "onnx"), is_usual=False),  # 2.9 GB, all but 0.5 of it for GPUs
}


def recipe(name: str) -> str:
    """What the folder of the framework *name* is made of."""
    maker = SOURCES / name / "make_model.py"
    return json.dumps([FRAMEWORKS[name], maker.read_text(encoding="utf-8") if maker.exists() else ""])


def make(name: str) -> None:
    """Brings the folder of the framework *name* up to date."""
    framework, folder = FRAMEWORKS[name], FOLDER / name
    package, model, stamp = folder / "digits", folder / "model", folder / "made"
    host, python = Path(sys.executable).with_name("eas-host"), package / "ENV" / "bin" / "python"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != recipe(name):
        shutil.rmtree(folder, ignore_errors=True)
        model.mkdir(parents=True)
        began = time.monotonic()
        environments.run_checked(host, "pysdk", "init", "--python", framework.python, package)
        environments.run_checked(
            python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *framework.packages
        )
        print(f"{name}: ENV was made in {time.monotonic() - began:.0f} s", flush=True)
        maker = SOURCES / name / "make_model.py"
        if maker.exists():
            environments.run_checked(python, "-W", "ignore", maker, MODEL, model)
        else:
            shutil.copy(MODEL, model)
        stamp.write_text(recipe(name), encoding="utf-8")
    environments.run_checked(host, "pysdk", "init", "--link", package)  # the host may have moved
    for file in ("app.py", "app.json"):
        shutil.copy(SOURCES / name / file, package)


def main() -> int:
    """Returns the exit code: 1 if a test fails, or nothing was tested."""
    names = sys.argv[1:] or [name for name, framework in FRAMEWORKS.items() if framework.is_usual]
    if strange := [name for name in names if name not in FRAMEWORKS]:
        print(f"no such framework: {' '.join(strange)}; there are {' '.join(FRAMEWORKS)}", file=sys.stderr)
        return 2
    here = {".".join(map(str, release)) for release in installed.releases()}
    ready = [name for name in names if FRAMEWORKS[name].python in here]
    for name in ready:
        make(name)
    options = ("-rP", "-p", "no:cacheprovider", "--frameworks", ",".join(ready))
    failed = ready and environments.run(sys.executable, "-m", "pytest", *options, "tests/frameworks")
    for name in names:
        python = FRAMEWORKS[name].python
        result = "tested" if name in ready else f"not tested: Python {python} is not installed"
        print(f"{name} on Python {python}: {result}")
    return int(bool(failed) or not ready)


if __name__ == "__main__":
    sys.exit(main())
