"""From images to objects with a trained model."""
