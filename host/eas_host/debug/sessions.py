"""
Runs a host and its debugger, in this terminal, until the debugger ends.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from eas_host import log
from eas_host.debug import gdb
from eas_host.debug.deployment import for_debugger
from eas_host.debug.host import DebugHost, OwnRequest
from eas_host.debug.java_classes import find_places, find_processors, find_sources
from eas_host.debug.jdb_host import JdbHost, agent_option, find_jdb
from eas_host.debug.pdb_host import PdbHost, terminal_restored
from eas_host.debug.program import lacks_sanitizer, restart, sanitizer_variables
from eas_host.deploy.deployment import Deployment
from eas_host.service.host import run_host


def run_alone(deployment: Deployment, request: OwnRequest | None, arguments: Sequence[str]) -> int:
    """
    Run the host of *deployment*, which the command makes with *arguments*, without a debugger. If there is a *request*,
    it is sent at once.

    Raises:
        HostError: it cannot be served.
    """
    deployment = for_debugger(deployment)
    spec = deployment.processors[0].spec
    if spec.type == "cpp" and lacks_sanitizer(Path(spec.entry)):
        # So what an editor starts need not know how the library was built.
        variables = sanitizer_variables(Path(spec.entry))
        deployment.discard()  # the same command makes its own
        restart(arguments, variables)
    return run_host(deployment.config, lambda loop: DebugHost(loop, deployment, request))


def run_gdb(deployment: Deployment, arguments: Sequence[str], method: str) -> int:
    """
    Become gdb, which runs the same command with *arguments* as `run_alone`. *method* is where it stops.

    Raises:
        ConfigError: there is no gdb, or it would not reach the processor.
    """
    spec = for_debugger(deployment).processors[0].spec
    deployment.discard()  # that command makes its own
    return gdb.run(spec, arguments, method)


def run_pdb(deployment: Deployment, request: OwnRequest | None, method: str) -> int:
    """
    Run the host with pdb in its worker.

    Raises:
        HostError: it cannot be served.
    """
    deployment = for_debugger(deployment, debugged=method)
    with terminal_restored():
        return run_host(deployment.config, lambda loop: PdbHost(loop, deployment, request))


def run_jdb(deployment: Deployment, request: OwnRequest | None, method: str) -> int:
    """
    Run the host with jdb attached to its worker.

    Raises:
        HostError: it cannot be served, or there is no jdb.
    """
    spec = deployment.processors[0].spec
    jdb = [find_jdb(spec.environment.get("JAVA_HOME"))]
    classes = find_processors(spec)
    sources = find_sources(spec, classes)
    if sources:
        jdb += ["-sourcepath", ":".join(map(str, sources))]
    else:
        place = spec.original(spec.entry)
        log.warning("no source of %s is near %s; in jdb, `use FOLDER` names it", " or ".join(classes), place)
    java_method = {"process": "Process", "initialize": "Load"}[method]
    breakpoints = find_places(spec, classes, java_method)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        option = agent_option(listener.getsockname()[1])
        own = for_debugger(deployment, jvm_options=(*spec.jvm_options, option))
        return run_host(own.config, lambda loop: JdbHost(loop, own, request, listener, jdb, breakpoints))
