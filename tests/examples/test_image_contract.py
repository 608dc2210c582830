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
def test_each_kind_of_png_gives_the_references_scores(host: Host, reader: Reader, tmp_path: Path, kind: str) -> None:
    """The same pixels are read."""
    path = tmp_path / "image.png"
    path.write_bytes(SEVENS[kind])
    expected = reader.scores(prepared(grey(path)))
    answer = answer_of(host, SEVENS[kind])
    assert answer["scores"] == pytest.approx(expected, abs=CLOSE)


@pytest.mark.parametrize("kind", PHOTOGRAPHS)
def test_each_kind_of_jpeg_is_read(host: Host, kind: str) -> None:
    """EXIF's turn of the image is ignored."""
    assert answer_of(host, PHOTOGRAPHS[kind])["class"] == 7


def test_cmyk_jpeg_gives_the_references_scores(host: Host, reader: Reader, tmp_path: Path) -> None:
    """The image shows what it shows on paper; how the product of two inks is rounded is each decoder's own."""
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
def test_invalid_image_answers_400_with_the_contracts_words(host: Host, name: str) -> None:
    """The next request works."""
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


def test_image_bomb_is_refused_without_decoding_it(host: Host) -> None:
    """The header is enough to refuse it: decoding it would take 400 MB."""
    host.call(SEVENS["grey"])
    worker = host.workers()[0]
    before = proc.peak_memory(worker)
    assert host.call(bomb()).status == 400
    assert host.workers() == [worker]
    assert proc.peak_memory(worker) - before < 50 * MIB


def test_image_of_25_million_pixels_is_read(host: Host) -> None:
    """Only its decoding takes time and memory."""
    assert answer_of(host, png(seven(5000, 5000)))["class"] == 7


def test_damaged_image_answers_200_or_400(host: Host) -> None:
    for sound in (SEVENS["RGB"], PHOTOGRAPHS["progressive"]):
        with host.connect() as client:
            for image in damaged(sound, 60):
                assert client.call(image, host.path).status in (200, 400)


def test_concurrent_requests_get_the_same_answers_as_sequential_ones(host: Host) -> None:
    """Eight at once."""
    images = [path.read_bytes() for path in IMAGES[::4]][:8]
    alone = [host.call(image).body for image in images]
    assert len(set(alone)) > 1
    for _ in range(5):
        clients = [host.ask(image) for image in images]
        assert [client.read().body for client in clients] == alone
        for client in clients:
            client.close()


def test_blank_image_is_answered(host: Host) -> None:
    """A shade of 15 is nothing."""
    empty = answer_of(host, png(seven(paper=100, ink=100)))
    assert answer_of(host, png(seven(paper=100, ink=85)))["scores"] == empty["scores"]


# What it is given at the start.


def fails_to_load(ended: Ended, *words: str) -> None:
    """
    It ends with exit code 3, and one line has all *words*. C++ has no way to give the host a reason, but prints it.
    """
    ended.fails_with(3)
    assert any(all(word in line for word in words) for line in ended.stderr.splitlines()), ended.stderr


def test_model_config_sets_invert_and_top_k(language: str, folder: Path) -> None:
    """invert false takes black on white for what it is, and top_k says how many classes are listed."""
    with start(language, folder, "-D", 'model_config={"invert": false, "top_k": 10}') as host:
        assert len(json.loads(host.call(SEVENS["white on black"]).body)["top_k"]) == 10
        assert json.loads(host.call(SEVENS["white on black"]).body)["class"] == 7
        assert json.loads(host.call(SEVENS["grey"]).body)["scores"] != answer_of(host, SEVENS["white on black"])


@pytest.mark.parametrize("name", CONFIGS)
def test_wrong_model_config_keeps_the_service_from_starting(language: str, folder: Path, name: str) -> None:
    """The message names the key, what was found and what is expected."""
    config, words = CONFIGS[name]
    ended = run("serve", described(language, folder), "-D", f"model_config={config}", variables=variables(folder))
    fails_to_load(ended, "model_config", *words)


def test_missing_model_file_is_named_at_start(language: str, folder: Path) -> None:
    (folder / "empty").mkdir()
    description = described(language, folder)
    ended = run("serve", description, "-D", f"model_path={folder / 'empty'}", variables=variables(folder))
    fails_to_load(ended, "model/mnist.onnx")


def test_file_that_is_not_a_model_is_named_at_start(language: str, folder: Path) -> None:
    broken = folder / "broken.onnx"
    broken.write_bytes(MODEL.read_bytes()[:1000])
    ended = run("serve", described(language, folder), "-D", f"model_path={broken}", variables=variables(folder))
    fails_to_load(ended, "broken.onnx")


def test_model_entry_may_be_a_folder_with_mnist_onnx(language: str, folder: Path) -> None:
    (folder / "models").mkdir()
    shutil.copy(MODEL, folder / "models")
    with start(language, folder, "-D", f"model_path={folder / 'models'}") as host:
        assert answer_of(host, SEVENS["grey"])["class"] == 7
