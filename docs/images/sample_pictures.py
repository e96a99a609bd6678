"""Make the picture of docs/samples.md from the output of the samples: before and after in turn, or pictures alone.

python tools/demo.py --sample nucleus    (and shapes, and coco)
python docs/images/sample_pictures.py output/demo
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

FOLDERS = {"nucleus": "nucleus", "shapes": "shapes", "coco": "coco_pictures"}  # pictures by sample
PAIRS = 2
SIDE = 240
GAP = 4


def main() -> None:
    """Write the sheet beside this file."""
    output = Path(sys.argv[1])
    step = SIDE + GAP
    sheet = Image.new("RGB", (2 * PAIRS * step - GAP, len(FOLDERS) * step - GAP), "white")
    for row, (sample, folder) in enumerate(FOLDERS.items()):
        before = sorted(path for path in (output / folder).rglob("*") if path.is_file())[: 2 * PAIRS]
        after = {path.stem.removesuffix("_splash"): path for path in (output / f"splash_{sample}").rglob("*_splash.*")}
        tiles = [tile for path in before[-PAIRS:] for tile in (path, after[path.stem])] if after else before
        for column, tile in enumerate(tiles):
            picture = Image.open(tile).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            sheet.paste(picture, (column * step, row * step))
    sheet.save(Path(__file__).parent / "samples.jpg", quality=88)


if __name__ == "__main__":
    main()
