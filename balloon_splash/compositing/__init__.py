"""Mattes and effects: pure functions on arrays."""

from __future__ import annotations

#: The score from which an object keeps its colour: the article's. Here and not beside the selection, since ``--help``
#: shows it, and shall not wait for NumPy.
DEFAULT_CONFIDENCE = 0.9

#: The score from which an object keeps its colour beside one that reaches the confidence.
DEFAULT_LOW_CONFIDENCE = 0.5
