"""Result files of a splashed photo: the splash itself and, on request, masks, cut-outs and a comparison."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from balloon_splash.compositing.arrays import Matte, to_dtype
from balloon_splash.compositing.extras import crop_object, side_by_side
from balloon_splash.errors import MediaError, OutputExistsError
from balloon_splash.media.outputs import extra_path
from balloon_splash.media.picture import Metadata, Picture
from balloon_splash.media.pixels import Pixels
from balloon_splash.media.writing import encode_picture, write_bytes, write_picture
from balloon_splash.splasher.outcomes import Job
from balloon_splash.splasher.splasher import Splashed


@dataclass(frozen=True)
class Files:
    """Files to write for a photo, and their quality.

    Attributes:
        mask: the matte, ``<stem>_splash_mask.png``.
        instance_masks: one mask per object, ``<stem>_splash_mask_<number>.png``.
        crops: each object cut out, ``<stem>_splash_crop_<number>.png``.
        compare: before and after side by side, ``<stem>_splash_compare.png``.
        quality: 1 to 100 for formats that lose detail; None keeps the source's.
        overwrite: replace existing files.
    """

    mask: bool = False
    instance_masks: bool = False
    crops: bool = False
    compare: bool = False
    quality: int | None = None
    overwrite: bool = False

    @property
    def extras(self) -> bool:
        """True if anything besides the splash is written."""
        return self.mask or self.instance_masks or self.crops or self.compare


@dataclass(frozen=True)
class PhotoResults:
    """Writer of the results of one photo, for :func:`~balloon_splash.splasher.photo_batch.splash_photos`.

    Attributes:
        files: files to write.
        taken: files, with all links resolved, to which only a splash may be written.
        twins: targets that differ from another one by their suffix alone.
    """

    files: Files
    taken: Collection[Path] = frozenset()
    twins: Collection[Path] = frozenset()

    def __call__(self, job: Job, splashed: Splashed) -> tuple[str, ...]:
        """Write the files, and return what the written format could not hold.

        Raises:
            MediaError: a file cannot be written, or an extra one would replace something else.
            OutputExistsError: a file exists, and ``files.overwrite`` is false.
        """
        target = job.target
        if target is None:
            encoded = encode_picture(splashed.after, quality=self.files.quality)
            sys.stdout.buffer.write(encoded.data)
            sys.stdout.buffer.flush()
            return encoded.notes
        twin = target in self.twins
        extras = [
            (self._free(extra_path(target, ending, twin=twin)), encode_picture(_plain(pixels, splashed.before), "PNG"))
            for ending, pixels in _extra_pixels(splashed, self.files)
        ]
        notes = write_picture(splashed.after, target, quality=self.files.quality, overwrite=self.files.overwrite)
        for path, encoded in extras:
            write_bytes(encoded.data, path, overwrite=self.files.overwrite)
        return notes

    def _free(self, path: Path) -> Path:
        """Return the path, if an extra file may be written there."""
        if path.resolve() in self.taken:
            raise MediaError(f"{path}: is an input, or another result of this run; give another --output")
        if path.exists() and not self.files.overwrite:
            raise OutputExistsError.at(path)
        return path


def _extra_pixels(splashed: Splashed, files: Files) -> Iterator[tuple[str, Pixels]]:
    """Yield the ending of the file name and the pixels of every extra picture; transparent areas stay transparent."""
    before = splashed.before
    if files.mask:
        yield "mask", to_dtype(_visible(splashed.matte, before) * 255, np.uint8)
    if files.compare:
        yield "compare", side_by_side(_with_alpha(before), _with_alpha(splashed.after))
    if not (files.instance_masks or files.crops):
        return
    look = replace(splashed.look, strokes=None)  # which belong to no object
    for index in splashed.chosen:
        matte = _visible(look.matte(before.rgb, splashed.detections[[index]]), before)
        if files.instance_masks:
            yield f"mask_{index + 1:02d}", to_dtype(matte * 255, np.uint8)
        if files.crops and matte.any():
            yield f"crop_{index + 1:02d}", crop_object(before.rgb, matte)


def _visible(matte: Matte, picture: Picture) -> Matte:
    """Return the part of a matte that a transparent picture shows."""
    if picture.alpha is None:
        return matte
    return matte * (picture.alpha / np.float32(np.iinfo(picture.alpha.dtype).max))


def _with_alpha(picture: Picture) -> Pixels:
    return picture.rgb if picture.alpha is None else np.dstack([picture.rgb, picture.alpha])


def _plain(pixels: Pixels, source: Picture) -> Picture:
    """Make pixels ``(h, w)``, ``(h, w, 3)`` or ``(h, w, 4)`` a picture in the colour space of their source."""
    if pixels.ndim == 2:
        return Picture(np.dstack([pixels] * 3), grey=True)
    alpha = pixels[..., 3] if pixels.shape[2] == 4 else None
    profile = None if source.grey else source.metadata.icc
    return Picture(np.ascontiguousarray(pixels[..., :3]), alpha, metadata=Metadata(icc=profile))
