from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balloon_splash.data.annotations.faults import FaultKind, FaultLog
from balloon_splash.data.annotations.limits import Limits
from balloon_splash.data.annotations.via import ViaPhoto, read_via
from balloon_splash.errors import AnnotationError
from tests.data.conftest import SQUARE, entry, region

CSV_HEADER = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"


def read(path: Path, content: str | bytes | object, *, strict: bool = False) -> tuple[list[ViaPhoto], FaultLog]:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    faults = FaultLog(path, strict=strict)
    return read_via(path, faults), faults


def kinds(faults: FaultLog) -> list[FaultKind]:
    return [fault.kind for fault in faults.faults]


@pytest.fixture
def via_file(tmp_path: Path) -> Path:
    return tmp_path / "via.json"


def test_dict_and_list_regions_in_one_file_are_both_read(via_file):
    old = {"filename": "old.jpg", "size": 12, "regions": {"0": region(SQUARE), "7": region(SQUARE)}}
    photos, faults = read(via_file, {"old": old, "new": entry("new.jpg", region(SQUARE), size=-1)}, strict=True)
    assert [(photo.filename, photo.size, len(photo.regions)) for photo in photos] == [
        ("old.jpg", 12, 2),
        ("new.jpg", None, 1),
    ]
    assert [found.id for found in photos[0].regions] == ["0", "7"]
    assert photos[0].regions[0].shape == SQUARE
    assert not faults


def test_whole_project_file_is_read(via_file):
    project = {
        "_via_settings": {"core": {}},
        "_via_img_metadata": {"a.jpg1": entry("a.jpg", region(SQUARE), size=1)},
        "_via_attributes": {"region": {}, "file": {}},
        "_via_data_format_version": "2.0.10",
    }
    photos, _ = read(via_file, project, strict=True)
    assert [photo.filename for photo in photos] == ["a.jpg"]


@pytest.mark.parametrize("header", [CSV_HEADER, "#" + CSV_HEADER], ids=["VIA 2", "VIA 1"])
def test_csv_export_reads_like_json(via_file, header):
    lines = [
        header,
        'a.jpg,123,"{}",2,0,"{""name"":""rect"",""x"":1,""y"":2,""width"":3,""height"":4}","{""k"":""a \\""one\\""""}"',
        'a.jpg,123,"{}",2,1,"{""name"":""circle"",""cx"":5,""cy"":5,""r"":2}","{}"',
        'empty.jpg,-1,"{""caption"":""x""}",0,0,"{}","{}"',
        'Balloons, blue.jpg,7,"{}",1,0,"{""name"":""point"",""cx"":1,""cy"":1}","{}"',
        "",
    ]
    photos, faults = read(via_file, "\n".join(lines), strict=True)
    assert [(photo.filename, photo.size, len(photo.regions), photo.n_listed) for photo in photos] == [
        ("a.jpg", 123, 2, 2),
        ("empty.jpg", None, 0, 0),
        ("Balloons, blue.jpg", 7, 1, 1),
    ]
    assert photos[0].regions[0].shape == {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}
    assert photos[0].regions[0].attributes == {"k": 'a "one"'}
    assert not faults


def test_csv_faults_are_told(via_file):
    lines = [CSV_HEADER, 'a.jpg,big,"{}",2,0,"{broken","{}"', 'b.jpg,1,"{}",1']
    photos, faults = read(via_file, "\n".join(lines))
    assert [photo.filename for photo in photos] == ["a.jpg", "b.jpg"]
    expected = [FaultKind.REGION_COUNT, FaultKind.SIZE_MISMATCH, FaultKind.BAD_ENTRY, FaultKind.BAD_ENTRY]
    assert kinds(faults) == expected
    assert (faults.faults[2].photo, faults.faults[2].region) == ("a.jpg", "0")
    assert faults.faults[0].message == "region_count says '2', the file has 1 rows"
    assert (faults.faults[0].photo, faults.faults[0].dropped) == ("a.jpg", False)
    with pytest.raises(AnnotationError, match=r"via\.json: not well-formed CSV \(line 2\)"):
        read(via_file, CSV_HEADER + '\na.jpg,1,"{}",1,0,"{never closed')


def test_a_csv_that_a_spreadsheet_has_saved_reads_the_same(via_file):
    """A spreadsheet quotes the header, ends lines as Windows does, and may break them within a cell."""
    header = ",".join(f'"{name}"' for name in CSV_HEADER.split(","))
    row = 'a.jpg,7,"{}",1,0,"{""name"":""point"",\r\n""cx"":1,""cy"":1}","{""k"":""v""}"'
    photos, _ = read(via_file, f"{header}\r\n{row}\r\n\r\n".encode(), strict=True)
    assert [(photo.filename, photo.size) for photo in photos] == [("a.jpg", 7)]
    assert photos[0].regions[0].shape == {"name": "point", "cx": 1, "cy": 1}
    assert photos[0].regions[0].attributes == {"k": "v"}


@pytest.mark.parametrize(
    "content",
    [
        {"project": {}, "config": {}, "attribute": {}, "file": {}, "metadata": {}, "view": {}},
        '# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata\n"1_a",,,,,',
    ],
    ids=["JSON", "CSV"],
)
def test_via_3_is_refused_by_name_with_what_to_do(via_file, content):
    with pytest.raises(AnnotationError, match=r"via\.json.*VIA 3.*register_instances"):
        read(via_file, content)


