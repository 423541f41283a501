"""Where weights come from: sources, the shared cache, safe loading, layouts as data."""
