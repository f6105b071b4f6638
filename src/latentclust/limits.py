"""Limits that the settings check and the computation keeps."""

LARGEST_POINTS = 100_000_000
"""Coordinates of all drawn points together: 800 MB."""
