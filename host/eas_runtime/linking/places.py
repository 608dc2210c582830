"""
Where this host's packages are.
"""

import os

FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The folder that contains them, as this process has imported them: not resolved."""


def package(name: str) -> str:
    """
    Return the folder of the package *name*.
    """
    return os.path.join(FOLDER, name)
