"""
The image classification example, in each language: what it answers, what it refuses, and with which words.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from support import proc
from support.classifiers import LANGUAGES, described, start, variables
from support.command import Ended, run
from support.digits import IMAGES, MODEL, Reader, grey, prepared
from support.host import Host
from support.pictures import bomb, damaged, jpeg, photographs, png, refused, seven, sevens

SEVENS = sevens()
PHOTOGRAPHS = photographs()
REFUSED = refused()
MIB = 1 << 20
CLOSE = 1e-3  # between scores: the engines add in another order

CONFIGS = {
    "no JSON": ("{top_k: 3}", ["JSON"]),
    "no object": ("[3]", ["object", "top_k"]),
    "another key": ('{"topk": 3}', ["topk", "top_k or invert"]),
    "top_k too large": ('{"top_k": 11}', ["top_k", "11", "a whole number from 1 to 10"]),
    "top_k as text": ('{"top_k": "3"}', ["top_k", '"3"', "a whole number from 1 to 10"]),
    "invert as a number": ('{"invert": 1}', ["invert", "1", '"auto", true or false']),
}


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(language: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp(language)


@pytest.fixture(scope="module")
def host(language: str, folder: Path) -> Iterator[Host]:
    with start(language, folder) as running:
        yield running


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def answer_of(host: Host, image: bytes) -> dict[str, object]:
    """The answer to a sound image, whose form must be right to the byte."""
    response = host.call(image)
    assert response.status == 200, str(response)
    answer: dict[str, object] = json.loads(response.body)
    scores, best = answer["scores"], answer["top_k"]
    assert isinstance(scores, list)
    assert isinstance(best, list)
    listed = ", ".join(f"{score:.6f}" for score in scores)
    ordered = ", ".join(f'{{"class": {one["class"]}, "score": {one["score"]:.6f}}}' for one in best)
    assert response.text == f'{{"class": {best[0]["class"]}, "scores": [{listed}], "top_k": [{ordered}]}}'
    assert sum(scores) == pytest.approx(1, abs=1e-5)
    assert [one["score"] for one in best] == sorted(scores, reverse=True)[: len(best)]
    return answer


@pytest.mark.parametrize("kind", SEVENS)
def test_kinds_of_png(host: Host, reader: Reader, tmp_path: Path, kind: str) -> None:
    """Of each kind the same pixels are read as by the reference, and make the same scores."""
    path = tmp_path / "image.png"
    path.write_bytes(SEVENS[kind])
    expected = reader.scores(prepared(grey(path)))
    answer = answer_of(host, SEVENS[kind])
    assert answer["scores"] == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize("kind", PHOTOGRAPHS)
def test_kinds_of_jpeg(host: Host, kind: str) -> None:
    """Each kind is read; EXIF's turn of the image is ignored."""
    assert answer_of(host, PHOTOGRAPHS[kind])["class"] == 7


