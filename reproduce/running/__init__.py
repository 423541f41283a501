"""Cut a run into shards, work them off, resume, try gates, and assemble the result."""
