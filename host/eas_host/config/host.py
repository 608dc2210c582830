"""
The host's options, each spelled once.

A field of `HostConfig` is an option. Its metadata says which group of `--help` lists it, what `--help` prints, and how
its value is read from text. The field's name gives the flag (`--max-body`) and the variable (`EAS_HOST_MAX_BODY`).
Where EAS has the same setting, the default is EAS's (docs/eas-compatibility.md, section 7.3).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, NamedTuple

from eas_host.config import option_types
from eas_host.config.declaration import FILES, LOGGING, MODEL, PROCESSOR, SERVING, WORKERS, Option, option
from eas_host.config.option_types import Address
from eas_host.config.token_file import TokenFile, token_or_file

MAX_THREADS: Final = 4095
"""The numbers of threads and of workers have 12 bits each in the ring's state word."""

MAX_BATCH: Final = 1024
"""Requests in a batch: each thread may hold so many, and the ring has a slot for each."""

MAX_IN_FLIGHT: Final = 16_384
"""Requests that a worker may have under way: the ring has a slot for each, and 65,536 in all."""


@dataclass(frozen=True)
class HostConfig:
    """
    All settings of a host.

    Attributes:
        token_file: the file that the token is from, if it is from one.
        arguments: the arguments of a Python program, for its `sys.argv`.
        explicit: the names of the options that the user set. What a program asks for does not change them.
    """

    processor_type: str | None = option(
        None,
        PROCESSOR,
        "TYPE",
        "cpp, java or python; default: told by the ending of the entry's name",
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
        (), PROCESSOR, '"..."', "java: options for the JVM, such as -Xmx2g", read=option_types.shell_words
    )
    name: str | None = option(
        None,
        PROCESSOR,
        "NAME",
        "the service's name; default: the entry's file name without its ending, in C++ also without lib",
    )
    model_entry: str | None = option(None, MODEL, "PATH", "the model's file or folder, given to initialize")
    model_config: str = option("", MODEL, "TEXT|@FILE", "any text, given to initialize", read=option_types.text_or_file)
    warm_up: str | None = option(
        None,
        MODEL,
        "FILE",
        "requests to answer before the service is up: a .txt has one on each line, any other file is one request",
    )
    listen: Address = option(
        Address("127.0.0.1", 8080),
        SERVING,
        "HOST:PORT",
        "where to listen; port 0 takes a free one",
        read=option_types.address,
    )
    max_queue_size: int = option(
        64,
        SERVING,
        "N",
        "requests that may wait for a worker; one more answers 450",
        read=option_types.int_range(1, 100_000),
    )
    keepalive: int = option(
        5000,
        SERVING,
        "MS",
        "milliseconds for one request from its first byte, queue included; one that takes longer answers 408",
        read=option_types.int_range(1, 86_400_000),
    )
    max_body: int = option(
        64 * 2**20, SERVING, "SIZE", "largest request body; a larger one answers 413", read=option_types.size
    )
    max_output: int = option(
        256 * 2**20,
        SERVING,
        "SIZE",
        "largest output of the processor; a larger one answers 500",
        read=option_types.size,
    )
    memory_budget: int | None = option(
        None,
        SERVING,
        "SIZE",
        "memory for bodies and unread answers of all clients; default: a third of what the host may use, 4GiB at most",
        read=option_types.memory,
    )
    content_type: str = option(
        "application/octet-stream",
        SERVING,
        "TYPE",
        "the Content-Type of the processor's answers",
        read=option_types.header_value,
    )
    token: str | None = option(
        None,
        SERVING,
        "TOKEN|@FILE",
        "the token that clients must send in the header Authorization; without one, everybody is served",
        read=token_or_file,
        secret=True,
    )
    generate_token: bool = option(False, SERVING, "", "generate a token and print it", read=option_types.boolean)
    allow_host: tuple[str, ...] = option(
        (),
        SERVING,
        "NAME",
        "a further name that the builtin handlers answer to without a token, or * for any; may be repeated",
        read=option_types.host_name,
        repeated=True,
        separator=",",
    )
    cors: tuple[str, ...] = option(
        (),
        SERVING,
        "ORIGIN",
        "an origin whose web pages may call the service, such as http://localhost:3000, or * for any; may be repeated",
        read=option_types.origin,
        repeated=True,
        separator=",",
    )
    rate_limit: int = option(
        0,
        SERVING,
        "N",
        "requests a second, 0 for any number; one more answers 429",
        read=option_types.int_range(0, 1_000_000),
    )
    decompressor: str | None = option(
        None,
        SERVING,
        "NAME",
        "how bodies without a Content-Encoding are compressed: gzip, zlib, snappy, lz4, zstd or none; default: none",
        read=option_types.content_encoding,
    )
    data_plane: str = option(
        "native",
        SERVING,
        "KIND",
        "what answers requests like the last one of their connection: native code, or python; uvloop: and its sockets",
        choices=("native", "python", "uvloop"),
    )
    verbose_errors: bool = option(
        False,
        SERVING,
        "",
        "answers to crashes and exceptions have the processor's frames for all clients, not only on this machine",
        read=option_types.boolean,
    )
    static: str | None = option(
        None,
        SERVING,
        "DIR",
        "a folder with pages for a browser, served at /api/builtin/static/",
        read=option_types.folder,
    )
    worker_threads: int = option(
        5, WORKERS, "N", "requests that run at once in one worker process", read=option_types.int_range(1, MAX_THREADS)
    )
    batching: str = option(
        "off",
        WORKERS,
        "HOW",
        "give several requests to batch_process: adaptive, those that wait, and more only where waiting pays; fixed, a"
        " full batch, or what --max-batch-timeout brings; off",
        choices=("off", "adaptive", "fixed"),
    )
    max_batch_size: int = option(16, WORKERS, "N", "requests in one batch", read=option_types.int_range(1, MAX_BATCH))
    max_batch_timeout: int = option(
        50,
        WORKERS,
        "MS",
        "milliseconds that the oldest request of a batch waits for others at most",
        read=option_types.int_range(0, 60_000),
    )
    max_batch_bytes: int = option(
        64 * 2**20,
        WORKERS,
        "SIZE",
        "size of all bodies of a batch; a larger one goes alone",
        read=option_types.size,
    )
    max_in_flight: int = option(
        64,
        WORKERS,
        "N",
        "requests that one worker process may have under way, where its processor answers later than its call returns",
        read=option_types.int_range(1, MAX_IN_FLIGHT),
    )
    worker_processes: int = option(
        1,
        WORKERS,
        "N",
        "worker processes, each of which loads the processor",
        read=option_types.int_range(1, MAX_THREADS),
    )
    worker: str = option(
        "auto",
        WORKERS,
        "KIND",
        "cpp: the kind of worker process: python, native, or auto (native only if the processor starts a Python)",
        choices=("auto", "python", "native"),
    )
    python: str | None = option(
        None,
        WORKERS,
        "VERSION|PATH",
        "python: the Python that runs the processor; default: that of the ENV beside it, else the host's own",
    )
    java_home: str | None = option(
        None,
        WORKERS,
        "DIR",
        "java: the home of the Java, 11 or later, that runs the processor; default: JAVA_HOME, else /usr/bin/java's",
        read=option_types.java_home,
    )
    isolation: str = option(
        "process",
        WORKERS,
        "HOW",
        "process: in worker processes; none: in the host's own process, for a debugger",
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
        read=option_types.boolean,
    )
    no_retry: bool = option(
        False,
        WORKERS,
        "",
        "requests that were running when their worker crashed answer 500 instead of running again",
        read=option_types.boolean,
    )
    crash_block: bool = option(False, WORKERS, "", "do not replace a worker that crashed", read=option_types.boolean)
    busy_poll: int = option(
        50,
        WORKERS,
        "US",
        "microseconds that idle threads look for work before they sleep, while that is quicker; 0: sleep at once",
        read=option_types.int_range(0, 1000),
    )
    hang_timeout: float = option(
        60.0,
        WORKERS,
        "S",
        "seconds that a call may run on once nobody waits for it; then its worker is replaced; 0: for ever",
        read=option_types.seconds,
    )
    check_memory: bool = option(
        False,
        WORKERS,
        "",
        "cpp: keep a record of each block of memory, so that any wrong output pointer is explained, and does no harm",
        read=option_types.boolean,
    )
    leaks: bool = option(
        False,
        WORKERS,
        "",
        "cpp, built with -fsanitize=address: at the end of its worker the log says which memory was never freed",
        read=option_types.boolean,
    )
    reload: bool = option(
        False,
        WORKERS,
        "",
        "load a new version when the processor, model or description changes",
        read=option_types.boolean,
    )
    reload_dir: tuple[str, ...] = option(
        (),
        WORKERS,
        "DIR",
        "with --reload: a further folder in which a change leads to a new version; may be repeated",
        read=option_types.folder,
        repeated=True,
    )
    grace_period: float = option(
        30.0, WORKERS, "S", "seconds that running requests get when the host stops", read=option_types.seconds
    )
    cache: str | None = option(
        None,
        FILES,
        "DIR",
        "where downloads are kept and packages unpacked; default: ~/.cache/eas-host, with --user /var/cache/eas-host",
        read=option_types.path,
    )
    workspace: str | None = option(
        None,
        FILES,
        "DIR",
        "a folder that shows the service's model/, predictor/ and config/ at a fixed path, such as EAS's own",
        read=option_types.path,
    )
    log_level: str = option(
        "info", LOGGING, "LEVEL", "debug, info, warning or error", choices=("debug", "info", "warning", "error")
    )
    log_format: str = option("text", LOGGING, "FORMAT", "text, or json: one object a line", choices=("text", "json"))
    crash_dir: str | None = option(
        None,
        LOGGING,
        "DIR",
        "a folder for reports of crashes, each with the body of the request; the newest 20 are kept",
        read=option_types.path,
    )
    access_log: bool = option(False, LOGGING, "", "log one line for each request", read=option_types.boolean)
    explain: bool = option(
        False,
        LOGGING,
        "",
        "answers have headers that say what the processor returned, which worker it was, and where the time went",
        read=option_types.boolean,
    )
    token_file: TokenFile | None = None
    arguments: tuple[str, ...] = ()
    explicit: frozenset[str] = frozenset()


OPTIONS: Final[dict[str, Option]] = {
    field.name: field.metadata["option"] for field in fields(HostConfig) if "option" in field.metadata
}
"""All options, by the names of their fields."""


def flag(name: str) -> str:
    """
    The flag of the option *name*.
    """
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """
    The environment variable of the option *name*.
    """
    return f"EAS_HOST_{name.upper()}"


class ResolvedConfig(NamedTuple):
    """
    The options after resolution, and where their values come from.

    Attributes:
        config: the values.
        sources: the flag or the variable that set an option, by the option's name. A value that comes from a service
            description, or is a default, has no entry.
    """

    config: HostConfig
    sources: dict[str, str]
