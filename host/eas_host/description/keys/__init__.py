"""
Which keys a description may have, and what their values may be.

In reading order:

- `declaration`: how a key is declared.
- `definitions`: the keys that have an effect here; `unsupported_keys`: those that only the cloud supports.
- `field_types`, `compound_types`: the types of values, for pydantic and for the JSON Schema.
- `key_index`: all spellings of all keys, computed from the definitions.
- `closest_name`: what a misspelt name was probably meant to be.
"""
