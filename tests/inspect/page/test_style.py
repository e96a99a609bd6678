"""The numbers along an axis can be read."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from balloon_splash.inspect.dataset.anchor_figures import coverage_figure
from balloon_splash.inspect.dataset.anchors import Coverage
from balloon_splash.inspect.model.split_figures import size_figure

SIDES = np.geomspace(14, 400, 60)  # between two powers of ten, where matplotlib labels the ticks between them, too
IOUS = np.linspace(0.2, 0.9, 60)


def coverage() -> Figure:
    shapes = np.stack([SIDES, SIDES], axis=1)
    return coverage_figure([("configured", Coverage(shapes, IOUS, np.zeros(60, np.int64)))], ["p2"])


@pytest.mark.parametrize("figure", [coverage, lambda: size_figure(SIDES, IOUS)], ids=["anchors", "sizes"])
def test_numbers_along_a_logarithmic_axis_do_not_overlap(figure: Callable[[], Figure]) -> None:
    drawn = figure()
    FigureCanvasAgg(drawn).draw()
    axis = drawn.axes[0].xaxis
    left, right = drawn.axes[0].get_xlim()
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    labels = [each.label1 for each in ticks if left <= each.get_loc() <= right and each.label1.get_text()]
    boxes = sorted((each.get_window_extent().x0, each.get_window_extent().x1) for each in labels)
    assert [each.get_text() for each in labels] == ["20", "50", "100", "200"]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(boxes))
