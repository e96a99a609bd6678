"""Selection, in a video, of the followed objects that keep their colour.

A choice made for each frame by itself would jump from one object to another whenever their order changes. Here objects
are chosen, and a choice lasts:

* a point or a box picks, in the first frame in which something lies there, and what was picked keeps its colour to the
  end, wherever it goes;
* for the largest, and for the best K, each object is judged by its mean area or score over its life so far (a stream
  cannot know the rest of it). An object that has a place keeps it while it is in the picture, unless one without is
  clearly better.

An object's history is forgotten when it leaves, so memory does not grow with the video.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.select import Selection, mask_areas

AREA_MARGIN, SCORE_MARGIN = 1.1, 1.02
"""Ratio by which an object must be better to take another one's place; confident scores are close together."""


@dataclass(frozen=True)
class _Life:
    """Sums over the frames that an object was seen in."""

    frames: int = 0
    area: float = 0.0
    score: float = 0.0

    def longer(self, area: float, score: float) -> _Life:
        return _Life(self.frames + 1, self.area + area, self.score + score)


class TrackChoice:
    """Choice of objects by a selection in the frames of one video, in order.

    Args:
        selection: what to choose; confidence and classes should have been applied before objects were followed.
    """

    def __init__(self, selection: Selection) -> None:
        self._picks = selection.point is not None or selection.box is not None
        self._pick = replace(selection, largest=False, top_k=None)
        self._every_frame = replace(self._pick, point=None, box=None)
        self._largest, self._top_k = selection.largest, selection.top_k
        self._picked: frozenset[int] = frozenset()
        self._lives: dict[int, _Life] = {}
        self._placed: frozenset[int] = frozenset()

    def indices(self, detections: Detections) -> npt.NDArray[np.intp]:
        """Return indices into ``detections`` of the chosen objects, best score first; ``numbers`` identify the objects.

        Raises:
            UsageError: the selection names a class that the model does not know.
        """
        kept = self._every_frame.indices(detections)
        if self._picks:
            kept = self._picked_of(detections, kept)
        if self._largest:
            kept = self._best(detections, kept, places=1, by_area=True)
        elif self._top_k is not None:
            kept = self._best(detections, kept, places=self._top_k, by_area=False)
        return kept

    def _picked_of(self, detections: Detections, kept: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        if not self._picked:
            self._picked = frozenset(detections.numbers[self._pick.indices(detections)].tolist())
        return kept[np.isin(detections.numbers[kept], list(self._picked))]

    def _best(
        self, detections: Detections, kept: npt.NDArray[np.intp], *, places: int, by_area: bool
    ) -> npt.NDArray[np.intp]:
        numbers: list[int] = detections.numbers[kept].tolist()
        seen = zip(numbers, mask_areas(detections)[kept].tolist(), detections.scores[kept].tolist(), strict=True)
        self._lives = {number: self._lives.get(number, _Life()).longer(area, score) for number, area, score in seen}
        merits = {n: (life.area if by_area else life.score) / life.frames for n, life in self._lives.items()}
        margin = AREA_MARGIN if by_area else SCORE_MARGIN
        weighted = {n: merit * (margin if n in self._placed else 1.0) for n, merit in merits.items()}
        self._placed = frozenset(sorted(weighted, key=lambda number: -weighted[number])[:places])
        return kept[[number in self._placed for number in numbers]]
