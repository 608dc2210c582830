"""
Names of images: what registries and tools take, and nothing else.
"""

from __future__ import annotations

import pytest

from eas_host.image.reference import is_name, is_reference


@pytest.mark.parametrize(
    "name",
    [
        "scorer",
        "scorer:1",
        "team/scorer:v1.2_rc-3",
        "localhost/scorer",
        "localhost:5000/scorer:1",
        "registry.example.com/team/scorer__x",
        "REGISTRY.example.com:443/a/b/c",
        "a--b.c_d",
    ],
)
def test_name_is_taken(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Scorer",
        "My/scorer",
        "scorer:",
        "scorer:-1",
        f"scorer:{'1' * 129}",
        "scorer 1",
        "a//b",
        "/a",
        "a/",
        "a___b",
        "a@sha256:00",
        "-f",
        "scorer:1\n",
        "模型",
    ],
)
def test_other_text_is_no_name(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize("text", ["team/scorer:1", f"scorer@sha256:{'0' * 64}", f"sha256:{'0' * 64}", "0123456789ab"])
def test_image_that_there_is_may_be_named_by_its_digest_too(text: str) -> None:
    assert is_reference(text)


@pytest.mark.parametrize("text", ["", "-x", "--help", "scorer@sha256:00", "scorer\nRUN id", f"@sha256:{'0' * 64}"])
def test_other_text_stands_for_no_image(text: str) -> None:
    assert not is_reference(text)
