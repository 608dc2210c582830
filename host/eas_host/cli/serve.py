"""
Serving: `eas-host` without a command, and the commands `eas-host test` and `eas-host serve`.

`test` does what EASCMD's command of this name does: it listens on a free port of this machine only, and prints the
lines that EASCMD prints (docs/eas-compatibility.md, section 9). `serve` has the defaults of `eas-host` without a
command.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from eas_host import log
from eas_host.cli import detach
from eas_host.cli.options import make_host_parser
from eas_host.cli.target import make_target_parser, open_target
from eas_host.cli.things.description_command import DescriptionCommand
from eas_host.cli.things.processor_command import ProcessorCommand
from eas_host.config.option_parser import parse_args
from eas_host.config.option_types import Address
from eas_host.config.resolution import resolve_options
from eas_host.deploy.deployment import Deployment

if TYPE_CHECKING:
    from eas_host.service.host import Host

_TEST_DEFAULTS: Final[Mapping[str, Any]] = {"listen": Address("127.0.0.1", 0), "check_memory": True}
_LOCAL_OR_ANY: Final = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::")  # noqa: S104  compared, not bound
_NOTES: Final = """\
A description is EAS's service.json, comments and trailing commas included. processor_path, model_path and
warm_up_data_path may be local, http(s):// or oss:// (with the extra `oss`); downloads are kept in --cache.
-D overrides a field as `eascmd modify -D` does: -D metadata.rpc.keepalive=10000. A flag wins over its variable
(EAS_HOST_KEEPALIVE for --keepalive), and the variable wins over -D and the file.

With one model, --entry, --processor-type, --mainclass, --classpath, --jvm-options, --model-entry and --model-config
replace what the file says. --entry and --model-entry are files of this machine, if there is one by that path; else
they are looked for in processor_path and model_path. Words after -- replace the arguments that a Python program has
in containers[0].script or command.
"""
_CODES: Final = """\
Exit codes: 0 a clean stop, 2 a wrong option or description, 3 something cannot be fetched, unpacked or loaded, 4 the
address cannot be bound.
"""
_TEST_EXAMPLES: Final = """\
examples:
  eas-host test                                             service.json in this folder
  eas-host test app.py --reload                             load changed files again
  eas-host test service.json -D metadata.rpc.keepalive=60000 -D token=s3cret
"""
_SERVE_EXAMPLES: Final = """\
examples:
  eas-host serve service.json --host 0.0.0.0 --port 8080 --token @token.txt
  eas-host serve service.json --workspace /home/admin/docker_ml/workspace
"""


def run(argv: Sequence[str]) -> int:
    """
    Run `eas-host` without a command.

    Raises:
        HostError: an argument is wrong, or what it names cannot be served.
    """
    return _serve(open_target(parse_args(make_host_parser(), argv), from_folder=False), announce=False)


def test(argv: Sequence[str]) -> int:
    """
    Run the command `test`.

    Raises:
        HostError: as for `run`.
    """
    about = "Run a service on a free port of this machine, and print what `eascmd test` prints."
    parser = make_target_parser("test", about, _TEST_EXAMPLES, _NOTES, _CODES)
    detach.add_option(parser)
    return _serve(open_target(parse_args(parser, argv), _TEST_DEFAULTS), announce=True)


def serve(argv: Sequence[str]) -> int:
    """
    Run the command `serve`.

    Raises:
        HostError: as for `run`.
    """
    parser = make_target_parser("serve", "Run a service on --listen.", _SERVE_EXAMPLES, _NOTES, _CODES)
    detach.add_option(parser)
    return _serve(open_target(parse_args(parser, argv)), announce=False)


def _serve(command: DescriptionCommand | ProcessorCommand, *, announce: bool) -> int:
    """
    Serve what *command* names; *announce* prints EASCMD's lines.
    """
    if "detach" in command.args:
        # Before anything is read, so that the log has all of it.
        config = resolve_options(command.args).config
        return detach.run_detached(config, lambda on_started: _serve_here(command, announce, on_started))
    return _serve_here(command, announce)


def _serve_here(
    command: DescriptionCommand | ProcessorCommand, announce: bool, on_started: detach.Started | None = None
) -> int:
    gc.disable()  # imports make much that stays, and no garbage: to look for that takes 10 ms
    prepare = command.read_first()
    # Imported late, so that what is wrong is reported without loading the event loop and the native module.
    from eas_host.service.host import run as run_host  # noqa: PLC0415
    from eas_runtime import signals  # noqa: PLC0415

    signals.ignore_unused()  # a download may take long
    deployment = prepare()
    gc.enable()
    try:
        return run_host(
            deployment,
            command.read_and_prepare,
            (lambda host: _announce(host, deployment)) if announce else None,
            on_started,
        )
    finally:
        deployment.discard()  # a host that could not be made has not done this


def _announce(host: Host, deployment: Deployment) -> None:
    """
    Print the lines of EASCMD: the address of the service, and its token.
    """
    config = deployment.config
    is_local = config.listen.host in _LOCAL_OR_ANY
    url = f"http://localhost:{host.port}/api/predict/{quote(deployment.name)}" if is_local else host.url
    for processor in deployment.processors:
        model = f"/{quote(processor.name)}" if processor.name else ""
        log.announce(f"[OK] Serving at: [{url}{model}]")
    if config.token is not None and not config.generate_token:  # every start prints a generated token
        log.announce(f"[INFO] Token: [{config.token}]")
