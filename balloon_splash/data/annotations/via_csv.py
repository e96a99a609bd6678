"""Reader of VIA's CSV export, which returns the same entries as its JSON.

One row per region, JSON inside two of the cells; a photo without regions has one row with ``region_count`` 0. VIA 1
starts the header with ``#filename``, VIA 2 with ``filename`` (``pack_via_metadata`` in VIA's sources).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

from balloon_splash.data.annotations.documents import nesting
from balloon_splash.data.annotations.faults import FaultKind, FaultLog
from balloon_splash.data.annotations.limits import Limits
from balloon_splash.errors import AnnotationError

CSV_COLUMNS = (
    "filename",
    "file_size",
    "file_attributes",
    "region_count",
    "region_id",
    "region_shape_attributes",
    "region_attributes",
)
VIA3_CSV_MARK = "# CSV_HEADER"


def is_via_csv(text: str) -> bool:
    """Return whether the first line of ``text`` is the header of a VIA 1 or 2 CSV export."""
    return set(CSV_COLUMNS) <= set(_header(text))


def entries_from_csv(text: str, path: Path, faults: FaultLog, limits: Limits) -> Mapping[str, object]:
    """Gather the rows of each photo into one entry as VIA 2 writes it to JSON.

    A cell that should hold JSON and does not is passed on as text, for the caller to report with photo and region.

    Args:
        text: the whole file, for which :func:`is_via_csv` is true.
        path: its name in errors.
        faults: log for a ``region_count`` that differs from the number of rows.
        limits: bounds on the number of photos and the nesting of cells.

    Raises:
        AnnotationError: the text is not well-formed CSV, or has rows for too many photos.
    """
    header = _header(text)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    entries: dict[str, object] = {}
    regions_of: dict[str, list[object]] = {}
    counts: dict[str, tuple[str, str]] = {}
    try:
        next(rows)  # the header
        for cells in filter(None, rows):
            row = _row(cells, header)
            filename, size, count = row["filename"], row["file_size"], row["region_count"]
            key = filename + size  # as VIA itself makes the keys of its JSON
            if len(entries) > limits.max_photos:
                raise AnnotationError(f"{path}: more than {limits.max_photos} photos, which is the limit (max_photos)")
            regions = regions_of.setdefault(key, [])
            entries.setdefault(key, {"filename": filename, "size": _size(size), "regions": regions})
            counts.setdefault(key, (filename, count))
            if count.strip() != "0":
                shape, attributes = (
                    _json(row[column], limits.max_nesting)
                    for column in ("region_shape_attributes", "region_attributes")
                )
                regions.append({"shape_attributes": shape, "region_attributes": attributes})
    except csv.Error as error:
        raise AnnotationError(f"{path}: not well-formed CSV (line {rows.line_num}): {error}") from error
    for key, (filename, count) in counts.items():
        found = len(regions_of[key])
        if count.strip() != str(found):
            message = f"region_count says {count!r}, the file has {found} rows"
            faults.add(FaultKind.REGION_COUNT, message, photo=filename, dropped=False)
    return entries


def _header(text: str) -> list[str]:
    first_line = text[:1024].partition("\n")[0]
    return [name.strip().strip('"') for name in first_line.lstrip("#").split(",")]


def _row(cells: list[str], header: list[str]) -> dict[str, str]:
    """Return cells by column; missing ones are empty."""
    surplus = len(cells) - len(header)
    if surplus > 0 and header[0] == "filename":
        # VIA does not quote the file name, so a comma in it splits it.
        cells = [",".join(cells[: surplus + 1]), *cells[surplus + 1 :]]
    return dict(zip_longest(header, cells[: len(header)], fillvalue=""))


def _size(cell: str) -> int | str | None:
    """Return bytes; ``None`` for an empty cell; anything else unchanged, for the caller to report."""
    cell = cell.strip()
    if not cell:
        return None
    return int(cell) if cell.removeprefix("-").isdecimal() and len(cell) < 20 else cell


def _json(cell: str, max_nesting: int) -> object:
    """Parse the JSON in a cell; return the cell if it is not JSON, or nested too deeply, for the caller to report."""
    try:
        too_deep = len(cell) > max_nesting and nesting(cell.encode("utf-8", "surrogatepass")) > max_nesting
        return cell if too_deep else json.loads(cell)
    except (ValueError, RecursionError):
        return cell
