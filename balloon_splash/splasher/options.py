"""Options of one run over many inputs, the same for the command and for Python."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias

from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection, with_default_confidence
from balloon_splash.splasher.added_boxes import Box, check_boxes
from balloon_splash.splasher.key_frames import CONTINUING
from balloon_splash.splasher.photo_results import Files
from balloon_splash.splasher.tiles import Tiles, check_tiles
from balloon_splash.splasher.video_stream import VideoOptions

RECORD_FLOOR = 0.05
"""Lowest score in a record: Detectron2's own threshold."""

Existing: TypeAlias = Literal["refuse", "overwrite", "skip"]
"""Treatment of results that already exist: an error before anything runs, a replacement, or no new splash."""


@dataclass(frozen=True)
class SplashOptions:
    """Options of :func:`~balloon_splash.splasher.run.splash_inputs`.

    Attributes:
        look: edges, background and marks.
        selection: which of the objects keep their colour.
        files: files written per photo, and their quality; ``existing`` sets ``files.overwrite``.
        video: part of the videos, steadiness, encoding; ``existing`` sets ``video.overwrite``.
        recursive: search subfolders, too.
        existing: see :data:`Existing`.
        batch_size: number of photos that the model gets at once.
        allow_private_urls: let URLs lead to addresses inside the local network, and over plain http.
        detections: a record from which to take the objects, without running a model.
        save_detections: a file that receives the objects of each picture and frame.
        tiles: side in pixels of the tiles into which large pictures are cut; see
            :class:`~balloon_splash.splasher.tiles.TiledFinder`. None takes pictures whole.
        add_boxes: ``(x0, y0, x1, y1)`` in pixels around each object for the model to draw besides those it finds;
            see :class:`~balloon_splash.splasher.added_boxes.AddedBoxes`.
        save_annotations: a file or folder that receives the outlines of the objects in photos that keep their colour.
        annotation_format: ``via2``, ``coco``, ``labelme``, ``yolo`` or ``submission``.
        also_read: files that are read besides the inputs, hence never written to.
    """

    look: Look = field(default_factory=Look)
    selection: Selection = field(default_factory=lambda: with_default_confidence(Selection()))
    files: Files = field(default_factory=Files)
    video: VideoOptions = field(default_factory=VideoOptions)
    recursive: bool = False
    existing: Existing = "refuse"
    batch_size: int = 4
    allow_private_urls: bool = False
    detections: str | None = None
    save_detections: str | None = None
    tiles: Tiles = None
    add_boxes: tuple[Box, ...] = ()
    save_annotations: str | None = None
    annotation_format: str = "via2"
    also_read: tuple[Path, ...] = ()

    @property
    def of_photos(self) -> str:
        """Names of the results asked for that videos do not get, for a message."""
        asked = {"annotations": self.save_annotations, "masks, cut-outs and comparisons": self.files.extras}
        return ", ".join(name for name, wanted in asked.items() if wanted)

    @property
    def floor(self) -> float:
        """Lowest score that a finder should return; a record keeps low ones, so that they can be chosen later."""
        floor = self.selection.floor if self.video.every == 1 else self.selection.floor * CONTINUING
        return min(floor, RECORD_FLOOR) if self.save_detections else floor

    def __post_init__(self) -> None:
        check_tiles(self.tiles)
        check_boxes(self.add_boxes)
        overwrite = self.existing == "overwrite"
        object.__setattr__(self, "files", replace(self.files, overwrite=overwrite))
        object.__setattr__(self, "video", replace(self.video, overwrite=overwrite))
