"""
The same as twin.cc, for a program: `twin.py APP CLASS MODEL INPUT THREADS`; its configuration is where it
looks for it.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

from allspark import opening


class Nobody:
    """
    A service that serves nobody: the processor is only constructed.
    """

    queue = None


def cpu_us() -> float:
    """
    The CPU time of this process so far.
    """
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return 1e6 * (usage.ru_utime + usage.ru_stime)


def main() -> None:
    """
    Load, and run for each line of standard input, for as many seconds as it says.
    """
    app, name, model, path, threads = sys.argv[1:]
    os.environ["EAS_HOST_MODEL_ENTRY"] = model
    sys.path.insert(0, str(Path(app).parent))
    opening.service_factory = lambda _: Nobody()  # type: ignore[assignment,return-value]  # all that a constructor needs
    processor = getattr(importlib.import_module(Path(app).stem), name)()
    processor.initialize()
    data = Path(path).read_bytes()
    for line in sys.stdin:
        print(json.dumps(measured(processor, data, int(threads), float(line))), flush=True)


def measured(processor: Any, data: bytes, threads: int, seconds: float) -> dict[str, float]:  # noqa: ANN401  a user's class
    """
    Call *processor* from so many *threads* for so many *seconds*.
    """
    calls = [0] * threads
    before, begin = cpu_us(), time.monotonic()

    def work(number: int) -> None:
        while time.monotonic() - begin < seconds:
            if processor.process(data)[1] != 200:  # noqa: PLR2004  success
                os._exit(1)
            calls[number] += 1

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"calls": sum(calls), "seconds": time.monotonic() - begin, "cpu_us": cpu_us() - before}


if __name__ == "__main__":
    main()
