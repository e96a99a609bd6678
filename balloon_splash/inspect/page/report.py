"""A report of sections, figures and tables as one HTML page that needs no network."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from PIL import Image

from balloon_splash.errors import OutputExistsError, UsageError
from balloon_splash.files import swap_folder
from balloon_splash.progress import ProgressBar

PAGE = "index.html"
FIGURES = "figures"

_DPI = 110
_WEBP_QUALITY = 82  # quality of the copies inside the page; the files beside it are lossless
_WEBP_SIDE = 16383  # the format has no longer sides
_CODE = r"<code>\1</code>"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class _Figure:
    """Rendered figure: ``uri`` is what the page shows, ``content`` the file beside it."""

    title: str
    caption: str
    file_name: str
    content: bytes
    uri: str


@dataclass(frozen=True)
class _Table:
    title: str
    headers: list[str]
    rows: list[list[object]]


@dataclass(frozen=True)
class _Section:
    title: str
    text: str
    items: list[_Figure | _Table] = field(default_factory=list)


class Report:
    """Content of a page that :meth:`write` makes, in the order of the calls.

    Texts are plain: everything is escaped, a blank line separates paragraphs, and `` `name` `` is set as code. Figures
    are rendered when they are added, so that a report of any length holds compressed pictures only.
    """

    def __init__(self, title: str, introduction: str, *, sections: int = 0) -> None:
        """Start a report.

        Args:
            title: heading of the page.
            introduction: text below the heading.
            sections: number of sections to come, for a bar on stderr that names the current one; 0 shows none.
        """
        self.title = title
        self.introduction = introduction
        self._bar = ProgressBar(total=sections, unit="section", disable=not sections)
        self._sections: list[_Section] = []

    def section(self, title: str, text: str) -> None:
        """Start a section; what is added next belongs to it."""
        self._bar.n = len(self._sections)
        self._bar.set_description(title)
        self._sections.append(_Section(title, text))

    def figure(self, figure: Figure, name: str, title: str, caption: str, *, svg: bool = False) -> None:
        """Add a figure, and clear it: its memory is free afterwards.

        Args:
            figure: a figure made through matplotlib's object API, so that no global state keeps it alive.
            name: name of the file beside the page, without suffix: lower-case letters, digits, ``_`` and ``-``.
            title: what to look for.
            caption: how to read the figure, and what it shows here.
            svg: keep it as vector graphics; for plots of few marks. Otherwise PNG.

        Raises:
            ValueError: there is no section yet, or ``name`` is malformed or taken.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"figure name {name!r}; expected lower-case letters, digits, _ and -")
        file_name = f"{name}.{'svg' if svg else 'png'}"
        if any(file_name == other.file_name for other in self._figures()):
            raise ValueError(f"figure name {name!r} is taken")
        content = _render(figure, svg)
        uri = _data_uri("svg+xml", content) if svg else _data_uri("webp", _webp(content))
        self._add(_Figure(title, caption, file_name, content, uri))
        figure.clear()

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[object]], title: str) -> None:
        """Add a table; numbers are aligned to the right, floats shown with two digits.

        Raises:
            ValueError: there is no section yet, or a row is not as long as ``headers``.
        """
        if any(len(row) != len(headers) for row in rows):
            raise ValueError(f"table {title!r}: expected {len(headers)} cells in each row")
        self._add(_Table(title, list(headers), [list(row) for row in rows]))

    def write(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write ``index.html``, and the figures as files in ``figures/``; all or nothing.

        Args:
            folder: the folder of the report, made here; it may exist if it is empty.
            overwrite: replace an existing report. Only a report: other files are left alone.

        Returns:
            The path of the page.

        Raises:
            OutputExistsError: ``folder`` is taken.
            UsageError: nothing can be written there.
        """
        self._bar.n = len(self._sections)
        self._bar.close()
        target = Path(folder).expanduser().absolute()
        check_free(target, overwrite=overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        try:
            fresh = workplace / "new"
            self._write_files(fresh)
            if target.exists():
                check_free(target, overwrite=overwrite)  # check again: it may have been filled meanwhile
                swap_folder(fresh, target, workplace / "old")
            else:
                fresh.rename(target)
        finally:
            shutil.rmtree(workplace)
        return target / PAGE

    def _write_files(self, folder: Path) -> None:
        (folder / FIGURES).mkdir(parents=True)
        for figure in self._figures():
            (folder / FIGURES / figure.file_name).write_bytes(figure.content)
        page = _environment().get_template("report.html.j2").render(report=self, sections=self._sections)
        (folder / PAGE).write_text(page, encoding="utf-8")

    def _add(self, item: _Figure | _Table) -> None:
        if not self._sections:
            raise ValueError(f"{item.title!r}: expected a section to put it in")
        self._sections[-1].items.append(item)

    def _figures(self) -> list[_Figure]:
        return [item for section in self._sections for item in section.items if isinstance(item, _Figure)]


def check_free(folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Refuse a folder that :meth:`Report.write` would refuse, before an hour of work on the report.

    Raises:
        OutputExistsError: it holds something, and ``overwrite`` is false or it is not a report.
        UsageError: nothing can be written there.
    """
    target = Path(folder).expanduser().absolute()
    _check_writable(target)
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputExistsError(f"{target}: a file is there; expected a folder or nothing")
    held = {entry.name for entry in target.iterdir()}
    if held and not overwrite:
        raise OutputExistsError.at(target)
    if held - {PAGE, FIGURES}:
        other = min(held - {PAGE, FIGURES})
        raise OutputExistsError(f"{target}: holds {other!r}, which is not part of a report; expected another folder")


def _check_writable(target: Path) -> None:
    """Make and remove a temporary folder as :meth:`Report.write` does: permissions do not show a read-only disk."""
    try:
        parent = next(folder for folder in target.parents if folder.exists())
        tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".part", dir=parent).cleanup()
    except OSError as error:
        raise UsageError(f"{target}: no report can be written there: {error.strerror}") from error


def _render(figure: Figure, svg: bool) -> bytes:
    """Render to PNG or SVG; the same figure gives the same bytes, so that reports can be compared."""
    stream = io.BytesIO()
    metadata = {"Date": None} if svg else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": "balloon_splash"}):
        figure.savefig(stream, format="svg" if svg else "png", dpi=_DPI, metadata=metadata)
    return stream.getvalue()


def _webp(png: bytes) -> bytes:
    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        copy = image.convert("RGB")
    copy.thumbnail((_WEBP_SIDE, _WEBP_SIDE))
    copy.save(stream, format="WEBP", quality=_WEBP_QUALITY)
    return stream.getvalue()


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _environment() -> Environment:
    environment = Environment(loader=PackageLoader("balloon_splash.inspect.page"), autoescape=True, trim_blocks=True)
    environment.filters["prose"] = _prose
    environment.filters["cell"] = _cell
    return environment


def _prose(text: str) -> Markup:
    """Return escaped paragraphs, with `` `name` `` as code."""
    paragraphs = (str(escape(part.strip())) for part in text.split("\n\n"))
    return Markup("".join(f"<p>{re.sub('`([^`]+)`', _CODE, part)}</p>" for part in paragraphs))


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
