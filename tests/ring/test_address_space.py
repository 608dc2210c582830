"""
Under `ulimit -v` the ring may get too few addresses for the largest bodies and outputs.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eas_host.config import HostConfig
from eas_host.dispatch.limits import EARLY_SLOTS, MAX_STREAMS
from eas_host.service.service_version import ring_size
from support.build import ProcessorBuilder
from support.host import Host, StartHost
from support.ulimit import set_for_hosts

GIB_IN_KIB = 1 << 20


@pytest.mark.parametrize("language", ["cpp", "python"])
def test_too_little_address_space_exits_with_2_and_names_the_option(
    builder: ProcessorBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """One line says how much is wanted, how much there may be, and which option to lower."""
    set_for_hosts(monkeypatch, f"-v {8 * GIB_IN_KIB}")
    host = Host(tmp_path / "host", entry=builder.contract(language), processor_type=language)
    host.ends_with(2)
    (line,) = host.log.text().splitlines()
    found = re.search(r"needs ([\d.]+) GiB.*101 slots.*may have 8\.0 GiB \(ulimit -v\); lower --max-output \(256", line)
    assert found, line
    assert float(found[1]) == pytest.approx(101 * 320 / 1024, abs=0.1)


@pytest.mark.parametrize("language", ["cpp", "python"])
def test_smaller_maximum_output_fits_the_address_space(
    start: StartHost, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """For python, as for C++, the ring asks for no slots that it may never use."""
    set_for_hosts(monkeypatch, f"-v {12 * GIB_IN_KIB}")
    host = start(language, max_output="16MiB")
    assert host.call(b"served").body == b"served"


def test_number_of_slots_follows_queue_and_threads() -> None:
    """A python service has room to ask for more."""
    few = ring_size(HostConfig(max_queue_size=4, worker_threads=1), python=True)
    many = ring_size(HostConfig(max_queue_size=2000, worker_threads=10, worker_processes=4), python=True)
    beside = EARLY_SLOTS + MAX_STREAMS  # those of uploads and of answers in parts
    assert 5 < few.slots - beside < 100
    assert many.slots - beside > 2040
    assert ring_size(HostConfig(), python=False).slots == 64 + 64 + beside
    assert ring_size(HostConfig(max_in_flight=1), python=False).slots == 69 + beside
    assert ring_size(HostConfig(max_body=2**31 - 1, max_output=2**40), python=False).slots < 69 + EARLY_SLOTS + 20
