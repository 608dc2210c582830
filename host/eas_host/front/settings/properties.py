"""
Properties: EAS's name for settings that may change while a service runs (docs/eas-compatibility.md, section 3.5).

Programs put them through allspark, an operator through `/api/builtin/prop`. Those that the host knows are read as
strictly as its flags, and applied at once by what was registered with `on`; all others are kept for the programs. Each
change is sent to the workers.

The newest value wins, with one exception. While a program loads it repeats what its author wrote down, once for every
worker and again for each that is replaced. So until its worker is ready it cannot change what was settled elsewhere: by
an option given to eas-host, by an operator, or by a program that runs already.
"""

from __future__ import annotations

import contextlib
import enum
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, NamedTuple

from eas_host import log
from eas_host.config import HostConfig
from eas_host.config import option_types as readers
from eas_host.front.settings.default_headers import read_headers
from eas_runtime.messages import Message, PropertyPut

TOKEN: Final = "rpc.token"  # noqa: S105  the name of one
HIDDEN: Final = "****"

MAX_NAME: Final = 256
MAX_VALUE: Final = 64 * 1024
MAX_PROPERTIES: Final = 1000

_WHOLE_FLOAT: Final = re.compile(r"\s*(\d+)\.0*\s*")
_TRUE: Final = frozenset({"1", "true", "yes"})
_FALSE: Final = frozenset({"0", "false", "no"})


class _Known(NamedTuple):
    """
    A property that the host acts on: the *option* that gives its first value, how to *read* it, and whether what is
    read is a value of that option.
    """

    option: str | None
    read: Callable[[str], Any]
    is_option: bool = False


class Source(enum.Enum):
    """
    Who puts a property: a program before its worker is ready, one that runs, or an operator.
    """

    LOADING = "loading"
    RUNNING = "running"
    OPERATOR = "operator"


class Properties:
    """
    The properties of one host, with the values of *config* at first. *send* passes a message to the workers.
    """

    def __init__(self, config: HostConfig, send: Callable[[Message], None]) -> None:
        self._send = send
        self._values = _initial(config)
        self._settled = _explicit(config)
        self._operators: set[str] = set()  # what an operator has put
        self._reported: set[tuple[str, str]] = set()  # what had no effect; logged once, not once for each worker
        self._appliers: dict[str, Callable[[Any], None]] = {}
        self._effective: dict[str, Callable[[], object]] = {}
        self._locked: dict[str, str] = {}

    def on(self, name: str, apply: Callable[[Any], None], effective: Callable[[], object] | None = None) -> None:
        """
        Have *apply* called with each new value of *name*, as read. It must accept every value that can be read; if it
        may apply another one, *effective* returns that.
        """
        self._appliers[name] = apply
        if effective is not None:
            self._effective[name] = effective

    def lock(self, name: str, reason: str) -> None:
        """
        Refuse other values of *name* from now on, for *reason*.
        """
        self._locked[name] = reason

    def is_settled(self, name: str) -> bool:
        """
        Tell whether *name* has a value that a program cannot change while it loads.
        """
        return name in self._settled

    def get(self, name: str) -> str | None:
        """
        The value of *name*, if it has one.
        """
        return self._values.get(name)

    def shown(self) -> dict[str, str]:
        """
        Return all names and the effective values, for clients to see: without the token.
        """
        values = self._values | {name: str(value()) for name, value in self._effective.items()}
        return {name: HIDDEN if name == TOKEN else value for name, value in sorted(values.items())}

    def put(self, name: str, value: str, source: Source, origin: tuple[int, int] | None = None) -> None:
        """
        Give *name* the *value* that a program puts. A wrong value changes nothing and is logged. *origin* is sent to
        the workers with the value: by it the program recognises its own change.
        """
        if source is Source.LOADING and name in self._settled:
            self._report_no_effect(name, value)
            return
        try:
            self.put_all({name: value}, source, origin)
        except ValueError as error:
            log.warning("property %s", error)

    def reset(self, config: HostConfig) -> None:
        """
        Begin again, since another version serves, with the options *config*: forget what the programs of the old one
        put, keep what an operator put, and apply all values.
        """
        before = self._values
        self._values = _initial(config) | {name: before[name] for name in self._operators}
        self._settled = _explicit(config) | self._operators
        self._reported.clear()
        self._locked.clear()
        for name, apply in self._appliers.items():
            value = self._values.get(name)
            apply(None if value is None else read(name, value))

    def put_all(self, values: Mapping[str, str], source: Source, origin: tuple[int, int] | None = None) -> None:
        """
        Give several names their *values*: all of them, or none.

        Raises:
            ValueError: one of them is wrong; the text names it and what is expected.
        """
        parsed = {name: read(name, value) for name, value in values.items()}
        for name in values.keys() & self._locked.keys():
            if parsed[name] != read(name, self._values[name]):
                raise ValueError(f"{name}: {self._locked[name]}")
        if len(self._values.keys() | values.keys()) > MAX_PROPERTIES:
            raise ValueError(f"there are {MAX_PROPERTIES} properties already, the most that are kept")
        for name, value in values.items():
            if source is not Source.LOADING:
                self._settled.add(name)
            if source is Source.OPERATOR:
                self._operators.add(name)
            if self._values.get(name) != value or (source is Source.OPERATOR and self._is_overruled(name, value)):
                self._values[name] = value
                if name in self._appliers:
                    self._appliers[name](parsed[name])
                self._send_to_workers(name, origin)

    def rebroadcast(self) -> None:
        """
        Tell the workers again what was settled: one of them has loaded just now and cannot know.
        """
        for name in sorted(self._settled & self._values.keys()):
            self._send_to_workers(name)

    def _is_overruled(self, name: str, value: str) -> bool:
        """
        Tell whether another value than *value*, which *name* has, is effective.
        """
        return name in self._effective and str(self._effective[name]()) != value

    def _send_to_workers(self, name: str, origin: tuple[int, int] | None = None) -> None:
        self._send(PropertyPut(name, self._values[name], origin))

    def _report_no_effect(self, name: str, value: str) -> None:
        current = self._values.get(name, "")
        if value.strip() == current or (name, value) in self._reported:
            return
        self._reported.add((name, value))
        put, kept = (HIDDEN, HIDDEN) if name == TOKEN else (value[:100], current[:100])
        log.info("property %s: %r, which the program puts while it loads, has no effect: %r was given", name, put, kept)


