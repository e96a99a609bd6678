from __future__ import annotations

import dataclasses
import itertools
import json

import cv2
import numpy as np
import pytest
import shapely
from detectron2.data.detection_utils import read_image

from balloon_splash.data.annotations.instances import load_via_instances
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from balloon_splash.data.render import KINDS, render_scene
from balloon_splash.data.render.balloons import FoilBalloon, Placed, RubberBalloon, heart_outline, star_outline
from balloon_splash.data.render.canvas import rgb
from balloon_splash.data.render.grounds import GROUNDS, LANDSCAPES
from balloon_splash.data.render.hot_air import HotAirBalloon
from balloon_splash.data.render.scene import visible_outline
from balloon_splash.data.render.shading import light_from
from balloon_splash.errors import DatasetError, UsageError

SMALL = (160, 120)


HOT_AIR = HotAirBalloon(
    np.full((192, 576, 3), 0.5, np.float32), gores=12, bulge=1, crown=0.9, length=1.3, point=1, mouth=0.2, basket=0.1,
    drop=0.2, burner=1,
)  # fmt: skip


def _mask(polygon, width, height):
    """Pixels whose centre lies in the polygon."""
    fine = np.zeros((height * 3, width * 3), np.uint8)
    cv2.fillPoly(fine, [np.rint((polygon * 3 - 0.5) * 16).astype(np.int32)], [1], shift=4)
    return fine[1::3, 1::3].astype(bool)


def test_the_same_seed_gives_the_same_picture():
    first, again, other = render_scene(5, SMALL), render_scene(5, SMALL), render_scene(6, SMALL)
    assert np.array_equal(first.image, again.image)
    assert all(np.array_equal(one, two) for one, two in zip(first.polygons, again.polygons, strict=True))
    assert not np.array_equal(first.image, other.image)


def test_pictures_vary_in_ground_number_and_size_of_balloons():
    scenes = [render_scene(seed, SMALL) for seed in range(40)]
    assert {scene.ground for scene in scenes} == set(GROUNDS)
    assert len({len(scene.polygons) for scene in scenes}) > 4
    shares = [cv2.contourArea(p.astype(np.float32)) / (160 * 120) for scene in scenes for p in scene.polygons]
    assert min(shares) < 0.01
    assert max(shares) > 0.1


def test_hot_air_balloons_fly_over_each_ground_and_stand_in_crowds():
    scenes = [render_scene(seed, SMALL, "hot-air") for seed in range(40)]
    assert {scene.ground for scene in scenes} == {"sky", "park", "night", "fields", "launch site"}
    assert max(len(scene.polygons) for scene in scenes) > 20


