"""Which photos went worst, and why."""

from __future__ import annotations

from collections.abc import Sequence

from balloon_splash.inspect.matching import PhotoMatches, Reason

#: What counts as a mistake.
MISTAKES = tuple(reason for reason in Reason if reason is not Reason.MATCH)


def mistakes(photo: PhotoMatches) -> dict[Reason, int]:
    """How many mistakes of each kind there are in a photo."""
    return {reason: count for reason in MISTAKES if (count := photo.count(reason))}


def worst_first(matches: Sequence[PhotoMatches]) -> list[PhotoMatches]:
    """By the number of mistakes; of equal ones, those with the less exact masks first."""
    return sorted(matches, key=lambda photo: (-sum(mistakes(photo).values()), mean_iou(photo)))


def mean_iou(photo: PhotoMatches) -> float:
    """Mean IoU of the masks that match an object; 1 where none is wanted, 0 where all are missed."""
    ious = [found.mask_iou for found in photo.found if found.reason is Reason.MATCH]
    return sum(ious) / len(ious) if ious else float(not photo.missed)


def reasons(photo: PhotoMatches) -> str:
    """The mistakes in words, such as ``2 missed, 1 duplicate``."""
    return ", ".join(f"{count} {reason.value}" for reason, count in mistakes(photo).items()) or "no mistake"
