"""Annotations of splashed photos: outlines of the objects that kept their colour, to correct and to train on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from balloon_splash.compositing.matte import instance_masks
from balloon_splash.data.annotations.masks import Mask, encode_mask
from balloon_splash.data.annotations.simplify import editable_polygons
from balloon_splash.data.annotations.writers import WrittenObject, WrittenPhoto, write_annotations
from balloon_splash.media.inputs import Source
from balloon_splash.splasher.outcomes import Job, Outcome
from balloon_splash.splasher.photo_batch import Write
from balloon_splash.splasher.splasher import Splashed


class AnnotationFile:
    """Outlines of photos, collected during a run and written at its end.

    Args:
        path: a file for ``via2``, ``coco`` and ``submission``, a folder for ``labelme`` and ``yolo``.
        format: a name in :data:`balloon_splash.data.annotations.writers.WRITERS`.
        overwrite: replace existing files.
    """

    def __init__(self, path: str, format: str, *, overwrite: bool) -> None:
        self._path, self._format, self._overwrite = Path(path), format, overwrite
        self._photos: dict[str, WrittenPhoto] = {}
        self._class_names: Sequence[str] = ()

    def added_to(self, results: Write) -> Write:
        """Return ``results`` with each photo that was written added here."""

        def write(job: Job, splashed: Splashed) -> tuple[str, ...]:
            notes = results(job, splashed)
            self.add(job.source, splashed)
            return notes

        return write

    def add(self, source: Source, splashed: Splashed) -> None:
        """Keep the outlines of one photo; skip a photo that is not a file, which annotations cannot name."""
        if source.path is None:
            return
        chosen = splashed.detections[splashed.chosen]
        height, width = chosen.size
        objects = [
            self._written(chosen.class_names[index], mask)
            for index, mask in zip(chosen.classes, instance_masks(chosen), strict=True)
            if mask.any()
        ]
        self._class_names = chosen.class_names
        self._photos[source.name] = WrittenPhoto(source.relative.as_posix(), source.path, width, height, objects)

    def _written(self, label: str, mask: Mask) -> WrittenObject:
        """To the pixel for a submission, to be corrected in all other formats."""
        if self._format == "submission":
            return WrittenObject(label, mask=encode_mask(mask))
        return WrittenObject(label, editable_polygons(mask))

    def write(self, outcomes: Sequence[Outcome]) -> list[str]:
        """Write all photos in the order of ``outcomes``; return one line per feature that the format cannot hold.

        Raises:
            DatasetError: two photos would share a file.
            OutputExistsError: a file exists, and it must not be overwritten.
        """
        names = [outcome.job.source.name for outcome in outcomes]
        photos = [self._photos[name] for name in names if name in self._photos]
        return write_annotations(photos, self._class_names, self._path, self._format, overwrite=self._overwrite)
