"""Run lengths in CSV, the submission format of the 2018 Data Science Bowl (``samples/nucleus`` of the article).

Each object has a row ``ImageId,EncodedPixels``; ``EncodedPixels`` is ``start length start length ...``, pixels counted
from 1 down the columns. An image without objects has one row with an empty second column.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from balloon_splash.errors import AnnotationError
from balloon_splash.files import atomic_path

Mask = npt.NDArray[np.bool_]
COLUMNS = ("ImageId", "EncodedPixels")


def encode_runs(mask: Mask) -> str:
    """Encode a mask ``(H, W)`` as ``start length ...``."""
    steps = np.diff(np.concatenate([[0], mask.T.ravel().astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return " ".join(f"{start + 1} {end - start}" for start, end in zip(starts, ends, strict=True))


def decode_runs(text: str, height: int, width: int) -> Mask:
    """Decode runs to a mask ``(height, width)``.

    Raises:
        AnnotationError: they are not pairs of numbers, or leave the image.
    """
    try:
        numbers = np.array(text.split(), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise AnnotationError(f"run lengths: {str(error)[:80]}; expected whole numbers") from error
    starts, lengths = numbers[::2] - 1, numbers[1::2]
    fits = len(starts) == len(lengths) and (starts >= 0).all() and (lengths > 0).all()
    if not fits or (starts > height * width - lengths).any():
        raise AnnotationError(f"run lengths: expected pairs of start and length within {width} x {height} pixels")
    flat = np.zeros(height * width, dtype=np.bool_)
    for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
        flat[start : start + length] = True
    return flat.reshape(width, height).T


def write_submission(
    path: str | os.PathLike[str], masks: Mapping[str, Sequence[Mask]], *, overwrite: bool = False
) -> None:
    """Write ``submit.csv``: the masks of each image by its id, best score first.

    A pixel of two objects goes to the first one, as the rules of the competition require.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
    """
    with atomic_path(Path(path), overwrite=overwrite) as temporary:
        temporary.write_text(submission_text(masks), encoding="utf-8", newline="")


def submission_text(masks: Mapping[str, Sequence[Mask]]) -> str:
    """The text of :func:`write_submission`."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for image_id, found in masks.items():
        rows = [row for row in _disjoint_runs(found) if row] or [""]
        writer.writerows((image_id, row) for row in rows)
    return stream.getvalue()


def _disjoint_runs(masks: Sequence[Mask]) -> list[str]:
    rows: list[str] = []
    taken: Mask | None = None
    for mask in masks:
        free = mask if taken is None else mask & ~taken
        taken = free if taken is None else taken | free
        rows.append(encode_runs(free))
    return rows


def read_submission(path: str | os.PathLike[str], sizes: Mapping[str, tuple[int, int]]) -> dict[str, list[Mask]]:
    """Read such a file.

    Args:
        path: the CSV file.
        sizes: ``(height, width)`` of each image by its id.

    Raises:
        AnnotationError: another header, an unknown image, or unsound run lengths; names the line.
    """
    with Path(path).open(newline="", encoding="utf-8") as stream:
        rows = csv.reader(stream)
        if tuple(next(rows, ())) != COLUMNS:
            raise AnnotationError(f"{path}: expected the header {','.join(COLUMNS)}")
        masks: dict[str, list[Mask]] = {}
        for line, row in enumerate(rows, 2):
            if len(row) != len(COLUMNS) or row[0] not in sizes:
                raise AnnotationError(f"{path}: line {line}: expected the id of a known image and its run lengths")
            found = masks.setdefault(row[0], [])
            try:
                found += [decode_runs(row[1], *sizes[row[0]])] if row[1].strip() else []
            except AnnotationError as error:
                raise AnnotationError(f"{path}: line {line}: {error}") from error
    return masks
