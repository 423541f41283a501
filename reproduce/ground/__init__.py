"""What everything stands on: places, files, words, progress. It imports none of the others."""
