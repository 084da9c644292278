"""`python -m policyengine`: the command line where the script is not installed."""

import sys

from policyengine.cli import main

if __name__ == "__main__":
    sys.exit(main())
