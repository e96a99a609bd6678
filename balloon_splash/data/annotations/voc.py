"""Reader of Pascal VOC's segmentations (http://host.robots.ox.ac.uk/pascal/VOC/): PNG files beside a folder of photos.

In ``SegmentationObject/a.png`` each pixel has the number of its object, or its colour of VOC's palette; in
``SegmentationClass/a.png`` likewise the number of its class. 0 is background and 255 an edge of no object.
Exporters add ``labelmap.txt`` with a line ``name:red,green,blue::`` for each class, or ``name:::`` in the order
of the palette.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from balloon_splash.data.annotations.documents import read_text
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.masks import encode_mask
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions, RunLengths
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import DatasetError, MediaError
from balloon_splash.media.formats import is_picture
from balloon_splash.media.opening import DAMAGED, open_image

CLASSES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
_MAP_LINE = re.compile(r"\s*([^:#]+):(?:(\d+),(\d+),(\d+))?:")

Numbers = npt.NDArray[np.int64]


def is_voc_list(path: Path) -> bool:
    """Return whether ``path`` is a list of one split's photos, such as ``ImageSets/Segmentation/train.txt``."""
    return path.suffix == ".txt" and path.parent.parent.name == "ImageSets"


def read_voc(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read ``SegmentationObject`` in a folder, photos in ``JPEGImages``, in order of name; or those of a list.

    Args:
        path: the folder, or a list in it, ``ImageSets/Segmentation/train.txt``, with a name in each line.
        faults: log for the faults.
        options: options for reading.

    Raises:
        DatasetError: a folder is missing.
        AnnotationError: any fault if the log is strict.
    """
    root = path.parents[2] if is_voc_list(path) else path
    instances, images = root / "SegmentationObject", root / "JPEGImages"
    for folder in (instances, images):
        if not folder.is_dir():
            raise DatasetError(f"{folder}: no such folder; expected SegmentationObject and JPEGImages of Pascal VOC")
    photos_by_stem = {path.stem: path.name for path in sorted(images.iterdir()) if is_picture(path)}
    names = _class_colors(root, options)
    photos = []
    for index, stem in enumerate(_stems(path, instances, options)):
        name, masks = photos_by_stem.get(stem, f"{stem}.jpg"), instances / f"{stem}.png"
        try:
            if Path(stem).name != stem or "\0" in stem:
                raise UnsoundError(FaultKind.BAD_ENTRY, f"{path}: {stem[:80]!r} found; expected names without folders")
            objects = _objects(masks, root / "SegmentationClass" / masks.name, names)
        except UnsoundError as error:
            faults.add(error.kind, error.message, photo=name, dropped=True, file=str(masks))
            continue
        photos.append(RawPhoto(index, name, objects, n_listed=len(objects), file=str(masks)))
    has_classes = (root / "SegmentationClass").is_dir()
    classes = tuple(name for name in names.values() if name != "background") if has_classes else None
    return AnnotationSet(photos, image_root=images, classes=classes)


def _stems(path: Path, instances: Path, options: ReadOptions) -> list[str]:
    """Return the names of the photos without suffix: of all masks, or of the lines of a list."""
    if not is_voc_list(path):
        return sorted(each.stem for each in instances.glob("[!.]*.png"))
    lines = (line.strip().strip('"') for line in read_text(path, options.limits).splitlines())
    return list(dict.fromkeys(line for line in lines if line))


def _class_colors(root: Path, options: ReadOptions) -> dict[int, str]:
    """Return names of the classes by colour (24 bits), from ``labelmap.txt`` or VOC's own."""
    path = root / "labelmap.txt"
    if not path.is_file():
        return {_palette_color(number): name for number, name in enumerate(CLASSES, 1)}
    lines = (_MAP_LINE.match(line) for line in read_text(path, options.limits).splitlines())
    colors = {}
    for number, match in enumerate(match for match in lines if match):
        # Where a line has no colour, its position is the number in VOC's palette.
        color = _packed(int(match[2]), int(match[3]), int(match[4])) if match[2] else _palette_color(number)
        colors[color] = match[1].strip()
    return colors


def _packed(red: int, green: int, blue: int) -> int:
    return red << 16 | green << 8 | blue


def _palette_color(number: int) -> int:
    """Return colour ``number`` of VOC's palette: its bits, dealt out to the channels from the highest down."""
    channels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            channels[channel] |= (number >> (3 * place + channel) & 1) << (7 - place)
    return _packed(*channels)


_PALETTE = np.array([_palette_color(number) for number in range(256)], dtype=np.int64)


def read_colors(path: Path, *, by_index: bool = False) -> Numbers:
    """Read the colour of each pixel, ``(H, W)``, 24 bits; numbers beyond VOC's palette have a bit above these.

    For a palette image, that of its palette, or, ``by_index``, of VOC's: its own may repeat a colour.
    """
    try:
        with open_image(path, ["PNG"]) as image:
            if image.mode in ("1", "L") or image.mode.startswith("I") or (by_index and image.mode == "P"):
                numbers = np.asarray(image).astype(np.int64)
                return np.where(numbers < 256, _PALETTE[np.clip(numbers, 0, 255)], numbers | 1 << 24)
            rgb = np.asarray(image.convert("RGB"), dtype=np.int64)
    except (*DAMAGED, MediaError) as error:
        raise UnsoundError(FaultKind.BAD_MASK, f"{path}: cannot be read ({error}); expected a PNG mask") from error
    return np.asarray(rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2])


def _objects(path: Path, class_path: Path, names: Mapping[int, str]) -> list[RawObject]:
    """Return the objects of a photo; pack masks at once, because a photo's numbers are large."""
    numbers = read_colors(path, by_index=True)
    classes = read_colors(class_path) if class_path.is_file() else None
    if classes is not None and classes.shape != numbers.shape:
        raise UnsoundError(FaultKind.SIZE_MISMATCH, f"{class_path}: not of the size of {path}")
    found = [int(value) for value in np.unique(numbers) if value not in (0, _PALETTE[255])]
    objects = []
    for value in found:
        mask = numbers == value
        label: str | UnsoundError | None = None
        if classes is None and class_path.parent.is_dir():
            label = UnsoundError(FaultKind.NO_CLASS, f"{class_path}: no such file; expected the class of each pixel")
        elif classes is not None:
            colors, counts = np.unique(classes[mask], return_counts=True)
            color = int(colors[counts.argmax()])
            message = f"class colour #{color:06x} is not in labelmap.txt, nor in VOC's palette"
            label = names.get(color) or UnsoundError(FaultKind.UNKNOWN_CLASS, message)
        objects.append(_object(f"#{value:06x}", label, encode_mask(mask)))
    return objects


def _object(where: str, label: str | UnsoundError | None, lengths: RunLengths) -> RawObject:
    def outline(size: PhotoSize) -> Outline:
        if list(lengths["size"]) != [size.height, size.width]:
            height, width = lengths["size"]
            message = f"the mask has {width} x {height} pixels, the photo {size.width} x {size.height}"
            raise UnsoundError(FaultKind.SIZE_MISMATCH, message)
        return Outline(masks=[lengths])

    return RawObject(where, label, outline)
