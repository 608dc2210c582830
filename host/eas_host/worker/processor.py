"""
Which class is for processors of which language.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from eas_runtime.control import ControlChannel
from eas_runtime.processor import WorkerProcessor
from eas_runtime.python.make import make as make_python
from eas_runtime.ring import WorkerRing
from eas_runtime.worker_spec import WorkerSpec

_CLASSES: Final = {
    "cpp": "eas_host.worker.cpp.processor:CppProcessor",
    "java": "eas_host.worker.java.processor:JavaProcessor",
}


def make(spec: WorkerSpec, ring: WorkerRing, control: ControlChannel) -> WorkerProcessor:
    """
    Make the processor that *spec* describes. Imports only what its language needs.
    """
    if spec.type == "python":
        return make_python(spec, ring, control)
    module, _, name = _CLASSES[spec.type].partition(":")
    made: WorkerProcessor = getattr(import_module(module), name)(spec, ring, control)
    return made
