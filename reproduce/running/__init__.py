"""Plan a run, cut it into shards, work them off, resume, and assemble the result."""
