from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from detectron2.data import detection_utils
from PIL import ExifTags, Image

from balloon_splash.data.annotations import photos as photos_module
from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.photos import PhotoFolder, read_upright_size
from balloon_splash.data.annotations.size_cache import PhotoSize, SizeCache
from balloon_splash.data.training.reading import read_photo
from balloon_splash.errors import DatasetError
from balloon_splash.files import cache_folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the photos that were opened, in order."""
    names: list[str] = []

    def open_and_note(path: str, *, decode: bool = False) -> PhotoSize:
        names.append(Path(path).name)
        return read_upright_size(path, decode=decode)

    monkeypatch.setattr(photos_module, "read_upright_size", open_and_note)
    return names


def sizes(folder: Path, *names: str, decode: bool = False) -> list[tuple[int, int]]:
    found = PhotoFolder(folder)
    measured = [found.size(found.find(name), decode=decode) for name in names]
    found.save_sizes()
    return [(size.width, size.height) for size in measured]


@pytest.mark.parametrize("decode", [False, True])
@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.webp", "a.avif"])
def test_sizes_of_turned_photos_are_those_that_the_training_reads(tmp_path: Path, name: str, decode: bool) -> None:
    """Pillow turns the size of a TIFF on opening, and keeps its orientation until the pixels are read."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (64, 32), "white").save(tmp_path / name, exif=exif.tobytes())
    assert sizes(tmp_path, name, decode=decode) == [(32, 64)]
    assert read_photo(str(tmp_path / name)).shape == (64, 32, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_are_those_of_the_photo_as_detectron2_reads_it(tmp_path, orientation):
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = Image.new("RGB", (64, 32), "white")
    stored.paste("red", (0, 0, 16, 16))  # the upper left corner as stored
    stored.save(path, exif=exif, quality=95)
    pixels = detection_utils.read_image(str(path), "RGB")
    height, width = pixels.shape[:2]
    assert sizes(tmp_path, "a.jpg") == [(width, height)]
    # Where EXIF puts the stored corner, so VIA's coordinates of it, taken as they are, must find the red pixels.
    rows, columns = {
        1: ("top", "left"),
        2: ("top", "right"),
        3: ("bottom", "right"),
        4: ("bottom", "left"),
        5: ("top", "left"),
        6: ("top", "right"),
        7: ("bottom", "right"),
        8: ("bottom", "left"),
    }[orientation]
    y = 8 if rows == "top" else height - 8
    x = 8 if columns == "left" else width - 8
    red, green, _ = pixels[y, x].tolist()
    assert red > 200
    assert green < 60


@pytest.mark.parametrize(
    "name",
    ["../a.jpg", "sub/../../a.jpg", "/etc/a.jpg", "C:a.jpg", "C:\\a.jpg", "sub\\a.jpg", "http://host/a.jpg", "a\0.jpg"],
)
def test_a_name_never_leads_out_of_the_image_folder(photos, name):
    with pytest.raises(UnsoundError) as caught:
        PhotoFolder(photos).find(name)
    assert caught.value.kind is FaultKind.UNSAFE_NAME


def test_spaces_unicode_and_subfolders_are_ordinary(photos):
    (photos / "day 1").mkdir()
    for name in ("red balloon.jpg", "Ballón 気球.jpg", "day 1/c.jpg"):
        Image.new("RGB", (5, 4)).save(photos / name)
        assert sizes(photos, name) == [(5, 4)]


def test_a_name_is_found_whichever_way_its_accents_are_written(photos):
    Image.new("RGB", (5, 4)).save(photos / unicodedata.normalize("NFD", "Ballón.jpg"))
    assert sizes(photos, unicodedata.normalize("NFC", "Ballón.jpg")) == [(5, 4)]


@pytest.mark.parametrize("name", ["gone.jpg", "gone/a.jpg", "folder", "a.jpg/b.jpg", "x" * 5000])
def test_a_missing_photo_is_told(photos, name):
    (photos / "folder").mkdir()
    with pytest.raises(UnsoundError) as caught:
        PhotoFolder(photos).find(name)
    assert caught.value.kind is FaultKind.MISSING_PHOTO


def test_a_missing_image_folder_is_told(tmp_path):
    with pytest.raises(DatasetError, match="gone: no such image folder"):
        PhotoFolder(tmp_path / "gone")


@pytest.mark.parametrize("content", [b"", b"not a photo", b"\xff\xd8\xff\xe0"])
def test_an_unreadable_photo_is_told(photos, content):
    (photos / "a.jpg").write_bytes(content)
    with pytest.raises(UnsoundError) as caught:
        sizes(photos, "a.jpg")
    assert caught.value.kind is FaultKind.UNREADABLE_PHOTO


def test_a_photo_cut_short_is_found_by_decoding(photos):
    Image.effect_noise((200, 200), 90).save(photos / "a.jpg")
    (photos / "a.jpg").write_bytes((photos / "a.jpg").read_bytes()[:-2000])
    sizes(photos, "a.jpg")
    with pytest.raises(UnsoundError) as caught:
        sizes(photos, "a.jpg", decode=True)
    assert caught.value.kind is FaultKind.UNREADABLE_PHOTO


def test_damaged_exif_does_not_cost_the_photo(photos):
    Image.new("RGB", (5, 4)).save(photos / "a.jpg", exif=b"Exif\0\0rubbish that is no TIFF header")
    assert sizes(photos, "a.jpg") == [(5, 4)]
    assert detection_utils.read_image(str(photos / "a.jpg")).shape == (4, 5, 3)


def test_no_photo_is_opened_when_nothing_changed(photos, opened):
    first = sizes(photos, "a.jpg", "b.jpg")
    assert opened == ["a.jpg", "b.jpg"]
    assert sizes(photos, "a.jpg", "b.jpg") == first
    assert opened == ["a.jpg", "b.jpg"]


def test_only_the_photo_that_changed_is_opened_again(photos, opened):
    sizes(photos, "a.jpg", "b.jpg")
    Image.new("RGB", (7, 9)).save(photos / "b.jpg")
    assert sizes(photos, "a.jpg", "b.jpg")[1] == (7, 9)
    assert opened == ["a.jpg", "b.jpg", "b.jpg"]


def test_a_header_in_the_cache_does_not_stand_for_decoded_pixels(photos, opened):
    sizes(photos, "a.jpg")
    sizes(photos, "a.jpg", decode=True)
    sizes(photos, "a.jpg", decode=True)
    sizes(photos, "a.jpg")
    assert opened == ["a.jpg", "a.jpg"]


def _entry_of_other_types(path: Path) -> str:
    document = json.loads(path.read_text())
    document["photos"] = {"a.jpg": ["x", None], "b.jpg": 3}
    return json.dumps(document)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: "",
        lambda path: "\x80\x04K\x01.",
        lambda path: "[" * 200_000,
        lambda path: "[1, 2]",
        lambda path: path.read_text()[:-9],
        lambda path: path.read_text().replace("photo sizes 2", "photo sizes 1"),
        lambda path: path.read_text().replace("photos", "elsewhere", 1),
        _entry_of_other_types,
    ],
)
def test_a_damaged_or_foreign_cache_is_rebuilt(photos, opened, damage):
    first = sizes(photos, "a.jpg", "b.jpg")
    path = SizeCache(photos).path
    path.write_text(damage(path), encoding="latin-1")
    assert sizes(photos, "a.jpg", "b.jpg") == first
    assert len(opened) == 4
    assert sizes(photos, "a.jpg", "b.jpg") == first
    assert len(opened) == 4


def test_a_cache_that_cannot_be_written_is_no_error(photos, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BALLOON_SPLASH_CACHE", str(tmp_path / "file"))
    assert sizes(photos, "a.jpg") == [(60, 40)]


def test_the_cache_lies_where_the_user_says_or_where_the_system_keeps_caches(tmp_path, monkeypatch):
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("BALLOON_SPLASH_CACHE")
    assert cache_folder().name == "balloon-splash"


def test_a_photo_of_floating_point_numbers_is_a_fault(tmp_path):
    """Such a photo would train as a black page."""
    Image.fromarray(np.linspace(0, 1, 60, dtype=np.float32).reshape(6, 10)).save(tmp_path / "deep.tif")
    folder = PhotoFolder(tmp_path)
    with pytest.raises(UnsoundError, match=r"deep\.tif: pixels of mode F found; expected 8 or 16 bits") as caught:
        folder.size(folder.find("deep.tif"))
    assert caught.value.kind is FaultKind.UNREADABLE_PHOTO
