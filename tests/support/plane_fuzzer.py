"""
Sends streams of bytes to a host whose native data plane is built with sanitizers, and to one with uvloop's sockets,
where httptools alone judges. Both must answer the same.

A stream that makes the plane's code take new steps is kept, and changed again. `make fuzz` runs this program, with the
folder of the host's packages, one for what is found, the seconds to run, and the seed.
"""

from __future__ import annotations

import mmap
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from support import seeded_rng
from support.build import ProcessorBuilder
from support.host import Host, HostEnded
from support.streams import Stream, changed, random_stream

STEPS = 1 << 16  # bytes of the file in which steps are noted (native/fuzz/coverage.cc)
FRESH = 0.2  # of the streams are not made from those that were kept
TRIES = 3  # a difference counts if it is there each time: a deadline may come between
SHOWN = 200  # bytes of the answers that are printed where they differ


class Fuzzer:
    """Compares the answers of *fuzzed*, which notes its steps in the file *steps*, with those of *judge*."""

    def __init__(self, rng: random.Random, fuzzed: Host, judge: Host, steps: mmap.mmap) -> None:
        self._rng = rng
        self._fuzzed = fuzzed
        self._judge = judge
        self._steps = steps
        self._seen = 0  # the same file as a number: the bytes of all steps so far are 1
        self._kept = [random_stream(rng)]
        self._streams = self._compared = 0

    @property
    def summary(self) -> str:
        """How far it has come."""
        steps = self._seen.bit_count()
        return f"{self._streams} streams, {self._compared} compared, {len(self._kept)} kept, {steps} steps seen"

    def run(self, seconds: float) -> Stream | None:
        """Sends streams for so many *seconds*, and returns the first that is answered differently."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            stream = self._next()
            if all(self._differs(stream) for _ in range(TRIES)):
                return stream
        return None

    def _next(self) -> Stream:
        if self._rng.random() < FRESH:
            return random_stream(self._rng)
        return changed(self._rng, self._rng.choice(self._kept), self._rng.choice(self._kept))

    def _differs(self, stream: Stream) -> bool:
        self._steps[:] = bytes(STEPS)
        answer = stream.answers(self._fuzzed)
        steps = int.from_bytes(self._steps[:], "little")
        if steps & ~self._seen:
            self._seen |= steps
            self._kept.append(stream)
        expected = stream.answers(self._judge)
        self._streams += 1
        if answer is None or expected is None:
            return False
        self._compared += 1
        return answer != expected


def start_hosts(stack: ExitStack, package: Path, steps: Path) -> tuple[Host, Host]:
    """The host that is fuzzed, with the packages in *package*, and the one that it is compared with."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    (folder / "processors").mkdir()
    entry = ProcessorBuilder(folder / "processors").cpp("contract")
    runtime = subprocess.run(["g++", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    variables = {
        "PYTHONPATH": str(package),
        "LD_PRELOAD": runtime.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",  # Python leaves some at its end
        "EAS_FUZZ_COVERAGE": str(steps),
    }
    fuzzed, judge = (
        Host(folder / plane, values, entry=entry, processor_type="cpp", isolation="none", data_plane=plane)
        for plane, values in (("native", variables), ("uvloop", {}))
    )
    return stack.enter_context(fuzzed), stack.enter_context(judge)


def describe(stream: Stream, fuzzed: Host, judge: Host) -> str:
    """Where the answers to *stream* begin to differ."""
    answers = [stream.answers(host) or b"" for host in (fuzzed, judge)]
    same = next((at for at, (one, other) in enumerate(zip(*answers, strict=False)) if one != other), 0)
    shown = (
        f"{name}: ...{answer[max(0, same - SHOWN) : same + SHOWN]!r}"
        for name, answer in zip(("plane", "uvloop"), answers, strict=True)
    )
    return "\n".join((f"answered differently, after {same} bytes that are the same", *shown))


def main() -> int:
    """Returns 1 if the hosts have answered differently, or one has ended."""
    package, folder = map(Path, sys.argv[1:3])
    seconds, seed = sys.argv[3:]
    noted = folder / "steps"
    noted.write_bytes(bytes(STEPS))
    print(f"fuzz: {seconds} s, seed {seed}", flush=True)
    with ExitStack() as stack, noted.open("r+b") as file:
        fuzzed, judge = start_hosts(stack, package, noted)
        fuzzer = Fuzzer(seeded_rng(seed), fuzzed, judge, mmap.mmap(file.fileno(), STEPS))
        try:
            found = fuzzer.run(float(seconds))
        except (OSError, AssertionError, HostEnded) as error:
            print(f"a host has ended, or answers nothing: {error}\n{fuzzed.log.text()}\n{judge.log.text()}")
            return 1
        print(f"fuzz: {fuzzer.summary}")
        if found is not None:
            path = folder / "found.txt"
            path.write_text(f"{found}\n", encoding="utf-8")
            print(f"{path}: {describe(found, fuzzed, judge)}")
    return int(found is not None)


if __name__ == "__main__":
    sys.exit(main())
