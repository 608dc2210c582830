"""
Makes a processor in Python.
"""

from eas_runtime.control import ControlChannel
from eas_runtime.processor import WorkerProcessor
from eas_runtime.python import sdk_import
from eas_runtime.ring import WorkerRing
from eas_runtime.worker_spec import WorkerSpec


def make(spec: WorkerSpec, ring: WorkerRing, control: ControlChannel) -> WorkerProcessor:
    """
    Make the Python processor that *spec* describes.
    """
    sdk_import.import_our_allspark()
    from eas_runtime.python.processor import PythonProcessor  # noqa: PLC0415  late: it imports allspark

    return PythonProcessor(spec, ring, control)
