"""One file, one plugin: see `reproduce.contracts`."""
