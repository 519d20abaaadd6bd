"""`python -m powerhouse` is the `powerhouse` command."""

import sys

from powerhouse.cli import main

if __name__ == "__main__":
    sys.exit(main())
