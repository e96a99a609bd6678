"""Training and evaluation: trainer, hooks, checkpoints."""
