"""Turning the SAM4MIS list and the collected facts into records."""
