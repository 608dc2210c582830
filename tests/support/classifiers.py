"""
The image classification example in each language, as services that a test starts.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from support.build import need, run
from support.digits import EXAMPLE, MODEL
from support.host import Host, Value

LANGUAGES = ("cpp", "java", "python")
COMPILERS = {"cpp": "g++", "java": "mvn"}

# What a Java processor throws is an error in the log, whatever it means; the others return their 400.
REFUSALS = r"process threw com\.example\.BadImage: "


def described(language: str, folder: Path) -> Path:
    """
    The example's service.json in *language*, ready to be served.

    The one in Python is a copy in *folder* without its requirements.txt: it takes what is installed for the tests.
    """
    if language != "python":
        need(COMPILERS[language])
        run(need("make"), "-s", "-C", EXAMPLE / language)
        return EXAMPLE / language / "service.json"
    if not (folder / "python").exists():
        leave_out = shutil.ignore_patterns("requirements.txt", "__pycache__")
        shutil.copytree(EXAMPLE / "python", folder / "python", ignore=leave_out)
        (folder / "model").mkdir()
        shutil.copy(MODEL, folder / "model")
    return folder / "python" / "service.json"


def variables(folder: Path) -> Mapping[str, str]:
    """The variables that give the host a cache of the test's own."""
    return {"EAS_HOST_CACHE": str(folder / "cache")}


def start(language: str, folder: Path, *words: str, **options: Value) -> Host:
    """A host that serves it, with further *words* of the command line."""
    description = described(language, folder)
    host = Host(folder / "host", variables(folder), ("serve", description, *words), **options)
    host.allow_log(REFUSALS)
    return host
