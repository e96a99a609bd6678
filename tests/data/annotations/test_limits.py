"""Annotation files that ask for too much are refused before Python makes anything of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from balloon_splash.data.annotations.documents import nesting
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.instances import load_via_instances
from balloon_splash.data.annotations.labelme import load_labelme
from balloon_splash.data.annotations.limits import Limits
from balloon_splash.data.annotations.polygons import fit_to_photo
from balloon_splash.data.annotations.via import read_via
from balloon_splash.errors import AnnotationError
from tests.data.annotations.test_via import CSV_HEADER
from tests.data.conftest import SQUARE, entry, polygon, region


@pytest.fixture
def via_file(tmp_path: Path) -> Path:
    return tmp_path / "via.json"


def refused(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(AnnotationError) as caught:
        read_via(path, FaultLog(path), limits or Limits())
    message = str(caught.value)
    assert message.startswith(str(path))
    assert len(message) < 500
    return message


def test_ten_million_points_are_refused_unparsed(via_file):
    numbers = ",".join(["1"] * 10_000_000)
    shape = f'{{"name":"polygon","all_points_x":[{numbers}],"all_points_y":[{numbers}]}}'
    via_file.write_text(f'{{"a":{{"filename":"a.jpg","regions":[{{"shape_attributes":{shape}}}]}}}}')
    assert "values; at most 10000000 are read (max_values)" in refused(via_file)


@pytest.fixture
def no_recursion_limit() -> Iterator[None]:
    """As in a host program that has raised Python's bound: the parser would overrun its stack and end the process."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000_000)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("no_recursion_limit")
@pytest.mark.parametrize("pair", [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_a_file_nested_a_hundred_thousand_deep_is_refused_unparsed(via_file, pair):
    opening, closing = pair
    via_file.write_text('{"k":' + opening * 100_000 + "1" + closing * 100_000 + "}")
    assert "more than 100 levels (max_nesting)" in refused(via_file)


def test_a_csv_cell_nested_too_deeply_is_a_fault_of_its_region(via_file):
    deep = "[" * 5000 + "]" * 5000
    via_file.write_text(f'{CSV_HEADER}\na.jpg,1,{{}},1,0,{deep},"{{}}"\n')
    faults = FaultLog(via_file)
    assert len(read_via(via_file, faults)) == 1
    assert [fault.kind for fault in faults.faults] == [FaultKind.BAD_ENTRY]


@pytest.mark.parametrize(("levels", "read"), [(8, True), (9, False)])
def test_a_csv_cell_may_be_nested_as_deeply_as_the_limit_says(via_file, levels, read):
    cell = '{""k"":' * levels + "1" + "}" * levels
    via_file.write_text(f'{CSV_HEADER}\na.jpg,1,{{}},1,0,"{cell}","{{}}"\n')
    (photo,) = read_via(via_file, FaultLog(via_file), Limits(max_nesting=8))
    assert bool(photo.regions) == read


@pytest.mark.parametrize("end", ["\n", "\r"])
def test_rows_of_a_csv_count_as_values(via_file, end):
    via_file.write_bytes((CSV_HEADER + end * 1000).encode())
    assert "about 1006 values; at most 1005 are read" in refused(via_file, Limits(max_values=1005))


def test_a_file_of_nothing_but_faults_is_refused(via_file):
    via_file.write_text(CSV_HEADER + "\n" + "".join(f"{number}\n" for number in range(1500)))
    with pytest.raises(AnnotationError, match=r"more than 1000 faults, which is the limit \(max_faults\)"):
        read_via(via_file, FaultLog(via_file, max_faults=1000))


def test_each_limit_lets_through_what_just_fits(via_file):
    document = {"1": entry("a.jpg", region(SQUARE)), "2": entry("b.jpg")}
    via_file.write_text(json.dumps(document))
    text = via_file.read_text()
    values = sum(text.count(mark) for mark in ",[{\n\r")
    fitting = Limits(max_file_bytes=len(text), max_values=values, max_nesting=6, max_photos=2, max_regions=1)
    assert len(read_via(via_file, FaultLog(via_file, strict=True), fitting)) == 2
    assert "max_file_bytes" in refused(via_file, Limits(max_file_bytes=len(text) - 1))
    assert "max_values" in refused(via_file, Limits(max_values=values - 1))
    assert "max_nesting" in refused(via_file, Limits(max_nesting=5))
    assert "max_photos" in refused(via_file, Limits(max_photos=1))


def test_the_photos_of_a_csv_are_counted_while_it_is_read(via_file):
    rows = "".join(f"{name}.jpg,1,{{}},0,0,{{}},{{}}\n" for name in "abc")
    via_file.write_text(f"{CSV_HEADER}\n{rows}")
    assert len(read_via(via_file, FaultLog(via_file, strict=True), Limits(max_photos=3))) == 3
    assert refused(via_file, Limits(max_photos=2)).endswith(": 3 photos; at most 2 are read (max_photos)")
    assert "more than 1 photos, which is the limit (max_photos)" in refused(via_file, Limits(max_photos=1))


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("", 0),
        ("1", 0),
        ("[]", 1),
        ('{"a": [1, {"b": []}], "c": {}}', 4),
        ('["[[[["]', 1),
        (r'["\"[[[", "\\", []]', 2),
        ('["never closed [[[', 1),
        ("]]]][[", 0),
        ('["\ud800", [[]]]', 3),
    ],
)
def test_nesting_is_counted_outside_of_texts(text, levels):
    assert nesting(text.encode("utf-8", "surrogatepass")) == levels


def test_an_outline_that_crosses_itself_thousands_of_times_is_dropped_at_once(photos, write_via):
    rng = np.random.default_rng(0)
    scribble = polygon(*rng.uniform(0, 40, (10_000, 2)).tolist())
    path = write_via(entry("a.jpg", region(SQUARE), region(scribble)))
    dicts, report = load_via_instances(path, photos)
    assert len(dicts[0]["annotations"]) == 1
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.TOO_MANY_CROSSINGS]
    assert "max_crossings" in report.faults.faults[0].message


def test_crossings_are_counted_once_each_and_neighbours_not():
    comb = np.array([(x, 40 * (x % 2)) for x in range(11)] + [(10, 20), (0, 20)], float)  # its back crosses ten teeth
    assert fit_to_photo(comb, 50, 50, max_crossings=12).repaired
    with pytest.raises(UnsoundError, match="more than 5 times"):
        fit_to_photo(comb, 50, 50, max_crossings=5)
    circle = np.array([(25 + 20 * np.cos(t), 25 + 20 * np.sin(t)) for t in np.arange(0, 6.28, 0.01)])
    assert not fit_to_photo(circle, 50, 50, max_crossings=0).repaired


@pytest.mark.parametrize(
    "shapes",
    [
        [{"label": "cup", "points": [[1, 1], [2, 2], [1e308, 3]]}],
        [{"label": "cup", "points": [[1, 1], [2, 2], [10**400, 3]]}],
        [{"label": "cup", "points": [[1, 1], [2, 2], [3, 3]], "group_id": [1]}],
        [{"label": "cup", "points": [[1, 1]] * 10_001}],
        [{"label": {}, "points": []}],
        "shapes",
        [7],
    ],
    ids=str,
)
def test_what_labelme_would_never_write_is_refused(photos, shapes):
    (photos / "a.json").write_text(json.dumps({"imagePath": "a.jpg", "shapes": shapes}))
    with pytest.raises(AnnotationError, match=r"a\.json: "):
        load_labelme(photos, ["cup"])
