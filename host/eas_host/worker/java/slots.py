"""
The memory of the slots in the ring, which Java reads and writes itself.
"""

from __future__ import annotations

from eas_host.ring.bindings import ffi, lib
from eas_runtime.ring import WorkerRing


class SlotMemory:
    """
    The bodies and the outputs in the slots of *ring*.

    Attributes:
        max_output: the largest output, in bytes.
    """

    def __init__(self, ring: WorkerRing) -> None:
        self._ring = ring.pointer
        size = ffi.new("eas_ring_size *")
        lib.eas_ring_get_size(self._ring, size)
        self._max_body: int = size.max_body
        self.max_output: int = size.max_output

    def input(self, slot: int) -> memoryview:
        """
        The input span of *slot*.
        """
        return memoryview(ffi.buffer(lib.eas_slot_input(self._ring, slot), self._max_body))

    def output(self, slot: int) -> memoryview:
        """
        The output span of *slot*.
        """
        return memoryview(ffi.buffer(lib.eas_slot_output(self._ring, slot), self.max_output))
