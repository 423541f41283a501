"""Building blocks shared by adapters (no plugins here)."""
