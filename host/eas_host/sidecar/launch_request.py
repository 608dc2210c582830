"""
What the program asks for when it starts the front, and the options that follow from it.
"""

from __future__ import annotations

import os
import socket
from dataclasses import replace

from eas_host.config import HostConfig
from eas_host.config.option_types import Address, address
from eas_host.config.resolution import resolve_options
from eas_host.errors import ConfigError
from eas_host.front.settings.properties import options_of
from eas_host.make_spec import check_batching
from eas_runtime.messages import LaunchRequest, decode


def receive_launch_request(sock: socket.socket) -> LaunchRequest:
    """
    Wait for the first message on *sock*, and return it. It is not on the command line, which other users can read,
    because it may have a token.
    """
    with sock.makefile("rb", buffering=0) as file:
        line = file.readline()
    launch_request = decode(line) if line else None
    if not isinstance(launch_request, LaunchRequest):
        raise SystemExit(1)  # the program has died
    return launch_request


def resolve_config(launch_request: LaunchRequest) -> HostConfig:
    """
    Resolve the options: variables win over what the program asks for.

    Raises:
        ConfigError: a variable, or what the program asks for, is wrong.
    """
    config = resolve_options({}).config
    if config.user or config.sandbox:
        name = "EAS_HOST_USER" if config.user else "EAS_HOST_SANDBOX"
        raise ConfigError(f"{name}: the processor runs in the program's own process; start it with eas-host --entry")
    if "listen" not in config.explicit:
        config = replace(config, listen=_listen(config.listen, launch_request.endpoint))
    if "worker_processes" not in config.explicit:
        config = replace(config, worker_processes=launch_request.processes)
    # Properties that the program has put count from the start: the ring's size, for example, and the token.
    put = options_of(launch_request.properties)
    config = replace(config, **{name: value for name, value in put.items() if name not in config.explicit})
    check_batching(config)
    return replace(config, isolation="process", entry=launch_request.script)


def _listen(default: Address, endpoint: str | None) -> Address:
    if os.environ.get("NAMESPACE") and os.environ.get("POD_NAME"):
        return Address("0.0.0.0", 8080)  # noqa: S104  as EAS does there: docs/eas-compatibility.md, section 3.2
    if endpoint is None:
        return default
    text = endpoint.removeprefix("http://").rstrip("/")
    try:
        return address(f":{text}" if text.isdigit() else text)
    except ValueError as error:
        raise ConfigError(f"endpoint {endpoint!r}: {error}") from error
