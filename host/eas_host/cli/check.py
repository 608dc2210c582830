"""
The command `eas-host check`: what is wrong with a processor, before it is loaded.

Files are read. Code of the user's runs only in throw-away processes: a Python program up to where it would serve.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from eas_host import log
from eas_host.check import folder
from eas_host.check.finding import ERROR, Finding, Report, error_of, worst
from eas_host.check.processor import check_processor
from eas_host.check.table import CheckedProcessor, format_table, to_json
from eas_host.cli.target import make_target_parser, open_target
from eas_host.cli.things.description_command import DescriptionCommand
from eas_host.cli.things.processor_command import check_names_processor
from eas_host.cli.things.start_log import start_log
from eas_host.cli.things.thing import DESCRIPTION_FILES, find_description, is_url
from eas_host.cli.workspace_paths import WorkspacePaths
from eas_host.config import HostConfig
from eas_host.config.option_parser import parse_args
from eas_host.config.resolution import resolve_options
from eas_host.deploy import confinement
from eas_host.deploy.deployment import Deployment
from eas_host.deploy.from_options import prepare_from_options
from eas_host.errors import ConfigError, HostError, LoadError

_ABOUT: Final = "Say what is wrong with a processor, and what to do about it, without loading it."
_EXAMPLES: Final = """\
examples:
  eas-host check build/libecho.so
  eas-host check echo.jar --mainclass com.example.Echo --json
  eas-host check service.json
"""
_NOTES: Final = """\
TARGET is a .so, a .jar or a .py (also FILE.py:CLASS), a folder, or a service description. Of a folder its service.json
is checked or, without one, each processor in it. Options are those with which the processor would be served.

A program in Python is run up to where it would serve, in a process of its own: that finds imports that fail. --no-run
leaves this out.
"""
_CODES: Final = """\
Exit codes: 0 nothing is wrong (warnings do not count), 1 something is, 2 a wrong option, or there is no such file.
"""
_SOMETHING_WRONG: Final = 1
_PLACE: Final = re.compile(r"(?P<file>\S.*?\.json):(?P<line>\d+):\d+: (?P<text>.*)")
"""How a mistake in a description begins."""
_OWN_ARGUMENTS: Final = ("file", "json", "no_run")


def run(argv: Sequence[str]) -> int:
    """
    Run the command.

    Raises:
        ConfigError: an argument is wrong.
    """
    parser = make_target_parser("check", _ABOUT, _EXAMPLES, _NOTES, _CODES)
    parser.serves = False
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--no-run", action="store_true", help="do not run a program in Python")
    args = parse_args(parser, argv)
    log.keep_stdout_free()  # of what is downloaded or installed
    checked = list(_check(args))
    print(
        json.dumps(to_json(checked), indent=2, ensure_ascii=False)
        if "json" in args
        else "\n".join(format_table(checked))
    )
    is_wrong = worst(finding for one in checked for finding in one.report.findings) == ERROR
    return _SOMETHING_WRONG if is_wrong else 0


def _check(args: Mapping[str, Any]) -> Iterator[CheckedProcessor]:
    """
    Check what the arguments name.
    """
    trial = "no_run" not in args
    named = str(args.get("file", ""))
    if named and not is_url(named):
        folder.check_exists(named)
    if not (named and Path(named).is_dir()) or find_description(Path(named)):
        command = open_target(args)
        if isinstance(command, DescriptionCommand):
            yield from _check_description(command, named or DESCRIPTION_FILES[0], trial)
            return
    check_names_processor(args)
    options = {name: value for name, value in args.items() if name not in _OWN_ARGUMENTS}
    config = resolve_options(options).config
    start_log(config)
    entries = [named or config.entry or ""]
    if named and Path(named).is_dir():
        try:
            entries = [str(path) for path in folder.processors_in(Path(named))]
        except LoadError as error:
            yield _unusable(named, error)
            return
    for entry in entries:
        yield from _check_entry({**options, "entry": entry}, entry, trial)


def _check_entry(options: Mapping[str, Any], entry: str, trial: bool) -> Iterator[CheckedProcessor]:
    """
    Check the processor *entry* as `eas-host --entry` with the same *options* would serve it.
    """
    kind = options.get("processor_type") or folder.type_of(entry)
    config = resolve_options({**options, **({"processor_type": kind} if kind else {})}).config
    try:
        deployment = prepare_from_options(config)
    except LoadError as error:
        yield _unusable(entry, error)
        return
    yield from _check_deployment(deployment, config, entry, trial)


def _check_description(command: DescriptionCommand, file: str, trial: bool) -> Iterator[CheckedProcessor]:
    """
    Check the description *file*, or that in the folder *file*, and the processors that it names.
    """
    try:
        description, resolved = command.read()
        deployment = command.prepare(description, resolved)
    except HostError as error:
        yield _unusable(file, error)
        return
    yield from _check_deployment(deployment, resolved.config, file, trial)


def _check_deployment(
    deployment: Deployment, config: HostConfig, named: str, trial: bool
) -> Iterator[CheckedProcessor]:
    """
    Check the processors of *deployment*, which its user calls *named*, and discard it.
    """
    try:
        for processor in deployment.processors:
            spec = processor.spec
            confine = confinement.command_confiner(config, Path(spec.entry).parent, *spec.packages)
            report = check_processor(spec, confine, trial=trial)
            yield CheckedProcessor(processor.name or named, spec.type, _without_workspace(report, config))
    finally:
        deployment.discard()


def _without_workspace(report: Report, config: HostConfig) -> Report:
    """
    Make the paths in *report* relative to the workspace, which is gone when its user reads them.
    """
    paths = WorkspacePaths(config)
    findings = (
        replace(one, what=paths.shorten_in(one.what), advice=paths.shorten_in(one.advice)) for one in report.findings
    )
    return Report(paths.shorten_all(report.facts), tuple(findings))


def _unusable(named: str, error: HostError) -> CheckedProcessor:
    """
    Make a report of the *error* that keeps what is *named* from being read at all. A description may have several
    mistakes, each with its place.
    """
    lines = [line.strip() for line in error.detail.splitlines()] if isinstance(error, ConfigError) else []
    places = [match for line in (*lines, error.message) if (match := _PLACE.match(line))]
    findings = [_mistake(match) for match in places] or [error_of(error, Path(named))]
    return CheckedProcessor(named, "", Report(findings=tuple(findings)))


def _mistake(place: re.Match[str]) -> Finding:
    what, _, advice = place["text"].partition("; ")
    return Finding(ERROR, f"{Path(place['file']).name}:{place['line']}", what, advice)
