"""Benchmarks of this package against what a user would otherwise run."""
