"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the singular for one: "1 object", "2 objects"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
