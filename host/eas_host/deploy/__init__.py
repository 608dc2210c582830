"""
From a service description, or from flags alone, to a `Deployment`: the files in their places, the entry found, the
options settled. Nothing of a processor runs here.

Only commands import what reads descriptions; `plain`, which a start with flags needs, loads none of it.
"""
