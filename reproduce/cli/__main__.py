"""`python -m reproduce.cli ...` is `sam4mis reproduce ...`: how workers are started."""

import sys

from catalog.cli import main

sys.argv = [sys.argv[0], "reproduce", *sys.argv[1:]]
main()
