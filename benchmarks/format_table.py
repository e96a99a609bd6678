"""The table of formats in docs/splash.md for another program: the same files, greyed outside of a box by ImageMagick.

    python -m benchmarks.format_table

Needs ImageMagick's ``magick`` or ``convert``. A cell says ``kept``, ``said`` (on standard error), or ``lost``: changed
or left out silently. ``error`` is a file that it does not read or write.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from collections import Counter
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.media import test_format_table as cells

SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "HEIF": "heic", "TIFF": "tif"}
SUFFIXES |= {"GIF": "gif", "BMP": "bmp", "JPEG2000": "jp2"}
BOX = "rectangle 48,48 111,111"


class NotWrittenError(Exception):
    """The other program did not write a file."""


def by_imagemagick(program: str, source: bytes, kind: str) -> tuple[bytes, list[str]]:
    """Splash a file by ImageMagick: grey laid over the photo except for the box; return it and the messages."""
    with tempfile.TemporaryDirectory() as name:
        suffix = SUFFIXES[kind]
        first, second = (Path(name) / f"{stem}.{suffix}" for stem in ("source", "result"))
        first.write_bytes(source)
        mask = [
            "(",
            "+clone",
            "-alpha",
            "off",
            "-fill",
            "white",
            "-colorize",
            "100",
            "-fill",
            "black",
            "-draw",
            BOX,
            ")",
        ]
        grey = ["(", "+clone", "-modulate", "100,0", ")"]
        command = [program, f"{first}[0]", *grey, *mask, "-composite", str(second)]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if not second.exists():
            raise NotWrittenError(run.stderr)
        return second.read_bytes(), [line for line in run.stderr.splitlines() if line]


def cell(name: str, column: str, folder: Path) -> str:
    """Return the result of one cell."""
    kind = cells.FORMATS[name]
    try:
        return cells.CELLS[column](kind) if column in cells.CELLS else cells.WITH_FOLDER[column](kind, folder)
    except NotWrittenError:
        return "error"
    except (AssertionError, KeyError):  # of the test itself: the value is not what it was
        return "lost"


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(
        description="Table of what ImageMagick keeps of the files in the table of formats."
    ).parse_args()
    program = shutil.which("magick") or shutil.which("convert")
    if program is None:
        raise SystemExit("ImageMagick is missing; expected magick or convert")
    print(subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stdout.splitlines()[0])

    def splash(source: bytes) -> tuple[bytes, list[str]]:
        with Image.open(BytesIO(source)) as image:
            kind = "JPEG" if image.format == "MPO" else image.format or "PNG"
        return by_imagemagick(program, source, kind)

    def animate(source: Path, result: Path) -> None:
        command = [program, str(source), "-coalesce", "-modulate", "100,0", str(result)]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if not result.exists():
            raise NotWrittenError(run.stderr)

    cells.splash, cells.animate = splash, animate
    tally: Counter[str] = Counter()
    columns = [*cells.CELLS, *cells.WITH_FOLDER]
    print("| |", " | ".join(columns), "|")
    with tempfile.TemporaryDirectory() as folder:
        for name in cells.FORMATS:
            row = [cell(name, column, Path(folder)) if (name, column) in cells.CELL_LIST else "-" for column in columns]
            print(f"| {name} |", " | ".join(row), "|")
            tally.update(row)
    print(", ".join(f"{count} {what}" for what, count in tally.most_common() if what != "-"))


if __name__ == "__main__":
    main()
