"""Released rows of scores: fetched, read by declaration, averaged in the open, compared."""
