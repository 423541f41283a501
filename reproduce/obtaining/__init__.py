"""Getting files: what an address is, transfer with resume, archives, weights, data; the cache."""
