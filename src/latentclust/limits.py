"""Limits that the settings check and the computation keeps."""

LARGEST_POINTS = 100_000_000
"""Coordinates of all drawn points together: 800 MB."""
LOG_VAR_MIN, LOG_VAR_MAX = -20, 10
"""Of the posteriors q(z|x): log-variances are cut here, and a head that starts there would never learn.

exp(-20 / 2) is a standard deviation of 5e-5 and exp(10 / 2) one of 148. Beyond either end the code gains
nothing, while exp(log_var) and its gradient soon leave float32.
"""
