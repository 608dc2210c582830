"""
The image classifier in C++: what only this one has; see test_image_contract.py for what all three have in common.

Its libraries, of which there are many, its threads, of which there must be none, and its log, which stays empty
whatever is sent.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import proc
from support.build import INCLUDE, need
from support.classifiers import start as start_example
from support.classifiers import variables
from support.command import run
from support.digits import EXAMPLE, IMAGES, label
from support.host import Host, StartHost
from support.pictures import GREY, chunk, jpeg, png, raw_png, seven
from support.tars import names
from support.wire import request

FOLDER = EXAMPLE / "cpp"
LIBRARY = FOLDER / "build" / "libimage_classification.so"
THREADS = 8
FUZZ_SECONDS = 15


def make(*words: str | Path, cwd: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    return subprocess.run([need("make"), *words], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module", autouse=True)
def _packages() -> None:
    """Without OpenCV there is nothing to test; make says what is missing."""
    need("g++")
    done = make("-s", "build/packages")
    if done.returncode != 0:
        pytest.skip(done.stderr.splitlines()[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cpp")


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[Host]:
    with start_example("cpp", folder, worker_threads=THREADS) as running:
        running.wait_for_log("Service start successfully")  # the last line that comes by itself
        yield running


def profiled() -> bytes:
    """The 7 with a colour profile that libpng complains about, as many an editor leaves it."""
    profile = b"sRGB\0\0" + zlib.compress(bytes(200))
    return raw_png(100, 120, 8, GREY, b"".join(rows(seven().tobytes(), 100)), chunk(b"iCCP", profile))


def rows(pixels: bytes, width: int) -> Iterator[bytes]:
    for at in range(0, len(pixels), width):
        yield b"\0" + pixels[at : at + width]


def padded() -> bytes:
    """The 7 with bytes too many before its end, which libjpeg complains about; cameras write such files."""
    photo = jpeg(seven())
    return photo[:-2] + bytes(20) + photo[-2:]


def of_12_bits() -> bytes:
    """A JPEG that says it has 12 bits a sample."""
    photo = bytearray(jpeg(seven()))
    photo[photo.index(b"\xff\xc0") + 4] = 12
    return bytes(photo)


@pytest.mark.parametrize("image", [profiled(), padded()], ids=["PNG", "JPEG"])
def test_files_that_decoders_complain_about_are_read_without_a_log_line(host: Host, image: bytes) -> None:
    """Whoever sends such files does not fill the log."""
    answer = host.call(image)
    assert answer.body.startswith(b'{"class": 7, '), answer
    assert host.new_log() == ""


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (raw_png(50, 50, 8, GREY, bytes(51 * 20)), "Not enough image data"),
        (raw_png(50, 50, 7, GREY, bytes(51 * 50)), "Invalid IHDR data"),
        (of_12_bits(), "Unsupported JPEG data precision 12"),
    ],
    ids=["PNG with half its rows", "PNG of 7 bits", "JPEG of 12 bits"],
)
def test_broken_image_is_explained_to_the_client_and_not_in_the_log(host: Host, image: bytes, words: str) -> None:
    """The words are those of libpng or libjpeg."""
    answer = host.call(image)
    assert (answer.status, answer.text) == (400, f"the image is broken: {words}")
    assert host.new_log() == ""


def test_end_marker_inside_a_comment_does_not_end_the_image(host: Host) -> None:
    """FF D9 within a comment behind the scan: what OpenCV makes of a cut scan depends on what was in memory."""
    photo = jpeg(seven(200, 200))
    cut = photo[: (photo.index(b"\xff\xda") + len(photo)) // 2]
    answer = host.call(cut + b"\xff\xfe\0\x04\xff\xd9")
    assert (answer.status, answer.text) == (400, "the image is truncated")


def test_concurrent_calls_get_the_same_answers_as_sequential_ones(host: Host) -> None:
    """As many calls run at once as there are threads, on a network each."""
    images = [path.read_bytes() for path in IMAGES[: 3 * THREADS]]
    alone = [host.call(image).body for image in images]
    assert len(set(alone)) > THREADS
    clients = [host.connect() for _ in range(THREADS)]
    for _ in range(5):
        for first in range(0, len(images), THREADS):
            some = slice(first, first + THREADS)
            for client, image in zip(clients, images[some], strict=True):
                client.send(request("POST", host.path, image))
            assert [client.read().body for client in clients] == alone[some]
    for client in clients:
        client.close()


def test_processor_starts_no_threads(host: Host, start: StartHost) -> None:
    """A worker has as many as one with a processor that starts none."""
    host.call(png(seven()))
    plain = start(worker_threads=THREADS)
    plain.call(b"hello")
    counts = [proc.holdings(one.workers()[0]).threads for one in (host, plain)]
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("model_config", '{"top_k": 11}', "model_config: top_k is 11; expected a whole number from 1 to 10"),
        ("model_config", '{"topk": 3}', 'model_config: there is no key "topk"; expected top_k or invert'),
        ("model_path", FOLDER / "src", r"cannot load the model \S+/mnist\.onnx: No such file or directory"),
        ("model_path", FOLDER / "Makefile", r"cannot load the model \S+/Makefile: .*"),
    ],
    ids=["wrong value", "wrong key", "no model", "no ONNX"],
)
def test_failed_start_logs_one_line_with_its_reason(folder: Path, field: str, value: str | Path, reason: str) -> None:
    """The line is the processor's own, before the host's line about its state."""
    ended = run("serve", FOLDER / "service.json", "-D", f"{field}={value}", variables=variables(folder))
    ended.fails_with(3, "libimage_classification.so", "state 400")
    assert re.search(rf"^{reason}$", ended.stderr, re.MULTILINE), ended.stderr


def test_packed_example_runs_with_the_opencv_in_its_archive(folder: Path, tmp_path: Path) -> None:
    """`eas-host pack` takes OpenCV along."""
    archive = tmp_path / "digits.tar.gz"
    ended = run("pack", LIBRARY, "-o", archive)
    assert (ended.code, ended.stderr) == (0, "")
    packed = names(archive)
    for part in ("core", "imgproc", "imgcodecs", "dnn"):
        assert any(re.fullmatch(rf"libopencv_{part}\.so\.\S+", name) for name in packed)

    with start_example("cpp", folder, "-D", f"processor_path={archive}") as host:
        image = IMAGES[0]
        assert host.call(image.read_bytes()).body.startswith(b'{"class": %d, ' % label(image))
        used = {path for path in proc.mapped_files(host.workers()[0]) if "/libopencv_" in path}
        assert used
        assert all(path.startswith(str(folder / "cache")) for path in used), used


def test_make_names_the_packages_to_install_without_opencv(tmp_path: Path) -> None:
    """The message is one line."""
    for part in ("Makefile", "src"):
        (shutil.copytree if part == "src" else shutil.copy)(FOLDER / part, tmp_path / part)
    done = make("-s", f"EAS_INCLUDE={INCLUDE}", f"OPENCV_INCLUDE={tmp_path}", cwd=tmp_path)
    assert done.returncode != 0
    assert done.stderr.splitlines()[0].startswith("please install: libopencv-dnn-dev libopencv-imgcodecs-dev ")


def test_fuzzed_images_answer_200_or_400_without_sanitizer_reports() -> None:
    """
    Thousands of images that nobody would send are answered with 200 or 400, and no sanitizer has anything to say.

    The flags of that build make every warning an error, too.
    """
    done = make("-s", "-j2", "fuzz", f"FUZZ_SECONDS={FUZZ_SECONDS}")
    assert done.returncode == 0, done.stdout + done.stderr
    end = re.search(r"^fuzz: end: (\d+) images, (\d+) of them answered", done.stdout, re.MULTILINE)
    assert end, done.stdout
    assert int(end[1]) > int(end[2]) > len(IMAGES)
