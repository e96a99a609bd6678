"""Lines of YOLO that are no outlines."""

from __future__ import annotations

from pathlib import Path

import pytest

from balloon_splash.data.annotations.dataset_dicts import INCOMPLETE
from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations
from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.errors import AnnotationError, DatasetError
from tests.data.annotations.tool_files import write_yolo


def test_a_box_of_yolo_has_no_outline(photos: Path) -> None:
    write_yolo(photos)
    path = photos / "labels" / "a.txt"
    path.write_text(path.read_text() + "\n0 0.5 0.5 0.2 0.2\n5 0.1 0.1 0.2 0.1 0.2 0.2\n")
    (found,), report = load_annotations(photos)
    assert len(found["annotations"]) == 2
    assert [(fault.kind, fault.region) for fault in report.faults.faults] == [
        (FaultKind.NO_OUTLINE, "line 3"), (FaultKind.UNKNOWN_CLASS, "line 4")
    ]  # fmt: skip


def test_labels_without_an_image_and_of_two_images_are_reported(photos: Path) -> None:
    write_yolo(photos)
    (photos / "labels" / "gone.txt").write_text("0 0.1 0.1 0.2 0.1 0.2 0.2\n")
    (photos / "images" / "a.png").write_bytes((photos / "images" / "a.jpg").read_bytes())
    dicts, report = load_annotations(photos)
    assert [Path(each["file_name"]).name for each in dicts] == ["a.jpg"]
    assert [(fault.kind, fault.photo) for fault in report.faults.faults] == [
        (FaultKind.DUPLICATE_NAME, "a.png"), (FaultKind.MISSING_PHOTO, "gone")
    ]  # fmt: skip


def test_classes_txt_names_the_classes_where_there_is_no_yaml_file(photos: Path) -> None:
    write_yolo(photos)
    (photos / "data.yaml").unlink()
    (photos / "classes.txt").write_text("cup\nkite\n")
    _, report = load_annotations(photos)
    assert report.class_names == ("cup", "kite")


def test_key_points_do_not_pass_for_outlines(photos: Path) -> None:
    write_yolo(photos)
    (photos / "data.yaml").write_text("kpt_shape: [2, 2]\nnames: [cup, kite]\n")
    with pytest.raises(AnnotationError, match="a dataset of key points"):
        load_annotations(photos)


def test_two_yaml_files_that_name_other_classes_are_refused(photos: Path) -> None:
    """The first one by name would be taken: objects of the right outline and the wrong class."""
    write_yolo(photos)
    (photos / "coco8.yaml").write_text("names: [person, bicycle]\n")
    with pytest.raises(AnnotationError, match=r"coco8\.yaml, data\.yaml name different classes"):
        load_annotations(photos)
    (photos / "coco8.yaml").write_text("names: {0: cup, 1: kite}\n")
    _, report = load_annotations(photos)
    assert report.class_names == ("cup", "kite")


def test_the_number_of_a_track_does_not_pass_for_a_point(photos: Path) -> None:
    """Ultralytics' tracker ends a line of ``save_txt`` and ``save_conf`` with a confidence and a number."""
    write_yolo(photos)
    path = photos / "labels" / "a.txt"
    first, second = path.read_text().splitlines()
    path.write_text(f"{first} 0.93 7\n{second}\n")
    (found,), report = load_annotations(photos)
    assert [each["category_id"] for each in found["annotations"]] == [0]
    assert found[INCOMPLETE]
    assert [(fault.kind, fault.region) for fault in report.faults.faults] == [(FaultKind.OUT_OF_RANGE, "line 1")]


@pytest.mark.parametrize(
    "lines",
    [
        "1 0.1 0.1 0.3 0.1 0.2 0.4 0.93 1\n0 0.5 0.5 0.6 0.5 0.6 0.6 0.8 2",
        "1 0.1 0.1 0.3 0.1 0.2 0.4 0.93 1\n0 0.5 0.9 0.6 0.9 0.6 1 0.5 1 0.8 1",
        "1 0.2 0.3 0.1 0.2 0.93 1",
    ],
    ids=["among others", "alone", "of a box"],
)
def test_the_first_track_does_not_pass_for_a_point_on_the_lower_edge(photos: Path, lines: str) -> None:
    """A confidence of 0.93 and the number 1 lie inside the photo, and made a spike down to its edge."""
    write_yolo(photos)
    (photos / "labels" / "a.txt").write_text(lines)
    _, report = load_annotations(photos, options=ReadOptions(keep_empty=True))
    kinds = [(fault.kind, fault.region) for fault in report.faults.faults if fault.region is not None]
    assert kinds == [(FaultKind.OUT_OF_RANGE, f"line {number + 1}") for number in range(lines.count("\n") + 1)]


def test_an_outline_that_ends_on_the_lower_edge_is_read(photos: Path) -> None:
    write_yolo(photos)
    path = photos / "labels" / "a.txt"
    path.write_text(path.read_text() + "\n1 0.1 0.6 0.3 0.6 0.2 1\n")
    (found,), report = load_annotations(photos, options=ReadOptions(strict=True))
    assert len(found["annotations"]) == 3
    assert not report.faults


def test_a_yaml_file_is_read_with_the_images_of_one_set(photos: Path) -> None:
    write_yolo(photos)
    path = (photos / "data.yaml").rename(photos / "kites.yaml")
    with pytest.raises(DatasetError, match=r"kites.yaml: a YAML file of several sets; expected the folder of images"):
        load_annotations(path)
    _, report = load_annotations(path, photos / "images", options=ReadOptions(strict=True))
    assert report.class_names == ("cup", "kite")
    with pytest.raises(DatasetError, match="no labels found; expected 'labels' in place of 'images'"):
        (photos / "labels").rename(photos / "texts")
        load_annotations(path, photos / "images")
