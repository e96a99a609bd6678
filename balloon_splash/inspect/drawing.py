"""What several figures of photos share."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from balloon_splash.inspect.style import Rgb

#: Reads the same with any colour vision and in grey.
HEAT = "cividis"

_PAGE = 10.5  # inches


def row_height(image: Rgb, *, columns: int) -> float:
    """Inches that a row of ``columns`` such photos needs, with a line above each."""
    height, width = image.shape[:2]
    return float(np.clip(_PAGE / columns * height / width, 0.5, 6.0) + 0.35)


def faded(image: Rgb) -> Rgb:
    """The photo, pale enough for lines to stand out."""
    return (image * 0.55 + 255 * 0.45).astype(np.uint8)


def grey(image: Rgb) -> Rgb:
    """The photo without its colours, for heat maps on top."""
    return np.dstack([image.mean(axis=2).astype(np.uint8)] * 3)


def legend(ax: Axes, entries: Sequence[tuple[str, str]]) -> None:
    """A legend of lines: name and colour of each."""
    lines = [Line2D([], [], color=color, label=name) for name, color in entries]
    ax.legend(handles=lines, loc="upper right", fontsize=8, framealpha=0.85)


def tag(ax: Axes, box: Sequence[float], text: str, color: str, *, below: bool = False) -> None:
    """Write ``text`` at the top left corner of a box, XYXY, or under its bottom left one."""
    height, alignment = (box[3], "top") if below else (box[1], "bottom")
    background = {"facecolor": color, "edgecolor": "none", "pad": 1, "alpha": 0.9}
    ax.text(box[0], height, text, fontsize=8, color="black", va=alignment, clip_on=True, bbox=background)


def outline(ax: Axes, mask: npt.NDArray[np.bool_], color: str, *, style: str = "solid") -> None:
    """Draw the border of an ``(H, W)`` mask; OpenCV finds it, far faster than a contour plot of all pixels."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    lines = [np.concatenate([contour, contour[:1]])[:, 0] + 0.5 for contour in contours]  # pixel centres
    ax.add_collection(LineCollection(lines, colors=color, linewidths=1.5, linestyles=style))
