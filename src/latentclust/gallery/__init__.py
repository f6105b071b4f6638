"""Show a run: a snapshot of a model and its inputs, its figures, TensorBoard and the report."""
