"""Style of figures: one look, colours distinct for any colour vision, photos without axes.

Everything goes through matplotlib's object API: importing this changes no global state and opens no window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullFormatter

from balloon_splash.palette import PALETTE

Rgb = npt.NDArray[np.uint8]  # (H, W, 3)

# As matplotlib writes colours.
ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = ("#{:02x}{:02x}{:02x}".format(*color) for color in PALETTE)
GREY = "#7f8894"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED, YELLOW)

_MAX_WIDTH = 10.5  # inches


def new_figure(
    rows: int = 1, columns: int = 1, *, width: float = _MAX_WIDTH, height: float = 3.4
) -> tuple[Figure, list[Axes]]:
    """Make an empty figure of ``rows`` x ``columns`` plots, and return it with its axes in reading order.

    Args:
        rows, columns: size of the grid.
        width: width of the figure, in inches.
        height: height of one row, in inches.
    """
    figure = Figure(figsize=(width, height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in axes:
        ax.set_prop_cycle(color=CYCLE)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=9)
        ax.set_axisbelow(True)
        ax.grid(color="#e6e9ed", linewidth=0.8)
    return figure, axes


def log_scale(ax: Axes) -> None:
    """Make the x axis of ``ax`` logarithmic, with labels such as 20, 50 and 100 and none between them."""
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter(NullFormatter())


def show_photo(ax: Axes, image: Rgb, title: str = "") -> None:
    """Fill ``ax`` with a photo, in pixels from the top left corner, without axes."""
    height, width = image.shape[:2]
    ax.imshow(image, extent=(0, width, height, 0))  # pixel 0 covers [0, 1), as boxes and polygons count
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.set_axis_off()
    ax.set_anchor("N")
    if title:
        ax.set_title(title, fontsize=9, loc="left")


def photo_grid(images: Sequence[Rgb], titles: Sequence[str], *, columns: int = 3) -> Figure:
    """Draw photos side by side, each with a line of text above it."""
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    tallest = max(image.shape[0] / image.shape[1] for image in images)
    width = _MAX_WIDTH * columns / max(columns, 2)
    figure, axes = new_figure(rows, columns, width=width, height=min(width / columns * tallest, 5.0) + 0.3)
    for ax, image, title in zip(axes, images, titles, strict=False):
        show_photo(ax, image, title)
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    return figure


def draw_boxes(
    ax: Axes, boxes: Iterable[Sequence[float]], color: str, *, width: float = 1.5, dashed: bool = False
) -> None:
    """Draw boxes, XYXY in the pixels of the photo in ``ax``."""
    style = "--" if dashed else "-"
    for x0, y0, x1, y1 in boxes:
        ax.add_patch(
            Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=color, linewidth=width, linestyle=style)
        )


def shorten(text: str, length: int = 28) -> str:
    """Leave out the middle of ``text`` where it is longer than ``length`` characters."""
    if len(text) <= length:
        return text
    half = (length - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


#: Reads the same with any colour vision and in grey.
HEAT = "cividis"

_PAGE = 10.5  # inches
_CHARACTER, _LINE, _PAD = 0.085, 0.18, 0.05  # inches, of a text of 8 points: at most, around, and to its sides


def row_height(image: Rgb, *, columns: int) -> float:
    """Return the height in inches of a row of ``columns`` such photos, with a line of text above each."""
    height, width = image.shape[:2]
    return float(np.clip(_PAGE / columns * height / width, 0.5, 6.0) + 0.35)


def faded(image: Rgb) -> Rgb:
    """Return the photo, pale enough for lines to stand out."""
    return (image * 0.55 + 255 * 0.45).astype(np.uint8)


def grey(image: Rgb) -> Rgb:
    """Return the photo without its colours, for heat maps on top."""
    return np.dstack([image.mean(axis=2).astype(np.uint8)] * 3)


def legend(ax: Axes, entries: Sequence[tuple[str, str]]) -> None:
    """Add a legend of lines: name and colour of each."""
    lines = [Line2D([], [], color=color, label=name) for name, color in entries]
    ax.legend(handles=lines, loc="upper right", fontsize=8, framealpha=0.85)


def tag(ax: Axes, box: Sequence[float], text: str, color: str, *, below: bool = False) -> None:
    """Write ``text`` at the top left corner of a box, XYXY, or under its bottom left one, moved so that none is cut."""
    wide, high = (inches * _pixels_per_inch(ax) for inches in (_CHARACTER * len(text) + _PAD, _LINE))
    width, height = ax.get_xlim()[1], ax.get_ylim()[0]
    x = max(min(box[0], width - wide), 0)
    y, alignment = (min(box[3], height - high), "top") if below else (max(box[1], high), "bottom")
    background = {"facecolor": color, "edgecolor": "none", "pad": 1, "alpha": 0.9}
    ax.text(x, y, text, fontsize=8, color="black", va=alignment, clip_on=True, bbox=background)


def _pixels_per_inch(ax: Axes) -> float:
    """Return an upper bound for the photo in ``ax``: the layout only makes the plot larger."""
    figure: Any = ax.figure
    inches = ax.get_position().size * figure.get_size_inches()
    return float(max(ax.get_xlim()[1] / inches[0], ax.get_ylim()[0] / inches[1]))


def outline(ax: Axes, mask: npt.NDArray[np.bool_], color: str, *, style: str = "solid") -> None:
    """Draw the border of an ``(H, W)`` mask; OpenCV finds it, far faster than a contour plot of all pixels."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    lines = [np.concatenate([contour, contour[:1]])[:, 0] + 0.5 for contour in contours]  # pixel centres
    ax.add_collection(LineCollection(lines, colors=color, linewidths=1.5, linestyles=style))
