"""Make the picture of docs/model_zoo.md: detections of the shipped model in photos without balloons, and in our own.

    python docs/images/model_pictures.py

The photos come with scikit-image, whose documentation says that they are in the public domain, CC0, or without known
restrictions. No photo of the balloon dataset is shown: their licences ask for more than a caption.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import skimage
from detectron2.utils.visualizer import Visualizer
from PIL import Image, ImageDraw

from balloon_splash.data.render import render_scene
from balloon_splash.data.render.no_balloons import render_no_balloons
from balloon_splash.inference.segmenter import Segmenter

PHOTOS = Path(skimage.__file__).parent / "data"
NAMES = ("astronaut.png", "coffee.png", "coins.png", "chelsea.png", "retina.jpg", "rocket.jpg")
SCENES = {19: "party", 90001: "crowd", 90003: "hot-air"}
MISTAKEN = (20004, 20056, 20063)  # drawings of what is no balloon
CONFIDENCE = 0.9
TILE = (320, 240)
COLUMNS = 3
GAP = 4


def pictures() -> dict[str, npt.NDArray[np.uint8]]:
    """Return the pictures to show, by caption."""
    photos = {name: np.asarray(Image.open(PHOTOS / name).convert("RGB")) for name in NAMES}
    scenes = {f"rendered {kind} {seed}": render_scene(seed, (640, 480), kind).image for seed, kind in SCENES.items()}
    return photos | scenes | {f"no balloons {seed}": render_no_balloons(seed) for seed in MISTAKEN}


def main() -> None:
    """Write the sheet beside this file."""
    segmenter = Segmenter.from_config(weights="balloon", device="cpu", confidence=CONFIDENCE)
    tiles = []
    for name, image in pictures().items():
        (found,) = segmenter([image])
        drawn = Visualizer(image).draw_instance_predictions(found).get_image()
        tile = Image.new("RGB", TILE, "white")
        small = Image.fromarray(drawn)
        small.thumbnail(TILE, Image.Resampling.LANCZOS)
        tile.paste(small, ((TILE[0] - small.width) // 2, (TILE[1] - small.height) // 2))
        ImageDraw.Draw(tile).text(
            (6, TILE[1] - 14), f"{name}: {len(found)}", fill="white", stroke_fill="black", stroke_width=2
        )
        tiles.append(tile)
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (TILE[0] + GAP) - GAP, rows * (TILE[1] + GAP) - GAP), "white")
    for number, tile in enumerate(tiles):
        sheet.paste(tile, ((number % COLUMNS) * (TILE[0] + GAP), (number // COLUMNS) * (TILE[1] + GAP)))
    sheet.save(Path(__file__).parent / "model_pictures.jpg", quality=88)


if __name__ == "__main__":
    main()
