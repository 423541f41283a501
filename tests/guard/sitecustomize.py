"""Python reads this at the start of every sub-process of a test: the guard holds there as well."""

import off_machine

off_machine.install()
