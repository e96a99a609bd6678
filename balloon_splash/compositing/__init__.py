"""Mattes and effects: pure functions on arrays."""

from __future__ import annotations

#: Lowest score of an object that keeps its colour: the article's. Here and not beside the selection, because ``--help``
#: shows it and must not wait for NumPy.
DEFAULT_CONFIDENCE = 0.9

#: Lowest score of an object that keeps its colour beside one that reaches the confidence.
DEFAULT_LOW_CONFIDENCE = 0.5
