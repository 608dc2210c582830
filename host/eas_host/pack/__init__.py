"""
Packages of processors: what goes into them, and how they are written.

In reading order:

- `processor`: packs a cpp or java processor (`eas-host pack`); `from_description`: finds it in a service description.
- `python_folder`: packs the folder of a Python processor (`eas-host pysdk pack`).
- `package_builder`: collects the files of a package.
- `dependencies`: finds the libraries and jars that a processor needs from elsewhere.
- `archive`: turns a folder into the members of an archive, and writes the archive.
- `report`: says what has been packed.
"""

from eas_host.pack.archive.member import PackedArchive
from eas_host.pack.processor import PackedProcessor, pack_processor
from eas_host.pack.python_folder import pack_folder
from eas_host.pack.report import report, report_processor

__all__ = ["PackedArchive", "PackedProcessor", "pack_folder", "pack_processor", "report", "report_processor"]
