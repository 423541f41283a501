"""The offline self-test: phantoms, a small SAM trained on them, and the whole way to a verdict."""
