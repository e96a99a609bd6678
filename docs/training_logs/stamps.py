"""Paste Tux Paint's photo stamps over photos without balloons: round, glossy and coloured things in many places.

    apt-get download tuxpaint-stamps-default
    dpkg-deb -x tuxpaint-stamps-default_*.deb packages
    python docs/training_logs/stamps.py packages DIR/background --count 400

writes ``stamps_0000.jpg`` and so on beside the photos of ``background_photos.py``, which it pastes over. We used
version 2022.06.04. Small stamps, symbols, a balloon, and those in folders of drawn ones are left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

SMALLEST = 90
LEFT_OUT = ("symbols", "cartoon", "flags", "roadsigns", "balloon")


def stamps(packages: Path) -> list[Image.Image]:
    """Stamps cut from photos, as RGBA, in the order of their paths."""
    found = []
    for path in sorted((packages / "usr/share/tuxpaint/stamps").rglob("*.png")):
        if any(word in path.as_posix() for word in LEFT_OUT) or path.stem.endswith(("_mirror", "_flip")):
            continue
        stamp = Image.open(path).convert("RGBA")
        box = stamp.getchannel("A").getbbox()
        if box is not None and min(stamp.size) >= SMALLEST:
            found.append(stamp.crop(box))
    return found


def paste(rng: np.random.Generator, photo: Image.Image, things: list[Image.Image]) -> Image.Image:
    """Copy of a photo with one to fourteen of the things on it, each resized, turned, and as sharp as chance has it."""
    picture = photo.copy()
    short = min(picture.size)
    for _ in range(int(rng.integers(1, 15))):
        thing = things[int(rng.integers(len(things)))]
        scale = short * rng.uniform(0.08, 0.5) / max(thing.size)
        thing = thing.resize([max(round(side * min(scale, 2)), 2) for side in thing.size], Image.Resampling.LANCZOS)
        thing = thing.rotate(rng.normal(0, 15), Image.Resampling.BICUBIC, expand=True)
        if rng.random() < 0.5:
            thing = thing.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if rng.random() < 0.3:
            thing = thing.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2.5)))
        x, y = (int(rng.integers(-thing.size[i] // 3, picture.size[i])) for i in range(2))
        picture.paste(thing, (x, y), thing)
    return picture


def main() -> None:
    """Write the pictures, as JPEG."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", type=Path, help="where the package was unpacked")
    parser.add_argument("output", type=Path, help="the folder with the photos without balloons")
    parser.add_argument("--count", type=int, default=400, help="pictures to write (default: 400)")
    args = parser.parse_args()
    things = stamps(args.packages)
    photos = sorted(path for path in args.output.glob("*.jpg") if not path.name.startswith("stamps_"))
    rng = np.random.default_rng(0)
    for number in range(args.count):
        with Image.open(photos[int(rng.integers(len(photos)))]) as photo:
            paste(rng, photo.convert("RGB"), things).save(args.output / f"stamps_{number:04}.jpg", quality=92)


if __name__ == "__main__":
    main()
