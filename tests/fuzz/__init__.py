"""Hostile annotations, pictures and videos by the thousand: ``python -m tests.fuzz --help``."""
