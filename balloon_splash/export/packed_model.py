"""A trained model as one packed file that runs without torch, compared with torch as a splash runs both."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from balloon_splash.errors import ConfigError, OutputExistsError
from balloon_splash.export.check import Difference, difference
from balloon_splash.export.model import Photos, without_objects
from balloon_splash.export.packing import Packed, pack_weights
from balloon_splash.files import atomic_path
from balloon_splash.inference.backends import EXACT, Choice
from balloon_splash.inference.loading import load_model
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.runtime.finder import OpenVinoFinder

AS_THE_RUNTIME = Choice("torch", "fp32")
"""Torch with the proposals of the runtime, which takes fewer of them than Detectron2."""


def export_packed(
    weights: str | None,
    output: Path,
    photos: Photos,
    *,
    config_file: str | None = None,
    confidence: float,
    calibration: Sequence[str | Path] = (),
    opts: Sequence[str] = (),
    overwrite: bool = False,
) -> tuple[Packed, Mapping[str, Difference]]:
    """Write a packed file, after what it finds was compared with what torch finds by the same file.

    Args:
        weights: see :func:`~balloon_splash.export.packing.pack_weights`, as for all that is not here.
        output: the file, ``*.safetensors``.
        photos: to compare on.
        config_file: the configuration.
        confidence: objects with a lower score are left out.
        calibration: photos for the ranges of int8.
        opts: ``KEY VALUE`` overrides of the configuration.
        overwrite: replace files that are there.

    Returns:
        what was written, and for each photo the difference from Detectron2 in the precision that a splash chooses on
        this processor; none for a model that needs torch anyway.

    Raises:
        ConfigError: in fp32 the runtime finds other objects than torch, or neither finds one in any photo.
        OutputExistsError: a file is there, and ``overwrite`` is false.
    """
    for path in (output, output.with_suffix(".yaml")):
        if path.exists() and not overwrite:
            raise OutputExistsError.at(path)
    with tempfile.TemporaryDirectory() as temporary:
        fresh = Path(temporary, output.name)
        packed = pack_weights(weights, fresh, config_file=config_file, calibration=calibration, opts=opts)
        differences = {} if packed.hindrance else _compared(fresh, output, photos, confidence)
        for part in sorted(Path(temporary).iterdir()):
            with atomic_path(output.with_name(part.name), overwrite=overwrite) as path:
                path.write_bytes(part.read_bytes())
    return replace(packed, path=output), differences


def _compared(fresh: Path, output: Path, photos: Photos, confidence: float) -> dict[str, Difference]:
    """The difference from Detectron2 for each photo; refuses a file that the runtime misreads."""
    exact = OpenVinoFinder(fresh, confidence=confidence, precision="fp32")
    same = Segmenter(*load_model(weights=str(fresh), device="cpu"), confidence=confidence, choice=AS_THE_RUNTIME)
    objects = 0
    for name, photo in photos.items():
        found = difference(same.detect([photo])[0], exact.detect([photo])[0])
        if not found.small:
            raise ConfigError(f"{output}: not written, since its results in fp32 differ from torch's; {name}: {found}")
        objects += found.expected
    if not objects:
        raise without_objects(photos, confidence)
    plain = OpenVinoFinder(fresh, confidence=confidence)
    stock = Segmenter(*load_model(weights=str(fresh), device="cpu"), confidence=confidence, choice=EXACT)
    return {
        f"{name}, in {plain.precision}": difference(stock.detect([photo])[0], plain.detect([photo])[0])
        for name, photo in photos.items()
    }
