"""
The main program of the front under `python app.py`.

Its arguments are CONTROL PARENT: the socket to the user's process, and the number of that process. The first message
over the socket is what the program asks for. All other options come from EAS_HOST_ variables, which win over the
program, as they do under eas-host. The port is open, and requests wait, as soon as the program constructs its
processor. The front ends when the program asks it to, and when the program ends.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from eas_host import log
from eas_host.config.variables import unknown_variables
from eas_host.service.host import make_loop, raise_file_limit
from eas_host.sidecar.launch_request import receive_launch_request, resolve_config
from eas_host.sidecar.program_channel import ProgramChannel
from eas_host.sidecar.sidecar_host import SidecarHost
from eas_host.system.exit_code import run_to_exit_code
from eas_host.system.memory import prefer_as_oom_victim
from eas_runtime import signals
from eas_runtime.messages import LaunchRequest


def main() -> int:
    """
    Serve the program that has started this process.

    Returns:
        The process's exit code.
    """
    sock = socket.socket(fileno=int(sys.argv[1]))
    sock.set_inheritable(False)
    return run_to_exit_code(lambda: _serve(sock, int(sys.argv[2]), receive_launch_request(sock)))


def _serve(sock: socket.socket, parent: int, launch_request: LaunchRequest) -> int:
    prefer_as_oom_victim(parent, os.getpid())
    config = resolve_config(launch_request)
    log.configure(config.log_level, config.log_format)
    for warning in unknown_variables():
        log.warning("%s", warning)
    log.write_in_background()
    signals.ignore_unused()
    raise_file_limit()
    loop = make_loop()
    channel = ProgramChannel(loop, sock, parent)
    host = SidecarHost(loop, config, channel, config.name or Path(launch_request.script).stem or "processor")
    try:
        loop.run_until_complete(host.run())
    finally:
        host.close()
    return 0