def test_byte_order_mark_blanks_and_unicode_names_do_not_disturb(via_file):
    content = "\n \t" + json.dumps({"k": entry("Ballón 気球.jpg", region(SQUARE))}, ensure_ascii=False)
    photos, _ = read(via_file, content.encode("utf-8-sig"), strict=True)
    assert photos[0].filename == "Ballón 気球.jpg"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a VIA file"),
        ("just words", "not a VIA file"),
        ("[1, 2]", "found a list"),
        ('{"a": ', "not valid JSON"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a":' * 200_000, "nested too deeply"),
        ('{"a": ' + "9" * 10_000 + "}", "not valid JSON"),
        ({"shapes": [], "imagePath": "a.jpg"}, r"no entry has a 'filename'; its keys are \['shapes', 'imagePath'\]"),
        ({"images": [], "annotations": [], "categories": []}, "COCO"),
        ({"_via_img_metadata": []}, "must be an object, found a list"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b"\x89PNG\r\n", "not UTF-8"),
    ],
)
def test_what_is_no_via_file_is_refused_in_one_line(via_file, content, message):
    with pytest.raises(AnnotationError, match=message) as caught:
        read(via_file, content)
    assert str(via_file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_missing_file_is_told_by_name(tmp_path):
    with pytest.raises(AnnotationError, match=r"nowhere\.json.*No such file"):
        read_via(tmp_path / "nowhere.json", FaultLog("nowhere.json"))


def test_malformed_entries_are_dropped_and_told(via_file):
    document = {
        "not an object": 3,
        "no name": {"regions": []},
        "number as name": {"filename": 7, "regions": []},
        "no regions": {"filename": "x.jpg", "regions": 5},
        "sound": entry("a.jpg", region(SQUARE), "text", {"region_attributes": {}}, size="12"),
    }
    photos, faults = read(via_file, document)
    assert [(photo.filename, photo.index, len(photo.regions)) for photo in photos] == [("a.jpg", 4, 1)]
    bad, size = FaultKind.BAD_ENTRY, FaultKind.SIZE_MISMATCH
    found = [(fault.kind, fault.photo, fault.region, fault.dropped) for fault in faults.faults]
    assert found == [
        (bad, "not an object", None, True),
        (bad, "no name", None, True),
        (bad, "number as name", None, True),
        (bad, "no regions", None, True),
        (size, "a.jpg", None, False),
        (bad, "a.jpg", "1", True),
        (bad, "a.jpg", "2", True),
    ]
    assert [fault.message for fault in faults.faults] == [
        "expected an object, found 3",
        "filename must be a text, found None",
        "filename must be a text, found 7",
        "regions must be an object (VIA 1) or a list (VIA 2), found 5",
        "size must be a number of bytes, or -1; found '12'",
        "expected the objects shape_attributes and region_attributes, found 'text'",
        "expected the objects shape_attributes and region_attributes, found {'region_attributes': {}}",
    ]


def test_a_region_without_attributes_is_read(via_file):
    photos, _ = read(via_file, {"1": entry("a.jpg", {"shape_attributes": SQUARE})}, strict=True)
    assert photos[0].regions[0].attributes == {}


@pytest.mark.parametrize(("size", "expected"), [(0, 0), (5, 5), (-1, None), (None, None), (-2, None), (True, None)])
def test_a_size_is_a_number_of_bytes_or_unknown(via_file, size, expected):
    photos, faults = read(via_file, {"1": entry("a.jpg", size=size)})
    assert photos[0].size == expected
    assert photos[0].size is not True
    assert bool(faults) == (size in (-2, True))


def test_a_repeated_json_key_does_not_vanish_silently(via_file):
    one = json.dumps(entry("a.jpg", region(SQUARE)))
    _, faults = read(via_file, f'{{"a.jpg1": {one}, "a.jpg1": {one}}}')
    assert kinds(faults) == [FaultKind.DUPLICATE_NAME]
    assert faults.faults[0].message.startswith("the key 'a.jpg1' stands more than once")
    assert faults.faults[0].dropped


def test_limits_are_kept_and_named(via_file):
    document = {"1": entry("a.jpg", region(SQUARE), region(SQUARE)), "2": entry("b.jpg")}
    via_file.write_text(json.dumps(document))
    with pytest.raises(AnnotationError, match="max_file_bytes"):
        read_via(via_file, FaultLog(via_file), Limits(max_file_bytes=10))
    with pytest.raises(AnnotationError, match="max_photos"):
        read_via(via_file, FaultLog(via_file), Limits(max_photos=1))
    faults = FaultLog(via_file)
    assert [photo.filename for photo in read_via(via_file, faults, Limits(max_regions=1))] == ["b.jpg"]
    assert "max_regions" in faults.faults[0].message
    assert kinds(faults) == [FaultKind.TOO_MANY_REGIONS]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
almost_via = st.dictionaries(
    st.text(max_size=5),
    json_values
    | st.fixed_dictionaries(
        {"filename": st.text(max_size=5) | json_values, "regions": json_values},
        optional={"size": json_values, "file_attributes": json_values},
    ),
    max_size=4,
)
slow_disk = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


@slow_disk
@given(document=almost_via | json_values)
def test_no_json_document_breaks_the_reader(via_file, document):
    try:
        photos, _ = read(via_file, document)
    except AnnotationError:
        return
    assert all(isinstance(photo.filename, str) for photo in photos)


@slow_disk
@given(content=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: (CSV_HEADER + "\n" + text).encode()))
def test_no_bytes_break_the_reader(via_file, content):
    try:
        photos, _ = read(via_file, content)
    except AnnotationError:
        return
    assert all(isinstance(photo.filename, str) for photo in photos)
