"""`python -m catalog.schemas [--check]`."""

from __future__ import annotations

import sys

from catalog.schemas import stale, write


def main(arguments: list[str]) -> int:
    """Write the schemas, or with `--check` only say which are out of date."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m catalog.schemas [--check]\n")
        return 2
    names = stale() if arguments else write()
    for name in names:
        sys.stdout.write(f"{'out of date' if arguments else 'wrote'}: catalog/schemas/{name}\n")
    return 1 if arguments and names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
