"""
Packages of processors: what goes into them, and how they are written.

`tree` goes through a folder, `libraries` and `jars` find what a processor needs from elsewhere, `writer` makes the
archive of whatever these have found, and `report` says what that was. Only commands import this package.
"""

from eas_host.pack.folder import pack_folder
from eas_host.pack.member import Packed
from eas_host.pack.processor import PackedProcessor, pack_processor
from eas_host.pack.report import report, report_processor

__all__ = ["Packed", "PackedProcessor", "pack_folder", "pack_processor", "report", "report_processor"]
