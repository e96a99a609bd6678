"""The page opens from disk anywhere, hides nothing, breaks nothing, and appears whole or not at all."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from balloon_splash.errors import OutputExistsError, UsageError
from balloon_splash.inspect.page.report import Report, check_free
from balloon_splash.inspect.page.style import new_figure, show_photo, tag


def plot() -> Figure:
    figure, (ax,) = new_figure()
    ax.plot([0, 1], [1, 0])
    return figure


@pytest.fixture
def report() -> Report:
    made = Report("Kites", "One.\n\nTwo with `cfg.KEY`.")
    made.section("First", "text")
    return made


def test_the_page_holds_its_pictures_and_needs_no_network(report, tmp_path):
    report.figure(plot(), "lines", "Does it fall?", "It does.")
    report.figure(plot(), "curve", "And this?", "It does, too.", svg=True)
    page = report.write(tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    picture = re.search(r"data:image/webp;base64,([^\"]+)", text)
    assert picture is not None
    assert Image.open(io.BytesIO(base64.b64decode(picture[1]))).width > 500
    assert Image.open(tmp_path / "out" / "figures" / "lines.png").format == "PNG"
    assert (tmp_path / "out" / "figures" / "curve.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize("size", [(120, 160), (400, 100), (1500, 2000)])
@pytest.mark.parametrize("columns", [1, 2])
def test_labels_are_not_cut_at_the_edge_of_a_photo(size: tuple[int, int], columns: int) -> None:
    height, width = size
    figure, axes = new_figure(1, columns)
    ax = axes[0]
    show_photo(ax, np.zeros((*size, 3), np.uint8), "a photo")
    for left in (0, width - 1):
        for top in (0, height - 1):
            tag(ax, [left, top, left + 1, top + 1], "IoU 0.87", "#ffffff", below=top > 0)
            tag(ax, [left, top, left + 1, top + 1], "IoU 0.87", "#ffffff")
    FigureCanvasAgg(figure).draw()
    for text in ax.texts:
        drawn, photo = text.get_window_extent(), ax.get_window_extent()
        cut = min(drawn.x0 - photo.x0, photo.x1 - drawn.x1, drawn.y0 - photo.y0, photo.y1 - drawn.y1)
        assert cut > -1, "pixels of the figure"


def test_on_a_narrow_screen_long_words_break_and_wide_things_scroll_by_themselves(report, tmp_path):
    report.table(["photo"], [["a" * 200]], "A table")
    report.figure(plot(), "lines", "b" * 200, "c" * 200)
    text = report.write(tmp_path / "out").read_text(encoding="utf-8")
    assert re.search(r"body \{[^}]*overflow-wrap: anywhere", text)
    assert re.search(r"figure img \{[^}]*max-width: 100%", text)
    assert '<div class="scroll"><table>' in text


def test_sections_are_in_the_table_of_contents_and_can_be_jumped_to(report, tmp_path):
    report.section("Second & last", "")
    text = report.write(tmp_path / "out").read_text()
    assert '<a href="#section-2">Second &amp; last</a>' in text
    assert '<section id="section-2">' in text
    assert "<p>One.</p><p>Two with <code>cfg.KEY</code>.</p>" in text


def test_names_of_photos_and_classes_cannot_become_markup(report, tmp_path):
    evil = "<script>alert(1)</script>`<b>`"
    report.section(evil, evil)
    report.figure(plot(), "x", evil, evil)
    report.table([evil], [[evil]], evil)
    text = report.write(tmp_path / "out").read_text()
    assert "<script" not in text
    assert "<b>" not in text


def test_numbers_in_tables_read_easily(report, tmp_path):
    report.table(["what", "count", "share"], [["x", 20000, 0.125]], "T")
    text = report.write(tmp_path / "out").read_text()
    assert '<td>x</td><td class="number">20,000</td><td class="number">0.12</td>' in text


@pytest.mark.parametrize("svg", [False, True])
def test_the_same_figure_gives_the_same_file(svg, report, tmp_path):
    report.figure(plot(), "one", "", "", svg=svg)
    report.figure(plot(), "two", "", "", svg=svg)
    figures = report.write(tmp_path / "out").parent / "figures"
    one, two = (path.read_bytes() for path in sorted(figures.iterdir()))
    assert one == two


def test_a_figure_is_free_after_it_was_added(report):
    figure = plot()
    report.figure(figure, "lines", "", "")
    assert not figure.axes


def test_nothing_is_overwritten_unasked_and_nothing_foreign_ever(report, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    report.write(folder)  # empty: no loss
    with pytest.raises(OutputExistsError, match=r"exists already; .*--overwrite"):
        report.write(folder)
    report.figure(plot(), "new", "", "")
    report.write(folder, overwrite=True)
    assert (folder / "figures" / "new.png").is_file()
    (folder / "thesis.tex").write_text("three years of work")
    with pytest.raises(OutputExistsError, match=r"thesis\.tex"):
        report.write(folder, overwrite=True)
    with pytest.raises(OutputExistsError, match=r"thesis\.tex"):
        check_free(folder, overwrite=True)
    assert (folder / "thesis.tex").read_text() == "three years of work"


@pytest.mark.parametrize("folder", ["a_file/report", "name_too_long" * 30])
def test_a_folder_that_cannot_be_made_is_told_before_the_work(folder, tmp_path):
    (tmp_path / "a_file").touch()
    with pytest.raises(UsageError, match=r"no report can be written there: \w+"):
        check_free(tmp_path / folder)


def test_asking_whether_a_folder_is_free_leaves_nothing(tmp_path):
    before = sorted(tmp_path.iterdir())
    check_free(tmp_path / "some" / "report")
    assert sorted(tmp_path.iterdir()) == before


def test_a_figure_longer_than_webp_allows_is_shown_smaller(report, tmp_path):
    figure, _ = new_figure(width=1, height=160)
    report.figure(figure, "tower", "", "")
    text = report.write(tmp_path / "out").read_text()
    assert re.search(r"data:image/webp;base64,", text)
    assert Image.open(tmp_path / "out" / "figures" / "tower.png").height > 16383


def test_a_failure_leaves_the_old_report_and_no_crumbs(report, tmp_path, monkeypatch):
    page = report.write(tmp_path / "out")
    before = page.read_text()

    def full(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="disk full"):
        report.write(tmp_path / "out", overwrite=True)
    assert page.read_text() == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.name != "cache"] == ["out"]


def test_mistakes_of_the_caller_are_told(report):
    report.figure(plot(), "one", "", "")
    with pytest.raises(ValueError, match="taken"):
        report.figure(plot(), "one", "", "")
    with pytest.raises(ValueError, match="name"):
        report.figure(plot(), "../one", "", "")
    with pytest.raises(ValueError, match="cells"):
        report.table(["a", "b"], [["x"]], "T")
    with pytest.raises(ValueError, match="section"):
        Report("", "").table(["a"], [["x"]], "T")
