"""Labels, reports and weights carry the user's own class, and classes that are left out are named."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from PIL import Image

from balloon_splash.cli import inspect_data, inspect_model
from balloon_splash.data.datasets.builtin import check_holds_splits, named_datasets, register_balloon
from balloon_splash.errors import DatasetError, UsageError


def write_via(folder: Path, kinds: list[str], *, key: str = "class", name: str = "via_region_data.json") -> Path:
    folder.mkdir(parents=True)
    Image.new("RGB", (60, 40)).save(folder / "a.jpg")
    shapes = [{"name": "rect", "x": 5 * number, "y": 5, "width": 20, "height": 20} for number in range(len(kinds))]
    regions = [
        {"shape_attributes": shape, "region_attributes": {key: kind} if kind else {}}
        for shape, kind in zip(shapes, kinds, strict=True)
    ]
    entry = {"filename": "a.jpg", "size": (folder / "a.jpg").stat().st_size, "regions": regions}
    (folder / name).write_text(json.dumps({"a.jpg": entry}))
    return folder


def write_set(root: Path, train: list[str], val: list[str], *, key: str = "class") -> Path:
    write_via(root / "train", train, key=key)
    write_via(root / "val", val, key=key)
    return root


def test_a_class_that_all_regions_share_gives_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert register_balloon(write_set(tmp_path, ["kite", "kite"], ["kite "])) == ("kite",)
    assert MetadataCatalog.get("balloon_train").thing_classes == ["kite"]
    assert len(DatasetCatalog.get("balloon_train")[0]["annotations"]) == 2
    assert "class: kite, as the attribute 'class' of all regions says" in capsys.readouterr().err


@pytest.mark.parametrize("train", [["kite", ""], ["", ""]])
def test_regions_without_it_leave_the_class_a_balloon(tmp_path: Path, train: list[str]) -> None:
    assert register_balloon(write_set(tmp_path, train, ["kite" if train[0] else ""])) == ("balloon",)


def test_an_attribute_that_holds_no_class_by_its_name_is_not_taken_for_one(tmp_path: Path) -> None:
    assert register_balloon(write_set(tmp_path, ["good"], ["good"], key="quality")) == ("balloon",)


def test_several_classes_that_are_not_told_apart_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert register_balloon(write_set(tmp_path, ["kite", "cup"], ["kite"])) == ("balloon",)
    told = capsys.readouterr().err
    assert "kite (2), cup (1)" in told
    assert "--class-attribute class" in told


def test_the_attribute_tells_them_apart(tmp_path: Path) -> None:
    root = write_set(tmp_path, ["kite", "cup"], ["kite"])
    assert register_balloon(root, class_attribute="class") == ("cup", "kite")
    assert [each["category_id"] for each in DatasetCatalog.get("balloon_train")[0]["annotations"]] == [1, 0]


def test_classes_that_are_left_out_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = write_set(tmp_path, ["kite", "cup", "tree", "tree"], ["kite"])
    named = named_datasets(str(root), class_names=["kite"], class_attribute="class")
    with caplog.at_level(logging.WARNING):
        assert len(DatasetCatalog.get(named[0])[0]["annotations"]) == 1
    assert "classes left out: cup, tree" in caplog.text
    assert "did you mean" not in caplog.text


def test_a_class_that_no_object_has_is_named_beside_the_one_that_it_resembles(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_set(tmp_path, ["kite", "cup"], ["kite"])
    register_balloon(folder, class_names=["kites", "cup", "plane"], class_attribute="class")
    with caplog.at_level(logging.INFO):
        DatasetCatalog.get("balloon_train")
    assert "classes left out: kite (no object has the class kites; did you mean kite?)" in caplog.text


def test_the_name_in_a_dataset_file_names_its_sets(tmp_path: Path) -> None:
    write_set(tmp_path, ["kite"], ["kite"])
    (tmp_path / "toys.yaml").write_text("name: toys\ntrain: train\nval: val\n")
    assert named_datasets(str(tmp_path / "toys.yaml")) == ["toys_train", "toys_val"]
    for name in ("toys_val", "balloon_val"):
        assert MetadataCatalog.get(name).thing_classes == ["kite"]
    (tmp_path / "toys.yaml").write_text("name: my toys\ntrain: train\nval: val\n")
    with pytest.raises(DatasetError, match="name is 'my toys'; expected letters"):
        named_datasets(str(tmp_path / "toys.yaml"))


def test_a_registered_set_has_its_classes_already() -> None:
    with pytest.raises(UsageError, match="shapes_val has classes already"):
        named_datasets("shapes_val", class_names=["kite"])


def test_a_dataset_that_is_not_there_says_how_to_get_it(tmp_path: Path) -> None:
    absent = str(tmp_path / "datasets" / "balloon")
    with pytest.raises(DatasetError, match=r"no such folder.*tools/prepare_balloon.py"):
        named_datasets(absent)
    register_balloon(absent)
    with pytest.raises(DatasetError, match=r"no such annotation file.*tools/prepare_balloon.py"):
        DatasetCatalog.get("balloon_train")
    tmp_path.joinpath("empty").mkdir()
    with pytest.raises(DatasetError, match="has no train/ and val/ with annotations in it"):
        named_datasets(str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("photos", "photos: holds LabelMe, but no train/ and val/; expected the photos divided into train/ and val/"),
        ("kites.py", "kites.py: a file; expected a folder with train/ and val/ in it, or a dataset file"),
        ("gone/kites", "kites: no such folder; expected a folder with train/ and val/ in it, or a dataset file (YAML)"),
        ("yollo", "yollo: no such folder; did you mean {tmp_path}/yolo? expected a folder with train/ and val/ in it"),
        ("yolo/data.yaml", "data.yaml: train is '../train/images'; no such folder as "),
        ("badly.yaml", "badly.yaml: format is 'labelmee'; did you mean labelme?"),
    ],
)
def test_another_thing_than_a_dataset_is_told_for_what_it_is(tmp_path: Path, place: str, said: str) -> None:
    shapes = [{"label": "kite", "points": [[1, 1], [9, 1], [5, 9]], "shape_type": "polygon"}]
    for folder in ("photos", "yolo"):
        tmp_path.joinpath(folder).mkdir()
    document = {"shapes": shapes, "imagePath": "a.jpg", "imageWidth": 20, "imageHeight": 20}
    (tmp_path / "photos" / "a.json").write_text(json.dumps(document))
    (tmp_path / "kites.py").write_text("")
    (tmp_path / "yolo" / "data.yaml").write_text("train: ../train/images\nval: ../valid/images\nnc: 1\nnames: [kite]\n")
    (tmp_path / "badly.yaml").write_text("train: a\nval: b\nformat: labelmee\n")
    for use in (named_datasets, check_holds_splits if not place.endswith(".yaml") else register_balloon):
        with pytest.raises(DatasetError, match=re.escape(said.format(tmp_path=tmp_path))) as error:
            use(str(tmp_path / place))
        assert "balloon" not in str(error.value)


def test_a_registered_set_is_no_dataset_of_a_run() -> None:
    with pytest.raises(DatasetError, match=r"shapes_val: a registered set; expected DATASETS\.TRAIN"):
        check_holds_splits("shapes_val")


@pytest.mark.parametrize(
    ("options", "classes"),
    [([], ["kite"]), (["--class-names", "dragon"], ["dragon"]), (["--class-name", "dragon"], ["dragon"])],
)
def test_the_report_about_a_single_file_names_the_class(tmp_path: Path, options: list[str], classes: list[str]) -> None:
    file = str(write_via(tmp_path / "kites", ["kite"]) / "via_region_data.json")
    arguments = inspect_data.build_parser().parse_args(["--annotations", file, "--output", "x", *options])
    (name,) = inspect_data._register(arguments)
    assert MetadataCatalog.get(name).thing_classes == classes


def test_names_are_checked_where_they_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ("kite,", "kite,kite"):
        with pytest.raises(SystemExit):
            inspect_model.main(["--output", "x", "--dataset", "y", "--class-names", wrong])
        assert f"{wrong!r} found, expected different names" in capsys.readouterr().err
