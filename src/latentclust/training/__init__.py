"""Train a model: builders, the pretraining stage and the callbacks."""
