"""
The image classification example in its three languages, side by side: one model, one rule, one answer.

The scores must be the same wherever the pixels are. For a PNG they always are. A JPEG leaves its decoder some freedom,
but the three decoders here (OpenCV's and Pillow's libjpeg-turbo and the JDK's libjpeg) use the same arithmetic, so that
the same is demanded of JPEGs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.classifiers import LANGUAGES, start
from support.digits import IMAGES, Reader, grey, label, prepared
from support.host import Host
from support.pictures import photographs, refused, sevens

CLOSE = 1e-3  # between scores: the engines add in another order
MAY_BE_WRONG = 2  # of the drawn images

FILES: Mapping[str, bytes] = {
    **{path.name: path.read_bytes() for path in IMAGES},
    **{f"{name}.png": image for name, image in sevens().items()},
    **{f"{name}.jpg": image for name, image in photographs().items()},
}
REFUSED = refused()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Host]]:
    with ExitStack() as running:
        yield {
            language: running.enter_context(start(language, tmp_path_factory.mktemp(language)))
            for language in LANGUAGES
        }


@pytest.mark.parametrize("name", FILES)
def test_three_languages_give_the_same_class_and_scores(hosts: Mapping[str, Host], name: str) -> None:
    """The scores differ by the engines' rounding at most."""
    answers = {language: host.call(FILES[name]) for language, host in hosts.items()}
    assert {answer.status for answer in answers.values()} == {200}, {key: str(value) for key, value in answers.items()}
    read = {language: json.loads(answer.body) for language, answer in answers.items()}
    assert len({answer["class"] for answer in read.values()}) == 1, read
    for answer in read.values():
        assert answer["scores"] == pytest.approx(read["python"]["scores"], abs=CLOSE)


@pytest.mark.parametrize("name", REFUSED)
def test_three_languages_refuse_with_the_same_words(hosts: Mapping[str, Host], name: str) -> None:
    """But for those of the decoders themselves."""
    answers = {host.call(REFUSED[name][0]).text for host in hosts.values()}
    assert len({text.partition("broken: ")[0] for text in answers}) == 1, answers


def test_drawn_images_are_read_as_by_the_reference(hosts: Mapping[str, Host]) -> None:
    """Two images at most are read wrong."""
    reader = Reader()
    answers = {path: json.loads(hosts["cpp"].call(path.read_bytes()).body) for path in IMAGES}
    assert len(answers) >= 30
    wrong = [path.name for path, answer in answers.items() if answer["class"] != label(path)]
    assert len(wrong) <= MAY_BE_WRONG, wrong
    for path, answer in answers.items():
        assert answer["scores"] == pytest.approx(reader.scores(prepared(grey(path))), abs=CLOSE), path.name


def test_three_languages_treat_invert_alike(tmp_path: Path) -> None:
    white, black = sevens()["white on black"], sevens()["grey"]
    for number, value in enumerate(("true", "false")):
        scores = []
        for language in LANGUAGES:
            folder = tmp_path / f"{language}-{number}"
            folder.mkdir()
            with start(language, folder, "-D", f'model_config={{"invert": {value}}}') as host:
                scores.append([json.loads(host.call(image).body)["scores"] for image in (white, black)])
        for one in scores:
            assert one[0] == pytest.approx(scores[0][0], abs=CLOSE)
            assert one[1] == pytest.approx(scores[0][1], abs=CLOSE)
