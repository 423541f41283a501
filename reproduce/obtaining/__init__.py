"""Getting files: what an address is, transfer with resume, the cache, archives, weights, data."""
