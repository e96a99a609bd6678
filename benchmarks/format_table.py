"""The table of formats in docs/splash.md for other programs: the same files, changed outside of a box.

    python -m benchmarks.format_table
    python -m benchmarks.format_table --program rembg

ImageMagick (``magick`` or ``convert``) greys the outside. rembg (``pip install 'rembg[cpu]'``) cuts it away; it gets
the box in place of a model, which it would download. A cell says ``kept``, ``noted`` (on standard error), or ``lost``:
changed or left out silently. ``error`` is a file that it does not read or write.
"""

from __future__ import annotations

import argparse
import importlib
import shutil
import subprocess
import tempfile
from collections import Counter
from importlib import metadata
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


class Box:
    """Session of rembg that finds the box, whatever the picture."""

    def predict(self, image: Image.Image, *_: object, **__: object) -> list[Image.Image]:
        """Return the mask of the box."""
        mask = Image.new("L", image.size, 0)
        mask.paste(255, (48, 48, 112, 112))
        return [mask]


def imagemagick() -> str:
    """Have the cells written by ImageMagick; return its version."""
    program = shutil.which("magick") or shutil.which("convert")
    if program is None:
        raise SystemExit("ImageMagick is missing; expected magick or convert")

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
    return subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def rembg() -> str:
    """Have the cells written by rembg; return its version."""
    try:
        remove = importlib.import_module("rembg.bg").remove
    except ModuleNotFoundError as error:
        raise SystemExit("rembg is missing; expected pip install 'rembg[cpu]'") from error

    def splash(source: bytes) -> tuple[bytes, list[str]]:
        try:
            return remove(source, session=Box()), []
        except Exception as error:
            raise NotWrittenError(str(error)) from error

    cells.splash = splash
    cells.animate = lambda source, result: result.write_bytes(splash(source.read_bytes())[0])
    return f"rembg {metadata.version('rembg')}"


PROGRAMS = {"imagemagick": imagemagick, "rembg": rembg}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What other programs keep of the files in the table of formats.")
    parser.add_argument(
        "--program", choices=PROGRAMS, default="imagemagick", help="program to measure (default: imagemagick)"
    )
    print(PROGRAMS[parser.parse_args().program]())
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
