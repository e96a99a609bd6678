"""A JPEG photo splashed file to file, its matte given: coefficients changed in place against decoding and encoding.

    python -m benchmarks.jpeg_blocks

All sides read the same file and write one. *Encoded again* is how every look but the plain one is written: decode,
grey, encode with the photo's own tables. *Blocks* changes chroma alone, where it has to. The third side is what the
command does, which decodes as well, because a model needs the pixels. Pixels inside that differ are counted in squares
of 16x16 that are inside together with their neighbours.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from balloon_splash.compositing.effects import apply_effect
from balloon_splash.data.render import render_scene
from balloon_splash.media.jpeg_blocks import grey_outside
from balloon_splash.media.jpeg_coefficients import is_available
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import write_bytes, write_picture
from benchmarks._measure import compare

TARGET = 1.5


def photo(width: int, height: int, *, progressive: bool) -> bytes:
    """A rendered scene with the noise of a camera, as cameras write it."""
    scene = cv2.resize(render_scene(0, (width // 4, height // 4)).image, (width, height), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 3, (height, width, 1)).astype(np.float32)
    buffer = BytesIO()
    Image.fromarray((scene + noise).clip(0, 255).astype(np.uint8)).save(
        buffer, "JPEG", quality=92, progressive=progressive
    )
    return buffer.getvalue()


def circles(width: int, height: int) -> npt.NDArray[np.float32]:
    """A hard matte of three round objects."""
    mask = np.zeros((height, width), np.uint8)
    for x, y, radius in ((0.3, 0.4, 0.15), (0.6, 0.5, 0.2), (0.85, 0.25, 0.08)):
        cv2.circle(mask, (round(x * width), round(y * height)), round(radius * height), 1, -1)
    return mask.astype(np.float32)


def inner(mask: npt.NDArray[np.bool_], side: int = 16) -> npt.NDArray[np.bool_]:
    """Pixels of squares that lie inside, with their eight neighbours."""
    height, width = (length // side for length in mask.shape)
    whole = mask[: height * side, : width * side].reshape(height, side, width, side).all(axis=(1, 3))
    sure = cv2.erode(whole.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=0).view(bool)
    return sure.repeat(side, 0).repeat(side, 1)


def differing(before: bytes, after: Path, inside: npt.NDArray[np.bool_]) -> float:
    """Return the share of the pixels inside that differ, decoded by libjpeg-turbo."""
    first, second = (np.asarray(Image.open(source)) for source in (BytesIO(before), after))
    height, width = inside.shape
    return float((first[:height, :width] != second[:height, :width]).any(axis=2)[inside].mean())


def sides(source: Path, matte: npt.NDArray[np.float32]) -> dict[str, tuple[Callable[[], None], Path]]:
    """Return the function of each side, and the file that it writes."""
    names = ("encoded again", "blocks", "decoded, blocks")
    again, changed, both = (source.with_name(f"{name}.jpg") for name in names)

    def encoded_again() -> None:
        picture = read_picture(source)
        write_picture(replace(picture, rgb=apply_effect(picture.rgb, matte)), again, overwrite=True)

    def blocks() -> None:
        result = grey_outside(source.read_bytes(), matte >= 1)
        assert result is not None
        write_bytes(result.data, changed, overwrite=True)

    def decoded_blocks() -> None:
        picture = read_picture(source)
        write_picture(replace(picture, rgb=apply_effect(picture.rgb, matte), keep=matte), both, overwrite=True)

    functions = (encoded_again, blocks, decoded_blocks)
    return dict(zip(names, zip(functions, (again, changed, both), strict=True), strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="JPEG photos splashed by blocks, against encoding them again.")
    parser.add_argument("--size", default="6000x4000", help="width and height in pixels (default: 6000x4000)")
    parser.add_argument("--rounds", type=int, default=5, help="calls of each side (default: 5)")
    args = parser.parse_args()
    if not is_available():
        raise SystemExit("libjpeg-turbo's TurboJPEG is not there: see docs/splash.md")
    width, height = (int(side) for side in args.size.split("x"))
    matte = circles(width, height)
    inside = inner(matte > 0)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "photo.jpg"
        for kind in ("baseline", "progressive"):
            source.write_bytes(photo(width, height, progressive=kind == "progressive"))
            measured = sides(source, matte)
            functions = {name: function for name, (function, _) in measured.items()}
            print(f"{kind}, {args.size}, {source.stat().st_size / 1e6:.1f} MB, median of {args.rounds}")
            for row in compare(kind, functions, rounds=args.rounds, targets={"blocks": TARGET}):
                target = measured[row.side][1]
                part = differing(source.read_bytes(), target, inside)
                figures = f"{row.median:7.3f} s  {row.ratio:5.2f} times as fast  {target.stat().st_size / 1e6:5.1f} MB"
                print(f"  {row.side:16}{figures}  {part:7.2%} of the pixels inside differ")
    print(f"target: {TARGET:g} times, matte given")


if __name__ == "__main__":
    main()
