"""The options of a splash, described once: arguments for the command, JSON for the service.

Reads no heavy library, since ``--help`` shows what stands here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from balloon_splash.compositing import DEFAULT_CONFIDENCE, DEFAULT_LOW_CONFIDENCE

Shape: TypeAlias = Literal["flag", "one", "many", "tuple", "tuples"]
"""A switch, one value, any number of values, a fixed number of values, or any number of such."""


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes:
        type: ``int``, ``float`` or ``str``.
        expected: the kind in words.
        least: lowest number; None has no bound.
        most: highest number; None has no bound.
        word: a word that may stand in place of a number.
        parse: reads a text that is neither a number nor ``word``; raises ValueError.
    """

    type: type[int] | type[float] | type[str]
    expected: str
    least: float | None = None
    most: float | None = None
    word: str | None = None
    parse: Callable[[str], float] | None = field(default=None, compare=False)

    def read(self, text: str) -> int | float | str:
        """Return the value that a text stands for.

        Raises:
            ValueError: it stands for none.
        """
        if self.type is str or text == self.word:
            return text
        read: Callable[[str], float] = self.parse or (float if self.type is float else int)
        value = read(text)
        least = -math.inf if self.least is None else self.least
        if not least <= value <= (math.inf if self.most is None else self.most):  # NaN lies nowhere
            raise ValueError(self.expected)
        return value


def _seconds(text: str) -> float:
    parts = [float(part) for part in text.split(":")]
    if len(parts) > 3 or not all(0 <= part < math.inf for part in parts):
        raise ValueError
    return sum(part * 60**power for power, part in enumerate(reversed(parts)))


SHARE = Kind(float, "a number from 0 to 1", 0, 1)
POSITIVE = Kind(int, "a whole number, 1 or more", 1)
LENGTH = Kind(float, "a number of pixels, 0 or more", 0, 10_000)
PIXEL = Kind(float, "a number of pixels")
PERCENT = Kind(int, "a whole number from 1 to 100", 1, 100)
WHOLE = Kind(int, "a whole number")
TEXT = Kind(str, "a text")
SECONDS = Kind(float, "seconds, mm:ss or h:mm:ss", 0, parse=_seconds)
POSITIVE_OR_AUTO = Kind(int, "a whole number, 1 or more, or auto", 1, word="auto")


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
        name: in Python and JSON; the command writes ``--`` before it and ``-`` for each ``_``.
        help: one sentence without its full stop, and without the default.
        kind: of the value, or of each value.
        shape: how many values there are.
        default: where nothing is given.
        default_text: the default in words; empty shows the value.
        metavar: what stands for the value in the command's help; of a tuple, one for each number.
        bare: value of the option where the command's user gives none.
        instead_of: the option that it contradicts.
    """

    name: str
    help: str
    kind: Kind = TEXT
    shape: Shape = "one"
    default: Any = None
    default_text: str = ""
    metavar: str | tuple[str, ...] = ""
    bare: Any = None
    instead_of: str | None = None

    @property
    def flag(self) -> str:
        """Return the option as the command writes it."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def help_with_default(self) -> str:
        """Return the help text of the command."""
        default = f"{self.default:g}" if isinstance(self.default, float) else self.default
        return f"{self.help} (default: {self.default_text or default})"


_BOX = ("X0", "Y0", "X1", "Y1")

SELECTION = (
    Option("confidence", "lowest score of an object, from 0 to 1", SHARE, default=DEFAULT_CONFIDENCE, metavar="0-1"),
    Option(
        "low_confidence",
        "lowest score, from 0 to 1, of an object beside one of its class that reaches --confidence",
        SHARE,
        default_text=f"{DEFAULT_LOW_CONFIDENCE}",
        metavar="0-1",
    ),
    Option(
        "no_low_confidence",
        "require --confidence of every object",
        shape="flag",
        default=False,
        default_text="off",
        instead_of="low_confidence",
    ),
    Option(
        "classes", "keep only objects of these classes", shape="many", default=(), default_text="all", metavar="NAME"
    ),
    Option(
        "instances",
        "keep only objects with these numbers, which --labels shows",
        POSITIVE,
        "many",
        default_text="all",
        metavar="N",
    ),
    Option(
        "top_k",
        "keep only the K objects with the best scores; in videos, with the best mean scores",
        POSITIVE,
        default_text="all",
        metavar="K",
    ),
    Option(
        "largest",
        "keep only the largest object; in videos, the one with the largest mean area",
        shape="flag",
        default=False,
        default_text="all",
    ),
    Option(
        "box",
        "keep only objects in this box, in pixels; in videos, those that appear there",
        PIXEL,
        "tuple",
        default_text="all",
        metavar=_BOX,
    ),
    Option(
        "add_box",
        "add an object that the model has missed, by its box in pixels; in videos, by its box in the first frame, "
        "from which it is followed; may be repeated",
        PIXEL,
        "tuples",
        default=(),
        default_text="none",
        metavar=_BOX,
    ),
    Option(
        "point",
        "keep only the object at this pixel; in videos, the one that appears there",
        PIXEL,
        "tuple",
        default_text="all",
        metavar=("X", "Y"),
    ),
)

