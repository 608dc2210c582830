"""
What the host is told to do: one frozen `HostConfig`, whatever it was read from, and the `WorkerSpec` cut from it.
"""

from eas_host.config.host import HostConfig, Reading
from eas_host.config.worker import WorkerSpec

__all__ = ["HostConfig", "Reading", "WorkerSpec"]
