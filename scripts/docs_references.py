"""
The references of the documentation, as Markdown: made from the definitions that the host itself uses, so that they
cannot fall behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final

from eas_host.answers import ANSWERS, AnswerKind
from eas_host.config import HostConfig
from eas_host.config.host import OPTIONS, flag, variable
from eas_host.description import schema
from eas_host.description.keys.declaration import CLOUD_ONLY, Definition
from eas_host.description.keys.definitions import ServiceDefinition
from eas_host.description.keys.key_index import index_keys
from eas_host.front.observe.metric_definitions import METRICS
from eas_host.reply import HTTP_STATUS, QUEUE_FULL

_OPTION_HEAD: Final = ("| flag | variable | default | |", "|---|---|---|---|")
_METRICS: Final = """\
# Metrics

What `/api/builtin/metrics` shows, in Prometheus' text format.
Programs add [metrics of their own](../wire.md#builtin-handlers), gauges whose names do not begin with `eas_host`.
What the figures tell: [wake-ups](../operating.md#wake-ups-in-the-metrics), \
[the data plane](../operating.md#the-data-plane), [causes of deaths](../operating.md#deaths-in-the-metrics), \
[growth](../operating.md#growth).
A counter begins at 0 when the host starts, and goes on where workers or versions of the service change.

| name | type, unit | meaning, labels |
|---|---|---|
"""
_STATUSES: Final = """\
# Statuses

Every HTTP status that a client can see: those with which the host itself answers, and \
[those of the processor](#what-a-processor-returns).

- The body of an answer of the host is one line of text (`text/plain`) that says what happened.
  Builtin handlers answer with what they are for, mostly JSON.
- After a crash and an exception, [clients on the same machine](../operating.md#what-is-said-of-a-crash) find below \
that line where the processor was.
- All answers have `Date` and `X-Content-Type-Options: nosniff`; with `--cors` also the lines that \
let a page read them.
- Where the connection is closed, the answer has `Connection: close`.
"""
_RETURNED: Final = """
## What a processor returns

| the processor | the client gets |
|---|---|
| returns 0 | 200, with its output as the body |
| returns {registered} | that status, with its output as the body; 204 and 304 have none |
| returns any other number, negative ones included | {other}, with its output as the body; the log names the number |
| raises or throws an exception | [400](#400-bad-request), with its message |
| crashes, or ends its process | [500](#500-internal-server-error) |
| returns an output that is none or too large | [500](#500-internal-server-error) |
| does not return within `--keepalive` | [408](#408-request-timeout) |

`Content-Type` is the one of `--content-type`, or of the property `rpc.http.default_headers`.
With `--explain` each answer says [what the processor returned](../operating.md#where-an-answer-comes-from).
A processor that is debugged answers 503 once its debugger has ended.
"""
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus} | {
    QUEUE_FULL: "Queue Full",
    499: "Client Closed Request",
}


def write_metrics() -> str:
    """
    The reference of metrics.
    """
    rows = []
    for metric in METRICS:
        names = "<br>".join(f"`{name}`" for name in metric.series)
        meanings = "<br>".join([metric.text, *(f"`{name}`: {meaning}" for name, meaning in metric.labels)])
        rows.append(_row(names, f"{metric.kind}, {metric.unit}", meanings))
    return _METRICS + "\n".join(rows) + "\n"


def write_statuses() -> str:
    """
    The reference of statuses.
    """
    rows = []
    for status, kinds in groupby(ANSWERS, key=lambda kind: kind.status):
        rows += [
            "",
            f"## {status} {_PHRASES[status]}",
            "",
            "| when | whose | headers | what to do |",
            "|---|---|---|---|",
        ]
        rows += [_row(kind.when, kind.fault.value, ", ".join(_headers(kind)), kind.advice) for kind in kinds]
    registered = ", ".join(ranges(HTTP_STATUS))
    return _STATUSES + "\n".join(rows) + "\n" + _RETURNED.format(registered=registered, other=HTTP_STATUS[-1])


def _headers(kind: AnswerKind) -> Iterator[str]:
    yield from (f"`{name}`" for name in kind.headers)
    if kind.closes:
        yield "`Connection: close`"


def ranges(codes: Iterable[int]) -> Iterator[str]:
    """
    Yield *codes*, those of statuses, with each row of neighbours in short.
    """
    final = sorted(code for code in codes if code)
    for _, group in groupby(enumerate(final), key=lambda pair: pair[1] - pair[0]):
        row = [code for _, code in group]
        yield f"{row[0]} to {row[-1]}" if len(row) > 1 else str(row[0])


def _row(*cells: str) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def write_options() -> str:
    """
    The reference of options, as `--help-all` has them.
    """
    defaults = {field.name: field.default for field in fields(HostConfig)}
    rows = ["# Options", "", "A flag wins over its variable, and both over a service.json."]
    group = ""
    for name, option in OPTIONS.items():
        if option.group != group:
            group = option.group
            rows += ["", f"## {group[:1].upper()}{group[1:]}", "", *_OPTION_HEAD]
        default = defaults[name]
        shown = "" if default in (None, "", False, ()) else f"`{default}`"
        named = variable(name).replace("_", "_<wbr>")  # so that a phone breaks it there
        flags = f"`{flag(name)} {option.metavar}`".replace(" `", "`")
        cells = (flags, f"<code>{named}</code>", shown, option.help)
        rows.append(_row(*cells))
    return "\n".join(rows) + "\n"


def write_keys() -> str:
    """
    The reference of keys, as the schema for editors has them.
    """
    made = schema()
    parts = {"ServiceDefinition": made, **made["$defs"]}
    keys = dict(_keys_of(ServiceDefinition, "", parts))
    rows = [
        "# Keys of service.json",
        "",
        "How they are written, and what they mean together: [service.json](../service.md).",
    ]
    for heading, cloud_only in (("Keys that have an effect", False), ("Keys that only the cloud honours", True)):
        rows += ["", f"## {heading}", "", "| key | |", "|---|---|"]
        for name, value in keys.items():
            if value.get(CLOUD_ONLY, False) == cloud_only:
                rows.append(_row(f"`{name}`", value["description"]))
    return "\n".join(rows) + "\n"


def _keys_of(
    definition: type[Definition], prefix: str, parts: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """
    Yield the keys of *definition* and of the objects in its lists, with *prefix* before their names, and their schemas
    from *parts*, by the names of definitions.
    """
    index = index_keys(definition)
    for name, key in index.keys.items():
        section = index.sections.get(".".join(key.data_path[:-1]), definition)
        yield prefix + name, parts[section.__name__]["properties"][key.data_path[-1]]
        if key.items is not None:
            yield from _keys_of(key.items, f"{prefix}{name}[].", parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


REFERENCES: Final[dict[str, Callable[[], str]]] = {
    "options": write_options,
    "keys": write_keys,
    "metrics": write_metrics,
    "statuses": write_statuses,
}
"""What writes the page of each reference."""
