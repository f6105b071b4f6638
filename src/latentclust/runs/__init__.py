"""A run on disk: its checkpoints, what it keeps for later runs, and the overrides that continue it."""
