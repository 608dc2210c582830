"""
Another Python than the host's, as far as this machine has one.
"""

from __future__ import annotations

import sys

import pytest

from eas_host.deploy.python import installed
from eas_host.deploy.python.interpreter import InterpreterFacts
from eas_host.errors import ConfigError


def another_python() -> tuple[str, InterpreterFacts]:
    """
    The path of the oldest Python that is here, apart from the host's, and what it reports about itself.
    """
    for release in installed.releases():
        if release != sys.version_info[:2]:
            try:
                return installed.find(".".join(map(str, release)))
            except ConfigError:  # a file of a version manager, for a Python that is not installed
                continue
    pytest.skip("there is no other Python than the host's; install one, such as 3.8")


def text_of(facts: InterpreterFacts) -> str:
    """
    The first two numbers of its version, such as 3.6.
    """
    return ".".join(map(str, facts.release))
