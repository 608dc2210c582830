"""
What the tests stand on: a real host, a client that sends exact bytes, gates that hold requests, processors
built on the spot.

Three rules hold everywhere here. Nothing is mocked: the host is the real program and its processors are real
files. Nothing sleeps: a test waits for a line, a byte or the end of a process. Nothing is timed: the only
clocks are the generous limits that turn a hang into a failure.

In the order in which to read them:

- host, wire, log, proc: a host, a client of it, what it writes, what the system says of its processes
- host_forks, host_server: hosts that need no imports
- columns, gate, scripted, contract, echo, build: in which columns a test runs, with which processors, held where
- kinds, pipe, parts: the columns of batches, of answers that come later and of answers in parts; who makes a part
  when; how a client reads them
- ways, shapes, compression, signing: requests in many forms
- command, stop: commands that end by themselves; the stop of a host
- service, description_reader, fileserver, tars, env, wheel: services from descriptions, and what these name
- app, program, whereabouts, tries, python, libraries: programs of users, and what processors bring along
- answering: a server in the test's own loop, for clients of ours
- load_client, load_run, under_load, soak, never_reads, cgroup, ulimit: load, disturbances, and shortages
- planes, streams, plane_fuzzer: the data planes of the front, and what clients send them
- browser: a browser, for tests of pages
- users, network, meanwhile: the machine and who else is on it
- documents: the shell blocks of documents
- nginx, podman: what the how-tos of docs/deploy are about
- classifiers, digits, pictures: the image classification example
- framework_tests, frameworks: the option `--frameworks`, and the packages that `make test-frameworks` makes
- vendor: the vendor's own client
- quick: the option `--quick`
"""

from __future__ import annotations

import random

# How long anything may take before it counts as hung. Generous: a busy CI machine starts a JVM in ten
# seconds.
TIMEOUT = 90.0

LONG = 120_000  # milliseconds; as --keepalive and the like, a deadline that plays no part in a test


def seeded_rng(seed: object) -> random.Random:
    """A source of random numbers that gives the same ones in each run."""
    return random.Random(str(seed))  # noqa: S311 - no secret depends on it
