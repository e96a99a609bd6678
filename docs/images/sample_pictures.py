"""Makes the picture of docs/samples.md from what the samples leave behind: a row for each, before and after in turn.

python tools/demo.py --sample shapes    (and coco, and nucleus)
python docs/images/sample_pictures.py output/demo
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

FOLDERS = {"shapes": "shapes", "coco": "coco_pictures", "nucleus": "nucleus"}  # pictures by sample
PAIRS = 2
SIDE = 240
GAP = 4


def main() -> None:
    """Write the sheet beside this file."""
    output = Path(sys.argv[1])
    step = SIDE + GAP
    sheet = Image.new("RGB", (2 * PAIRS * step - GAP, len(FOLDERS) * step - GAP), "white")
    for row, (sample, folder) in enumerate(FOLDERS.items()):
        before = sorted(path for path in (output / folder).rglob("*") if path.is_file())[:PAIRS]
        after = {path.stem.removesuffix("_splash"): path for path in (output / f"splash_{sample}").rglob("*_splash.*")}
        tiles = [tile for path in before for tile in (path, after[path.stem])]
        for column, tile in enumerate(tiles):
            picture = Image.open(tile).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            sheet.paste(picture, (column * step, row * step))
    sheet.save(Path(__file__).parent / "samples.jpg", quality=88)


if __name__ == "__main__":
    main()
