"""
Frames in the records of a worker's log.
"""

from __future__ import annotations

import asyncio

from eas_host.symbols.locator import Locator
from eas_host.symbols.log_record import LocatedRecords
from support.build import ProcessorBuilder


def test_records_keep_their_order_while_frames_are_located(builder: ProcessorBuilder) -> None:
    """Those that follow one with frames wait for it, and the end of the worker waits for all."""
    library = builder.cpp("no_process")
    passed: list[str] = []

    async def main() -> None:
        locator = Locator()
        records = LocatedRecords(locator, lambda level, text: passed.append(level + text))
        finished = asyncio.Event()
        records.receive("I", "first")
        records.receive("E", f"process threw int: 1\n  at initialize ({library}+0x1100)")
        records.receive("I", "third")
        records.finish(finished.set)
        assert passed == ["Ifirst"]
        await finished.wait()
        records.receive("E", f"process threw int: 1\n  at initialize ({library}+0x1100)")
        locator.symbolizer.close()
        await locator.symbolizer.wait_closed()

    asyncio.run(main())
    first, second, third, again = passed
    assert (first, third) == ("Ifirst", "Ithird")
    assert second.startswith("Eprocess threw int: 1\n  at ")
    assert again == second


def test_text_without_frames_stays_as_it_is() -> None:
    passed: list[str] = []
    records = LocatedRecords(Locator(), lambda _, text: passed.append(text))
    texts = ["", "a +0x12 b", "  at java.lang.Object (Object.java:1)", "  at f (x.so+0x12) and more"]
    for text in texts:
        records.receive("E", text)
    assert passed == texts
