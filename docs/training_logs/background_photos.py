"""Collect the photos without balloons from which the model that ships has learned, from Debian's packages.

    apt-get download gcompris-qt-data scratch gnome-backgrounds lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 \\
        mate-backgrounds opencv-doc ukui-wallpapers
    for package in *.deb; do dpkg-deb -x $package packages; done
    python docs/training_logs/background_photos.py packages DIR/background

takes those of the fifth training; with ``--all``, those of the sixth. ``background_photos.txt`` beside this file names
them: how often each is there, its file, and for GCompris' resource files the number of the picture in it.
"""

from __future__ import annotations

import argparse
import io
import re
from pathlib import Path

from PIL import Image

LIST = Path(__file__).with_suffix(".txt")
SIDE = 1280
#: How a JPEG, a PNG and a WebP begin; GCompris' resource files hold them as they are, one after the other.
BEGINNINGS = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)


def embedded(path: Path, number: int) -> io.BytesIO:
    """The content of a resource file from its picture ``number`` on."""
    content = path.read_bytes()
    starts = [match.start() for match in BEGINNINGS.finditer(content)]
    return io.BytesIO(content[starts[number] :])


def main() -> None:
    """Write the pictures into a folder, as JPEG, with a long side of 1280 at most."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", type=Path, help="where the packages were unpacked")
    parser.add_argument("output", type=Path, help="a folder for the photos")
    parser.add_argument("--all", action="store_true", help="those of the sixth training")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    files = {path.name: path for path in sorted(args.packages.rglob("*"), reverse=True) if path.is_file()}
    first, second = LIST.read_text(encoding="utf-8").split("\n\n")
    for line in (first + "\n" + second if args.all else first).splitlines():
        times, name, *number = line.split("\t")
        source = embedded(files[name], int(number[0])) if number else files[name]
        picture = Image.open(source).convert("RGB")
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        for copy in range(int(times)):
            picture.save(args.output / f"{'_'.join([name, *number])}_{copy}.jpg", quality=92)


if __name__ == "__main__":
    main()
