"""Weights once they are here: safe loading, layouts as data."""
