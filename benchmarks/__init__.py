"""Measurements of this package beside what a user would otherwise run."""
