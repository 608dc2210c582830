"""
New processors: the files that `eas-host init` and `eas-host pysdk init` write, and the Python environment of the
latter.
"""
