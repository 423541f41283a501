"""Attacks that are commands: `python -m tests.stress NAME --seed N --minutes M`."""
