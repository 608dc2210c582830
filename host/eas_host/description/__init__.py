"""
Service descriptions: the text of a `service.json` becomes a `Description`, or a list of all errors in it.

Nothing is downloaded or unpacked here. Only commands import this package: it loads pydantic and lark, which a host that
is started with flags does not need.

In reading order:

- `description`: the result, plain frozen values.
- `reader`: the steps from the file to the result.
- `diagnostics`: errors and notes, with their positions.
- `syntax`: the parser, which is more lenient than JSON.
- `keys`: the documented keys, their types and their spellings.
- `steps`: what the reader does with the parsed tree.
- `schema`: the JSON Schema for editors.
"""

from eas_host.description.description import CloudValue, Description, Model, Mount, Processor
from eas_host.description.reader import read
from eas_host.description.schema import schema

__all__ = ["CloudValue", "Description", "Model", "Mount", "Processor", "read", "schema"]
