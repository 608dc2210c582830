"""
Everything that can go wrong, in one tree, split by whose fault it is.

Each class has the exit code with which its errors end the host. An exception outside this tree is a bug of the host: it
is logged with its traceback and never shown to a client.
"""

from __future__ import annotations

from eas_runtime.errors import (
    LOAD_ERRORS,
    EntryInvalid,
    EntryNotFound,
    HostError,
    InitializeFailed,
    LoadError,
    SystemShortage,
)

__all__ = [
    "LOAD_ERRORS",
    "BindError",
    "ClusterError",
    "ConfigError",
    "EntryInvalid",
    "EntryNotFound",
    "HostError",
    "ImageFailed",
    "InitializeFailed",
    "LoadError",
    "NoAnswer",
    "NotInCluster",
    "RolloutFailed",
    "SystemShortage",
    "UploadFailed",
]


class ConfigError(HostError):
    """
    A flag, an environment variable or a description is wrong.
    """

    exit_code = 2


class BindError(HostError):
    """
    The host cannot listen on the address.
    """

    exit_code = 4


class NoAnswer(HostError):
    """
    A service that was asked does not answer.
    """

    exit_code = 3


class NotInCluster(HostError):
    """
    A description names files that only this machine has, and is to be served where they are not.
    """

    exit_code = 1


class ImageFailed(HostError):
    """
    The tool that builds images, or pushes them, has failed.
    """

    exit_code = 1


class UploadFailed(HostError):
    """
    A file has not arrived where it was to be uploaded to.
    """

    exit_code = 1


class ClusterError(HostError):
    """
    A cluster refuses what it is asked for, or cannot be asked.
    """

    exit_code = 1


class RolloutFailed(ClusterError):
    """
    A version of a service does not come to run in a cluster.
    """