def _initial(config: HostConfig) -> dict[str, str]:
    values = {
        name: str(getattr(config, known.option))
        for name, known in _KNOWN.items()
        if known.option is not None and getattr(config, known.option) is not None
    }
    return values | {"rpc.http.default_headers": f"Content-Type: {config.content_type}", "model.ready": "1"}


def _explicit(config: HostConfig) -> set[str]:
    """
    Return the properties whose options were given explicitly.
    """
    return {name for name, known in _KNOWN.items() if known.option in config.explicit}


def read(name: str, value: str) -> Any:  # noqa: ANN401  each property has a type of its own
    """
    Read the *value* of *name*.

    Raises:
        ValueError: it is wrong.
    """
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise ValueError(
            f"{name[:MAX_NAME]!r} cannot be a property's name: expected 1 to {MAX_NAME} printable characters"
        )
    known = _KNOWN.get(name)
    try:
        if len(value) > MAX_VALUE:
            raise ValueError(f"expected {MAX_VALUE} characters at most")
        return value if known is None else known.read(value)
    except ValueError as error:
        raise ValueError(_wrong(name, value, error)) from error


def _wrong(name: str, value: str, error: ValueError) -> str:
    return f"{name}: {HIDDEN if name == TOKEN else repr(value[:100])} is wrong: {error}"


def options_of(values: Mapping[str, str]) -> dict[str, Any]:
    """
    Return the options that the properties *values* stand for, by their fields' names. Wrong values are left out: they
    are reported when they are put.
    """
    options = {}
    for name, value in values.items():
        known = _KNOWN.get(name)
        if known is None or not known.is_option:
            continue
        with contextlib.suppress(ValueError):
            options[str(known.option)] = read(name, value)
    return options


def _as_option(name: str) -> _Known:
    """
    Make a property that is read as the option *name*, but also from the text of a float: users write `5 * 1e3`.
    """
    option = next(field for field in fields(HostConfig) if field.name == name).metadata["option"]

    def read_option(text: str) -> Any:  # noqa: ANN401  as the option's own
        whole = _WHOLE_FLOAT.fullmatch(text)
        return option.read(whole[1] if whole else text)

    return _Known(name, read_option, is_option=True)


def _flag(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("expected 1 or 0")
    return word in _TRUE


_KNOWN: Final = {
    "rpc.keepalive": _as_option("keepalive"),
    "rpc.max_queue_size": _as_option("max_queue_size"),
    "rpc.worker_threads": _as_option("worker_threads"),
    "rpc.rate_limit": _as_option("rate_limit"),
    "rpc.decompressor": _as_option("decompressor"),
    "rpc.http.default_headers": _Known("content_type", read_headers),
    TOKEN: _Known("token", readers.token, is_option=True),
    "model.ready": _Known(None, _flag),
}
