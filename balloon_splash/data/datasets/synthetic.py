"""Rendered balloons as a dataset on disk: JPEG photos and a VIA 1.x file, laid out as the balloon dataset is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from balloon_splash.data.datasets.folders import SPLITS, VIA_FILE, atomic_dataset_folder
from balloon_splash.data.render import KINDS, Scene, render_scene
from balloon_splash.errors import UsageError
from balloon_splash.progress import ProgressBar

_MIN_SIDE = 64  # pixels; below, balloons are blots
_JPEG_QUALITY = 92


def write_synthetic_balloons(
    root: str | os.PathLike[str],
    *,
    num_train: int = 60,
    num_val: int = 15,
    seed: int = 0,
    size: tuple[int, int] = (640, 480),
    kinds: Sequence[str] = ("party",),
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Render pictures of balloons into ``root/train`` and ``root/val``, each with its ``via_region_data.json``.

    The same numbers and seed give the same pictures. A failure leaves nothing behind.

    Args:
        root: the dataset's folder, made here.
        num_train: pictures in ``train``.
        num_val: pictures in ``val``.
        seed: a non-negative seed of the whole dataset.
        size: width and height of the pictures in pixels.
        kinds: kinds of scenes, of :data:`~balloon_splash.data.render.KINDS`, taken in turn.
        overwrite: replace an existing dataset in ``root``.
        progress: show a progress bar on stderr.

    Returns:
        The folder.

    Raises:
        UsageError: a number is too small, or there is no such kind.
        DatasetError: ``root`` is not empty, and ``overwrite`` is false or it holds something else.
    """
    if min(num_train, num_val) < 1 or seed < 0 or min(size) < _MIN_SIDE:
        raise UsageError(
            f"{num_train} and {num_val} pictures of {size[0]}x{size[1]} from seed {seed}: expected at least one for "
            f"each split, {_MIN_SIDE} pixels a side, and a seed that is not negative"
        )
    if not kinds or not set(kinds) <= set(KINDS):
        raise UsageError(f"scenes of kinds {', '.join(kinds) or 'none'}; expected some of {', '.join(KINDS)}")
    with (
        atomic_dataset_folder(root, overwrite=overwrite) as folder,
        ProgressBar(total=num_train + num_val, desc="balloons", unit="picture", disable=not progress) as bar,
    ):
        for split_index, (split, count) in enumerate(zip(SPLITS, (num_train, num_val), strict=True)):
            seeds = np.random.SeedSequence([seed, split_index]).generate_state(count, np.uint64)
            scenes = (render_scene(int(seed), size, kind) for seed, kind in zip(seeds, cycle(kinds), strict=False))
            _write_split(folder / split, scenes, bar)
    return Path(root)


def _write_split(folder: Path, scenes: Iterable[Scene], bar: ProgressBar) -> None:
    folder.mkdir()
    entries = {}
    for index, scene in enumerate(scenes):
        photo = folder / f"{index:06d}.jpg"
        Image.fromarray(scene.image).save(photo, quality=_JPEG_QUALITY)
        num_bytes = photo.stat().st_size
        entries[f"{photo.name}{num_bytes}"] = _via_entry(scene, photo.name, num_bytes)
        bar.update()
    (folder / VIA_FILE).write_text(json.dumps(entries), encoding="utf-8")


def _via_entry(scene: Scene, name: str, num_bytes: int) -> dict[str, Any]:
    """Return one photo as VIA 1.x writes it: ``regions`` is a dict, polygons repeat their first point."""
    regions = {}
    for index, polygon in enumerate(scene.polygons):
        closed = np.concatenate([polygon, polygon[:1]]).round(2)
        shape = {"name": "polygon", "all_points_x": closed[:, 0].tolist(), "all_points_y": closed[:, 1].tolist()}
        regions[str(index)] = {"shape_attributes": shape, "region_attributes": {}}
    return {
        "fileref": "",
        "size": num_bytes,
        "filename": name,
        "base64_img_data": "",
        "file_attributes": {},
        "regions": regions,
    }
