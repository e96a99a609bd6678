"""Each balloon photo is tested on once, and never by a model that has seen it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.data.datasets.folds import N_FOLDS, assign_folds, fold_name, same_scenes


def test_parts_are_alike_in_photos_and_objects() -> None:
    counts = np.random.default_rng(0).geometric(0.25, 74).tolist()
    folds = assign_folds(counts, 5, 0)
    photos = Counter(folds)
    objects = [sum(count for count, its in zip(counts, folds, strict=True) if its == fold) for fold in range(5)]
    assert sorted(photos.values()) == [14, 15, 15, 15, 15]
    assert max(objects) - min(objects) <= 2


def test_the_same_seed_divides_alike_and_another_one_otherwise() -> None:
    counts = [1, 2, 2, 2, 3, 1, 1, 5, 2, 2, 1, 4]
    assert assign_folds(counts, 4, 0) == assign_folds(counts, 4, 0)
    assert assign_folds(counts, 4, 0) != assign_folds(counts, 4, 1)


def test_what_belongs_together_stays_together() -> None:
    counts = [3, 1, 2, 3, 1, 2, 1, 1, 1, 1]
    for seed in range(20):
        folds = assign_folds(counts, 5, seed, [[0, 3], [1, 9]])
        assert folds[0] == folds[3]
        assert folds[1] == folds[9]
        assert set(Counter(folds).values()) == {2}


def test_a_scene_that_is_there_by_half_is_no_error() -> None:
    photos = [{"file_name": "/train/a.jpg"}, {"file_name": "/val/b.jpg"}]
    assert same_scenes(photos, [{"b.jpg", "a.jpg"}, {"a.jpg", "gone.jpg"}, {"gone.jpg"}]) == [[0, 1], [0], []]
    assert assign_folds([1, 1], 2, 0, [[], [0, 1]]) in ([0, 0], [1, 1])


def test_the_real_photos(shared_dir: Path) -> None:
    register_balloon(shared_dir / "data" / "balloon")
    tested: list[str] = []
    for fold in range(N_FOLDS):
        train, val = (DatasetCatalog.get(fold_name(fold, split)) for split in ("train", "val"))
        names = [{Path(photo["file_name"]).name for photo in part} for part in (train, val)]
        assert not names[0] & names[1]
        assert len(names[0] | names[1]) == 74
        assert len({photo["image_id"] for photo in [*train, *val]}) == 74
        assert 60 <= sum(len(photo["annotations"]) for photo in val) <= 62
        pair = {"24362039530_b151b41a52_k.jpg", "24631331976_defa3bb61f_k.jpg"}
        assert len(pair & names[1]) in (0, 2), "one scene, in training and test"
        tested += names[1]
        assert MetadataCatalog.get(fold_name(fold, "val")).thing_classes == ["balloon"]
    assert len(set(tested)) == len(tested) == 74


def test_without_the_photos_the_error_says_how_to_get_them(tmp_path: Path) -> None:
    from balloon_splash.errors import DatasetError

    register_balloon(tmp_path)
    with pytest.raises(DatasetError, match=r"via_region_data\.json"):
        DatasetCatalog.get(fold_name(0, "train"))