@pytest.mark.parametrize("paint", LANDSCAPES.values(), ids=LANDSCAPES)
def test_landscapes_are_pictures_of_many_colours(paint):
    for seed in range(12):
        image, light = paint(np.random.default_rng(seed), 120, 160)
        assert image.shape == (120, 160, 3)
        assert image.min() >= 0
        assert image.max() < 1.6  # the camera clips what is brighter than white
        assert image.std(axis=(0, 1)).min() > 0.01
        assert np.isfinite([light.color, light.above, light.below]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_shows_a_balloon_inside_its_frame(kind):
    for seed in range(60 if kind == "party" else 15):
        scene = render_scene(seed, SMALL, kind)
        assert scene.image.shape == (120, 160, 3)
        assert scene.image.dtype == np.uint8
        assert scene.polygons
        for polygon in scene.polygons:
            assert polygon.shape[0] >= 3
            assert polygon.min() >= 0
            assert (polygon.max(axis=0) <= SMALL).all()


@pytest.mark.parametrize(("kind", "scenes", "least"), [("party", 30, 20), ("crowd", 5, 20), ("hot-air", 10, 20)])
def test_balloons_in_front_cut_those_behind(kind, scenes, least):
    touching = 0
    for seed in range(scenes):
        masks = [_mask(polygon, 320, 240) for polygon in render_scene(seed, (320, 240), kind).polygons]
        for first, second in itertools.combinations(masks, 2):
            smaller = min(first.sum(), second.sum())
            assert (first & second).sum() <= 0.03 * smaller
            touching += bool((cv2.dilate(first.astype(np.uint8), np.ones((3, 3))) & second).any())
    assert touching > least


@pytest.mark.parametrize(("kind", "seed"), [("crowd", 8684488695956184999), ("party", 7732988015402042686)])
def test_no_outline_crosses_itself(kind, seed):
    """Simplification tangled an outline of each of these scenes where it is narrow."""
    assert all(shapely.Polygon(polygon).is_valid for polygon in render_scene(seed, kind=kind).polygons)


def test_crowds_cover_more_of_the_picture_than_parties():
    covered = {
        kind: np.mean([
            sum(cv2.contourArea(polygon.astype(np.float32)) for polygon in render_scene(seed, SMALL, kind).polygons)
            for seed in range(8)
        ])
        for kind in ("party", "crowd")
    }  # fmt: skip
    assert covered["crowd"] > 2 * covered["party"]


@pytest.mark.parametrize(
    "balloon",
    [
        RubberBalloon(rgb(0, 0.8, 1), length=1.3, taper=0.5, gloss=0.5, clearness=0),
        FoilBalloon(rgb(0.6, 0.8, 1), heart_outline(), wrinkles=1),
        FoilBalloon(rgb(0.15, 0.8, 1), star_outline(), wrinkles=1),
    ],
    ids=["rubber", "heart", "star"],
)
@pytest.mark.parametrize("radius", [12.0, 40.0, 110.0])
def test_outlines_lie_on_the_painted_pixels(balloon, radius):
    light = light_from(-1, 0.8, rgb(0, 0, 1), rgb(0, 0, 0.9), rgb(0, 0, 0.5))
    placed = Placed(balloon, (200.3, 180.7), radius, 0.4)
    on_black, on_white = np.zeros((400, 400, 3), np.float32), np.ones((400, 400, 3), np.float32)
    placed.paint(on_black, light)
    placed.paint(on_white, light)
    painted = 1 - (on_white - on_black)[..., 0]  # what the ground does not show through
    outlined = _mask(placed.outline, 400, 400)
    assert painted.sum() == pytest.approx(shapely.Polygon(placed.outline).area, rel=0.02)
    fifth_of_a_pixel = 0.2 * shapely.Polygon(placed.outline).length
    assert ((painted > 0.5) != outlined).sum() <= fifth_of_a_pixel


@pytest.mark.parametrize("radius", [12.0, 110.0])
def test_the_outline_of_a_hot_air_balloon_lies_on_envelope_and_basket(radius):
    light = light_from(-1, 0.8, rgb(0, 0, 1), rgb(0, 0, 0.9), rgb(0, 0, 0.5))
    placed = Placed(HOT_AIR, (200.3, 150.7), radius, 0.1)
    on_black, on_white = np.zeros((400, 400, 3), np.float32), np.ones((400, 400, 3), np.float32)
    placed.paint(on_black, light)
    placed.paint(on_white, light)
    painted = 1 - (on_white - on_black)[..., 0]
    outlined = _mask(placed.outline, 400, 400)
    basket, ropes, sky = placed.to_picture(np.array([[0, 1.55], [0.05, 1.42], [0.5, 1.55]])).astype(int)
    assert not painted[~cv2.dilate(outlined.astype(np.uint8), np.ones((3, 3))).astype(bool)].any()
    assert ((painted > 0.99) & outlined).sum() > 0.93 * outlined.sum() - shapely.Polygon(placed.outline).length
    assert painted[basket[1], basket[0]] == pytest.approx(1, abs=0.02)
    assert outlined[ropes[1], ropes[0]]
    assert not outlined[sky[1], sky[0]]


@pytest.mark.parametrize("tilt", [-0.8, -0.3, 0.3, 1.1])
@pytest.mark.parametrize("radius", [12.0, 110.0])
def test_the_outline_of_a_tilted_envelope_lies_on_its_painted_pixels(radius, tilt):
    light = light_from(-1, 0.8, rgb(0, 0, 1), rgb(0, 0, 0.9), rgb(0, 0, 0.5))
    placed = Placed(dataclasses.replace(HOT_AIR, basket=0.0, tilt=tilt), (200.3, 190.7), radius, 0.4)
    on_black, on_white = np.zeros((400, 400, 3), np.float32), np.ones((400, 400, 3), np.float32)
    placed.paint(on_black, light)
    placed.paint(on_white, light)
    painted = 1 - (on_white - on_black)[..., 0]
    assert painted.sum() == pytest.approx(shapely.Polygon(placed.outline).area, rel=0.02)
    assert ((painted > 0.5) != _mask(placed.outline, 400, 400)).sum() <= 0.2 * shapely.Polygon(placed.outline).length


@pytest.mark.parametrize("tilt", [-0.9, 0.0, 0.6, 1.2])
def test_a_tilted_envelope_reaches_as_high_as_the_ellipse_at_its_crown(tilt):
    """From the side the crown is an ellipse; its shadow along a line of sight is known in closed form."""
    outline = dataclasses.replace(HOT_AIR, basket=0.0, tilt=tilt).outline
    assert outline[:, 1].min() == pytest.approx(-np.hypot(0.9 * np.cos(tilt), np.sin(tilt)), abs=0.01)
    assert np.abs(outline[:, 0]).max() == pytest.approx(1, abs=0.01)


def test_all_gores_meet_at_a_crown_seen_from_above_and_no_more_than_half_face_the_side():
    hues = np.linspace(0, 1, 12, endpoint=False)
    gores = np.repeat(np.stack([rgb(hue, 1, 1) for hue in hues]), 48, axis=0)
    print_of_gores = np.broadcast_to(gores, (192, 576, 3)).astype(np.float32)
    light = light_from(-1, 0.8, rgb(0, 0, 1), rgb(0, 0, 0.9), rgb(0, 0, 0.9))

    def seen(tilt):
        balloon = dataclasses.replace(HOT_AIR, print=print_of_gores, basket=0.0, bulge=0.0, tilt=tilt)
        color, _ = balloon.texture(light, 0, 60)
        y, x = np.mgrid[: color.shape[0], : color.shape[1]] / 60 - 1.08
        inside = shapely.contains_xy(shapely.Polygon(balloon.outline).buffer(-0.1), x, y)
        hue = cv2.cvtColor(color / color.max(), cv2.COLOR_RGB2HSV)[..., 0][inside] / 360
        return len(np.unique(np.rint(hue * 12) % 12))

    assert seen(0.0) <= 8
    assert seen(1.2) == 12


def test_a_burner_lights_an_envelope_by_night_and_not_by_day():
    day, night = (light_from(-1, 0.8, rgb(0, 0, 0.3), rgb(0, 0, tone), rgb(0, 0, tone)) for tone in (1.0, 0.1))
    cold = dataclasses.replace(HOT_AIR, burner=0.0)
    for light, gain in ((day, 1.0), (night, 2.0)):
        lit, unlit = (balloon.texture(light, 0, 40)[0][:80].mean() for balloon in (HOT_AIR, cold))
        assert lit / unlit == pytest.approx(1) if gain == 1 else lit / unlit > gain


def test_annotations_follow_the_true_outline():
    nothing_in_front = np.zeros((400 * 3, 400 * 3), np.uint8)
    for radius in (10, 40, 150):
        balloon = RubberBalloon(rgb(0, 0.8, 1), length=1.2, taper=0.5, gloss=0.5, clearness=0)
        true = Placed(balloon, (200.3, 190.7), radius, 0.4).outline
        annotated = visible_outline(true, nothing_in_front)
        assert shapely.Polygon(annotated).area == pytest.approx(shapely.Polygon(true).area, rel=0.02)
        assert shapely.hausdorff_distance(shapely.Polygon(annotated), shapely.Polygon(true)) < 1.0


def test_a_balloon_that_would_be_pierced_or_hidden_is_left_out():
    outline = Placed(RubberBalloon(rgb(0, 1, 1), 1.2, 0.5, 0.5, 0), (100, 100), 40, 0).outline
    pierced, hidden = np.zeros((600, 600), np.uint8), np.zeros((600, 600), np.uint8)
    cv2.circle(pierced, (300, 300), 30, 255, -1)
    cv2.circle(hidden, (300, 300), 110, 255, -1)
    assert visible_outline(outline, pierced) is None
    assert visible_outline(outline, hidden) is None


def test_the_via_reader_takes_the_dataset_without_a_fault(tmp_path):
    root = write_synthetic_balloons(tmp_path / "set", num_train=4, num_val=2, size=SMALL, progress=False)
    for split, count in (("train", 4), ("val", 2)):
        dicts, report = load_via_instances(root / split / "via_region_data.json", root / split, strict=True)
        assert report.n_photos == count
        assert report.n_instances == sum(len(record["annotations"]) for record in dicts) >= count
        assert all(read_image(record["file_name"], "RGB").shape == (120, 160, 3) for record in dicts)


def test_kinds_of_scenes_are_taken_in_turn(tmp_path):
    kinds = ("hot-air", "party")
    root = write_synthetic_balloons(tmp_path / "set", num_train=3, num_val=1, size=SMALL, kinds=kinds, progress=False)
    party = write_synthetic_balloons(tmp_path / "party", num_train=3, num_val=1, size=SMALL, progress=False)
    same = [
        (root / "train" / name).read_bytes() == (party / "train" / name).read_bytes()
        for name in ("000000.jpg", "000001.jpg", "000002.jpg")
    ]
    assert same == [False, True, False]


@pytest.mark.parametrize("kinds", [(), ("party", "zeppelin")])
def test_an_unknown_kind_of_scene_is_refused(tmp_path, kinds):
    with pytest.raises(UsageError, match="expected some of party, crowd, hot-air"):
        write_synthetic_balloons(tmp_path / "set", kinds=kinds, progress=False)


def test_sizes_in_the_via_file_are_those_of_the_photos(tmp_path):
    root = write_synthetic_balloons(tmp_path / "set", num_train=2, num_val=1, size=SMALL, progress=False)
    entries = json.loads((root / "train" / "via_region_data.json").read_text())
    assert {e["filename"]: e["size"] for e in entries.values()} == {
        photo.name: photo.stat().st_size for photo in (root / "train").glob("*.jpg")
    }


def test_the_same_seed_writes_the_same_files_and_splits_differ(tmp_path):
    one, two = (
        write_synthetic_balloons(tmp_path / name, num_train=2, num_val=2, seed=9, size=SMALL, progress=False)
        for name in ("one", "two")
    )
    files = sorted(path.relative_to(one) for path in one.rglob("*.*"))
    assert all((one / file).read_bytes() == (two / file).read_bytes() for file in files)
    assert (one / "train" / "000000.jpg").read_bytes() != (one / "val" / "000000.jpg").read_bytes()


def test_a_dataset_is_replaced_only_if_asked(tmp_path):
    root = write_synthetic_balloons(tmp_path / "set", num_train=1, num_val=1, size=SMALL, progress=False)
    with pytest.raises(DatasetError, match="not empty"):
        write_synthetic_balloons(root, num_train=2, num_val=1, size=SMALL, progress=False)
    assert len(list(root.glob("train/*.jpg"))) == 1
    write_synthetic_balloons(root, num_train=2, num_val=1, size=SMALL, overwrite=True, progress=False)
    assert len(list(root.glob("train/*.jpg"))) == 2
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_a_folder_with_other_things_is_never_replaced(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letters.txt").write_text("dear")
    with pytest.raises(DatasetError, match=r"letters\.txt"):
        write_synthetic_balloons(tmp_path / "home", num_train=1, num_val=1, size=SMALL, overwrite=True, progress=False)
    assert (tmp_path / "home" / "letters.txt").read_text() == "dear"


def test_a_failed_run_leaves_nothing(tmp_path, monkeypatch):
    def fail(seed, size, kind):
        raise RuntimeError("out of paint")

    monkeypatch.setattr("balloon_splash.data.datasets.synthetic.render_scene", fail)
    with pytest.raises(RuntimeError, match="out of paint"):
        write_synthetic_balloons(tmp_path / "set", num_train=1, num_val=1, progress=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"num_train": 0}, {"num_val": -1}, {"seed": -1}, {"size": (640, 10)}])
def test_numbers_that_make_no_dataset_are_refused(tmp_path, wrong):
    with pytest.raises(UsageError, match="expected at least one"):
        write_synthetic_balloons(tmp_path / "set", progress=False, **wrong)
    assert list(tmp_path.iterdir()) == []
