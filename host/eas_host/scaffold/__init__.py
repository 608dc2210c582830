"""
New processors.

- `project`: writes the files of `eas-host init` and `eas-host pysdk init` from the folders in templates/.
- `environment`: makes the Python environment of `eas-host pysdk init`.
"""
