"""
The host's options, each spelled once.

A field of `HostConfig` is an option: its metadata says which group of `--help` it belongs to, what to print there, and
how to read it from text. The flag (`--max-body`) and the variable (`EAS_HOST_MAX_BODY`) follow from the field's name.
Defaults that EAS knows too are EAS's (docs/eas-compatibility.md, section 7.3).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from eas_host.config import values
from eas_host.config.values import Address

PROCESSOR: Final = "processor"
MODEL: Final = "model"
SERVING: Final = "serving"
WORKERS: Final = "workers"
FILES: Final = "files"
LOGGING: Final = "logging"

MAX_THREADS: Final = 4095
"""A thread's number, and a worker's, have 12 bits in the ring's state word."""


class Option(NamedTuple):
    """
    How a field is given on the command line: *read* turns its text into the value. A *secret* one is never shown.
    *separator* stands between the values of a *repeated* one in its variable, and a comma in its flag, too.
    """

    group: str
    metavar: str
    help: str
    read: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()
    repeated: bool = False
    separator: str = os.pathsep
    secret: bool = False


def option(default: Any, group: str, metavar: str, help_: str, **more: Any) -> Any:  # noqa: ANN401  as `field` itself
    """
    Declare one option: a dataclass field with its *default* and an `Option` built from the rest.
    """
    declared = Option(group, metavar, help_, **more)
    return field(default=default, repr=not declared.secret, metadata={"option": declared})


