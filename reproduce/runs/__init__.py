"""What a run is, and its identity back from what its result records."""
