"""
The processors that are measured, built when one of them is first wanted.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from servers.tools import BENCH, BUILD, ROOT, run, tool

SOURCES: Final = BENCH / "processors"


def library(source: str) -> Path:
    """
    Return where the C++ processor *source* is, once it is built.
    """
    return BUILD / f"lib{source}.so"


def jar(source: str) -> Path:
    """
    Return where the Java processor *source* is, once it is built.
    """
    return BUILD / f"{source.lower()}.jar"


@cache
def build_library(source: str) -> None:
    """
    Build the C++ processor *source*.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    flags = ["-std=c++17", "-O2", "-g", "-fPIC", "-shared", f"-I{ROOT / 'native' / 'include'}"]
    run(tool("g++"), *flags, SOURCES / f"{source}.cc", "-o", library(source))


@cache
def build_jar(source: str) -> None:
    """
    Build the Java processor *source*.
    """
    classes = BUILD / f"{source.lower()}-classes"
    run(tool("javac"), "-nowarn", "-d", classes, SOURCES / f"{source}.java")
    run(tool("jar"), "--create", "--file", jar(source), "-C", classes, ".")
