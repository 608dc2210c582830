"""
Service descriptions: what a `service.json` says, read tolerantly, checked whole, and turned into plain values.

Nothing is fetched or looked up here. Only commands import this package: it loads pydantic and lark, which a host that
is started with flags does without.
"""

from eas_host.description.description import Description, Model, Mount, Processor
from eas_host.description.reader import read
from eas_host.description.schema import schema

__all__ = ["Description", "Model", "Mount", "Processor", "read", "schema"]