def test_cmyk(host: Host, reader: Reader, tmp_path: Path) -> None:
    """A JPEG for print shows what it shows on paper; how the product of two inks is rounded is each decoder's own."""
    ink = ImageOps.invert(seven().convert("L"))
    photo = jpeg(
        Image.merge("CMYK", [ink.point([share * amount // 4 for amount in range(256)]) for share in (1, 3, 2, 2)])
    )
    path = tmp_path / "image.jpg"
    path.write_bytes(photo)
    expected = reader.scores(prepared(grey(path)))
    answer = answer_of(host, photo)
    assert answer["class"] == 7
    assert answer["scores"] == pytest.approx(expected, abs=10 * CLOSE)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(host: Host, name: str) -> None:
    """It answers 400 with the contract's words, and the next request works."""
    image, words = REFUSED[name]
    response = host.call(image)
    assert response.status == 400
    if words.endswith("..."):
        assert response.text.startswith(words[:-3])
        assert len(response.text) > len(words)
        assert "0x" not in response.text, "an address says nothing to a client"
    else:
        assert response.text == words
    assert answer_of(host, SEVENS["grey"])["class"] == 7


def test_bomb_takes_no_memory(host: Host) -> None:
    """A bomb is refused by its header: decoding it would take 400 MB."""
    host.call(SEVENS["grey"])
    worker = host.workers()[0]
    before = proc.peak_memory(worker)
    assert host.call(bomb()).status == 400
    assert host.workers() == [worker]
    assert proc.peak_memory(worker) - before < 50 * MIB


def test_the_largest_image(host: Host) -> None:
    """25 million pixels are not too many, and take the time and memory of their decoding only."""
    assert answer_of(host, png(seven(5000, 5000)))["class"] == 7


def test_damaged(host: Host) -> None:
    """A damaged image is answered with 200 or 400, and never with more."""
    for sound in (SEVENS["RGB"], PHOTOGRAPHS["progressive"]):
        with host.connect() as client:
            for image in damaged(sound, 60):
                assert client.call(image, host.path).status in (200, 400)


def test_at_once(host: Host) -> None:
    """Eight requests at once get the answers that they get one after the other."""
    images = [path.read_bytes() for path in IMAGES[::4]][:8]
    alone = [host.call(image).body for image in images]
    assert len(set(alone)) > 1
    for _ in range(5):
        clients = [host.ask(image) for image in images]
        assert [client.read().body for client in clients] == alone
        for client in clients:
            client.close()


def test_blank(host: Host) -> None:
    """An image without anything on it is answered all the same; a shade of 15 is nothing."""
    empty = answer_of(host, png(seven(paper=100, ink=100)))
    assert answer_of(host, png(seven(paper=100, ink=85)))["scores"] == empty["scores"]


# What it is given at the start.


def fails_to_load(ended: Ended, *words: str) -> None:
    """
    It ends with exit code 3, and one line has all *words*. C++ has no way to give the host a reason, but prints it.
    """
    ended.fails_with(3)
    assert any(all(word in line for word in words) for line in ended.stderr.splitlines()), ended.stderr


def test_config(language: str, folder: Path) -> None:
    """invert false takes black on white for what it is, and top_k says how many classes are listed."""
    with start(language, folder, "-D", 'model_config={"invert": false, "top_k": 10}') as host:
        assert len(json.loads(host.call(SEVENS["white on black"]).body)["top_k"]) == 10
        assert json.loads(host.call(SEVENS["white on black"]).body)["class"] == 7
        assert json.loads(host.call(SEVENS["grey"]).body)["scores"] != answer_of(host, SEVENS["white on black"])


@pytest.mark.parametrize("name", CONFIGS)
def test_wrong_config(language: str, folder: Path, name: str) -> None:
    """It keeps the service from starting; the message names the key, what was found and what is expected."""
    config, words = CONFIGS[name]
    ended = run("serve", described(language, folder), "-D", f"model_config={config}", variables=variables(folder))
    fails_to_load(ended, "model_config", *words)


def test_missing_model(language: str, folder: Path) -> None:
    """The message names the file that is not in the folder."""
    (folder / "empty").mkdir()
    description = described(language, folder)
    ended = run("serve", description, "-D", f"model_path={folder / 'empty'}", variables=variables(folder))
    fails_to_load(ended, "model/mnist.onnx")


def test_broken_model(language: str, folder: Path) -> None:
    """The message names the file that is no model."""
    broken = folder / "broken.onnx"
    broken.write_bytes(MODEL.read_bytes()[:1000])
    ended = run("serve", described(language, folder), "-D", f"model_path={broken}", variables=variables(folder))
    fails_to_load(ended, "broken.onnx")


def test_model_in_a_folder(language: str, folder: Path) -> None:
    """Where the entry is a folder, mnist.onnx in it is the model."""
    (folder / "models").mkdir()
    shutil.copy(MODEL, folder / "models")
    with start(language, folder, "-D", f"model_path={folder / 'models'}") as host:
        assert answer_of(host, SEVENS["grey"])["class"] == 7