@dataclass(frozen=True)
class HostConfig:
    """
    Everything that decides how a host runs.

    Attributes:
        arguments: words for a Python program, which it finds in `sys.argv`.
        given: the names of those options that were given explicitly; what a program asks for does not change them.
    """

    processor_type: str | None = option(
        None,
        PROCESSOR,
        "TYPE",
        "cpp, java or python; may be left out where the entry's ending tells",
        choices=("cpp", "java", "python"),
    )
    entry: str | None = option(
        None, PROCESSOR, "FILE", "the processor: a .so, a .jar, a .war or a folder of jars, a .py or .py:Class"
    )
    mainclass: str | None = option(
        None, PROCESSOR, "NAME", "java: the processor's class; default: the one public class that fits"
    )
    classpath: tuple[str, ...] = option(
        (), PROCESSOR, "PATH", "java: a further jar or folder of jars or classes; may be repeated", repeated=True
    )
    jvm_options: tuple[str, ...] = option(
        (), PROCESSOR, '"..."', "java: options for the JVM, such as -Xmx2g", read=values.words
    )
    name: str | None = option(None, PROCESSOR, "NAME", "the service's name; default: the entry's stem without lib")
    model_entry: str | None = option(None, MODEL, "PATH", "the model's file or folder, given to initialize")
    model_config: str = option("", MODEL, "TEXT|@FILE", "any text, given to initialize", read=values.text_or_file)
    warm_up: str | None = option(
        None, MODEL, "FILE", "requests to answer before the service is up: .txt, one a line; any other file is one"
    )
    listen: Address = option(
        Address("127.0.0.1", 8080),
        SERVING,
        "HOST:PORT",
        "where to listen; port 0 takes a free one",
        read=values.address,
    )
    max_queue_size: int = option(
        64, SERVING, "N", "requests that may wait for a worker; one more answers 450", read=values.whole(1, 100_000)
    )
    keepalive: int = option(
        5000,
        SERVING,
        "MS",
        "time for one request from its first byte, queue included; over it answers 408",
        read=values.whole(1, 86_400_000),
    )
    max_body: int = option(
        64 * 2**20, SERVING, "SIZE", "largest request body; a larger one answers 413", read=values.size
    )
    max_output: int = option(
        256 * 2**20, SERVING, "SIZE", "largest output of the processor; a larger one answers 500", read=values.size
    )
    memory_budget: int | None = option(
        None,
        SERVING,
        "SIZE",
        "memory for bodies and unread answers of all clients; default: a third of what there is, 4GiB at most",
        read=values.memory,
    )
    content_type: str = option(
        "application/octet-stream",
        SERVING,
        "TYPE",
        "the Content-Type of the processor's answers",
        read=values.header_value,
    )
    token: str | None = option(
        None,
        SERVING,
        "TOKEN|@FILE",
        "what clients must show in Authorization; without one everybody is served",
        read=values.token_or_file,
        secret=True,
    )
    generate_token: bool = option(False, SERVING, "", "make up a token and print it", read=values.boolean)
    allow_host: tuple[str, ...] = option(
        (),
        SERVING,
        "NAME",
        "a further name that the builtin handlers answer to without a token, or * for any; may be repeated",
        read=values.host_name,
        repeated=True,
        separator=",",
    )
    cors: tuple[str, ...] = option(
        (),
        SERVING,
        "ORIGIN",
        "an origin whose pages may call, such as http://localhost:3000, or * for any; may be repeated",
        read=values.origin,
        repeated=True,
        separator=",",
    )
    rate_limit: int = option(
        0,
        SERVING,
        "N",
        "requests a second, 0 for any number; one more answers 429",
        read=values.whole(0, 1_000_000),
    )
    decompressor: str | None = option(
        None,
        SERVING,
        "NAME",
        "how bodies without a Content-Encoding are packed: gzip, zlib, snappy, lz4 or zstd; default: they are not",
        read=values.coding,
    )
    static: str | None = option(
        None,
        SERVING,
        "DIR",
        "a folder with pages for a browser, served at /api/builtin/static/",
        read=values.folder,
    )
    worker_threads: int = option(
        5, WORKERS, "N", "requests that run at once in one worker process", read=values.whole(1, MAX_THREADS)
    )
    worker_processes: int = option(1, WORKERS, "N", "worker processes", read=values.whole(1, MAX_THREADS))
    worker: str = option(
        "auto",
        WORKERS,
        "KIND",
        "cpp: kind of worker process: python, native, or auto, native only if the processor starts a Python itself",
        choices=("auto", "python", "native"),
    )
    isolation: str = option(
        "process",
        WORKERS,
        "HOW",
        "process, or none: in the host's own process, for gdb, pdb and jdb",
        choices=("process", "none"),
    )
    user: str | None = option(
        None,
        WORKERS,
        "NAME[:GROUP]",
        "for root: run workers as this user, who must be able to read the processor; numbers are accepted, too",
    )
    sandbox: bool = option(
        False,
        WORKERS,
        "",
        "show workers nothing but the system, the package, the model and a /tmp of their own; no network",
        read=values.boolean,
    )
    no_retry: bool = option(
        False, WORKERS, "", "requests that ran beside a crash answer 500 instead of running again", read=values.boolean
    )
    crash_block: bool = option(
        False, WORKERS, "", "keep a worker that crashed down, do not replace it", read=values.boolean
    )
    reload: bool = option(
        False, WORKERS, "", "load a new version when the processor, model or description changes", read=values.boolean
    )
    grace_period: float = option(
        30.0, WORKERS, "S", "time that running requests get when the host stops", read=values.seconds
    )
    cache: str | None = option(
        None,
        FILES,
        "DIR",
        "where downloads are kept and packages unpacked; default: ~/.cache/eas-host, with --user /var/cache/eas-host",
        read=values.path,
    )
    workspace: str | None = option(
        None,
        FILES,
        "DIR",
        "a fixed place to see the service's model/, predictor/ and config/ at, such as EAS's own",
        read=values.path,
    )
    log_level: str = option(
        "info", LOGGING, "LEVEL", "debug, info, warning or error", choices=("debug", "info", "warning", "error")
    )
    log_format: str = option("text", LOGGING, "FORMAT", "text, or json: one object a line", choices=("text", "json"))
    access_log: bool = option(False, LOGGING, "", "one line for each request", read=values.boolean)
    arguments: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()


class Reading(NamedTuple):
    """
    Options that are settled.

    Attributes:
        config: their values.
        sources: what gave each, by the option's name: its flag, or its variable. Those of a description and the
            defaults have none.
    """

    config: HostConfig
    sources: dict[str, str]
