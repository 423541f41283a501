"""`python -m catalog` is `sam4mis`."""

from catalog.cli import main

main()
