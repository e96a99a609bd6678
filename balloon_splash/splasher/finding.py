"""Model with all options of a run: tiles, a person's boxes, a record."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

from balloon_splash.splasher.added_boxes import AddedBoxes, Box
from balloon_splash.splasher.detection_files import Record
from balloon_splash.splasher.finder import Finder, ModelFinder
from balloon_splash.splasher.tiles import TiledFinder, Tiles


def model_finder(
    model: Finder,
    *,
    tiles: Tiles = None,
    add_boxes: Sequence[Box] = (),
    record: Record | None = None,
    note: Callable[[str], object] = warnings.warn,
) -> ModelFinder:
    """Give a model the options of a run.

    Args:
        model: the model that finds the objects, and draws those in ``add_boxes``.
        tiles: see :class:`~balloon_splash.splasher.tiles.TiledFinder`.
        add_boxes: see :class:`~balloon_splash.splasher.added_boxes.AddedBoxes`.
        record: receives the name and all objects of each picture.
        note: receives messages of one line.

    Raises:
        UsageError: malformed tiles or boxes.
    """
    add = AddedBoxes(model, add_boxes, note=note).join if add_boxes else None
    return ModelFinder(model if tiles is None else TiledFinder(model, tiles, note), record, note, add=add)
