"""From the registry to README tables, pages, charts, the JSON API, feeds and badges.

Everything here is pure (registry -> bytes) but `write` and `build`, which touch the disk.
"""
