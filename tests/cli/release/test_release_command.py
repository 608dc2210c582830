"""
What `eas-host release` refuses before it asks a cluster, and where else a new version cannot be made.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from eas_host.cli.release.command import run
from eas_host.errors import ConfigError
from support.manifests import PLAIN, print_manifest

MISTAKES: dict[str, tuple[str, str]] = {
    "nothing": ("", "nothing is to change; name it with --weight W"),
    "weight-is-no-number": ("--weight x", "--weight: 'x'"),
    "weight-is-too-high": ("--weight 101", "--weight: '101'"),
    "several-weights": ("--weight 1,2", "use --steps 1,2 --watch"),
    "one-of-the-steps": ("--steps 10,,100 --watch", "--steps: ''"),
    "steps-that-nobody-watches": ("--steps 10,100", "--steps: needs --watch"),
    "steps-and-weight": ("--steps 10 --weight 5 --watch", "leave those out"),
    "no-step": ("--watch", "--watch: watches a step"),
    "standalone-is-watched": ("--weight 1 --traffic standalone --watch", "leave --traffic out"),
    "no-time": ("--weight 1 --watch 0", "--watch: 0"),
    "time-is-no-number": ("--weight 1 --watch soon", "--watch: 'soon'"),
    "traffic": ("--traffic group", "did you mean grouping"),
    "timeout": ("--weight 1 --watch --timeout x", "--timeout: 'x'"),
}


@pytest.mark.parametrize(("words", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_is_told_before_a_cluster_is_asked(words: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        run(["scorer_green", *words.split()])
    assert message in str(raised.value)


def test_manifest_of_a_new_version_is_refused(tmp_path: Path) -> None:
    """Applied, it would replace the old version."""
    ended = print_manifest(tmp_path, PLAIN | {"metadata": {"release": True}})
    ended.fails_in_one_line(2, "metadata.release", "eas-host create")
    assert print_manifest(tmp_path, PLAIN | {"metadata": {"release": False}}).code == 0
