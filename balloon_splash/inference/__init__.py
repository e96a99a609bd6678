"""Inference by torch: images to objects with a trained model."""
