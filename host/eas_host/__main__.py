"""
`python -m eas_host`: the same as the command `eas-host`.
"""

import sys

from eas_host.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