BACKGROUND = (
    Option(
        "background",
        "background: grey, desaturate[:AMOUNT], blur[:PIXELS], pixelate[:PIXELS], black, white, any colour "
        "(#rrggbb), transparent, or image:FILE",
        default="grey",
        metavar="B",
    ),
    Option(
        "invert",
        "keep the colour outside the objects",
        shape="flag",
        default=False,
        default_text="inside",
    ),
)

EDGES = (
    Option(
        "soft",
        "soften edges with the model's soft masks",
        shape="flag",
        default=False,
        default_text="hard edges",
    ),
    Option("feather", "width of a soft ramp across the edge, in pixels", LENGTH, default=0.0, metavar="PX"),
    Option("grow", "distance to grow the objects by, in pixels", LENGTH, default=0.0, metavar="PX"),
    Option("shrink", "distance to shrink the objects by, in pixels", LENGTH, default=0.0, metavar="PX"),
    Option(
        "refine",
        "fit edges to the picture's contours within PX pixels, 16 without a number",
        POSITIVE,
        default=0,
        default_text="off",
        metavar="PX",
        bare=16,
    ),
    Option(
        "outline",
        "draw a contour around each object",
        shape="flag",
        default=False,
        default_text="off",
    ),
    Option(
        "labels",
        "label each object with its number, class and score",
        shape="flag",
        default=False,
        default_text="off",
    ),
)

VIDEOS = (
    Option("start", "start of the part to keep, seconds or [h:]mm:ss", SECONDS, default=0.0, metavar="T"),
    Option("end", "end of the part to keep, seconds or [h:]mm:ss", SECONDS, default_text="the end", metavar="T"),
    Option("stride", "keep every Nth frame, at unchanged speed", POSITIVE, default=1, metavar="N"),
    Option("max_frames", "stop after N frames", POSITIVE, default_text="the end", metavar="N"),
    Option(
        "every",
        "run the model on every Nth frame, from 1 to 60, and more often where in doubt; optical flow carries "
        "objects over the frames between, which is faster and less exact; auto is 8, or 1 with --detections",
        POSITIVE_OR_AUTO,
        default=1,
        metavar="N|auto",
    ),
    Option(
        "codec", "codec: h264, h265, vp9, av1 or prores", default_text="the usual one of the file type", metavar="C"
    ),
    Option(
        "video_quality",
        "quality of the video on the codec's own scale, CRF; lower is better",
        WHOLE,
        default_text="the codec's",
        metavar="Q",
    ),
    Option("no_audio", "drop the sound", shape="flag", default=False, default_text="copy it"),
    Option(
        "no_steady",
        "splash each frame by itself",
        shape="flag",
        default=False,
        default_text="follow and smooth the objects",
    ),
)

QUALITY = Option(
    "quality",
    "quality of JPEG, WebP, HEIC and AVIF photos, from 1 to 100",
    PERCENT,
    default_text="the photo's own",
    metavar="1-100",
)

TILES = Option(
    "tiles",
    "also search large pictures in tiles of PX pixels, 1024 for auto, to find small objects",
    POSITIVE_OR_AUTO,
    default_text="off",
    metavar="auto|PX",
)

GROUPS: Mapping[str, tuple[Option, ...]] = {
    "objects that keep their colour": SELECTION,
    "background": BACKGROUND,
    "edges and marks": EDGES,
    "videos and animations": VIDEOS,
}
