"""The Python interface: what goes in comes back, splashed."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.errors import MediaError, OutputExistsError, UsageError
from balloon_splash.media.video.clip import Clip
from balloon_splash.splasher import Splasher, splash
from balloon_splash.splasher.video_stream import VideoOptions
from tests.fakes import ColourSegmenter, draw_scene
from tests.media.clips import make_clip, read_pictures


@pytest.fixture
def splasher() -> Splasher:
    return Splasher(segmenter=ColourSegmenter())


def png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def is_splashed(result: np.ndarray, scene: np.ndarray) -> bool:
    """Red discs untouched, meadow grey."""
    disc, meadow = (slice(35, 45), slice(35, 45)), (slice(0, 10), slice(0, 10))
    grey = result[meadow][..., :3]
    return bool(np.array_equal(result[disc][..., :3], scene[disc][..., :3]) and (grey == grey[..., :1]).all())


def test_an_array_comes_back_as_an_array(splasher):
    scene = draw_scene()
    result = splasher(scene)
    assert result.shape == scene.shape
    assert result.dtype == np.uint8
    assert is_splashed(result, scene)
    deep = scene.astype(np.uint16) * 257
    assert splasher(deep).dtype == np.uint16
    assert is_splashed(splasher(deep), deep)


def test_alpha_of_an_array_is_kept_and_grey_arrays_are_taken(splasher):
    scene = draw_scene()
    rgba = np.dstack([scene, scene[..., 0]])
    assert np.array_equal(splasher(rgba)[..., 3], scene[..., 0])
    assert splasher(scene[..., 0]).shape == scene.shape


def test_bytes_come_back_as_bytes_of_the_same_format(splasher):
    scene = draw_scene()
    result = Image.open(BytesIO(splasher(png(scene))))
    assert result.format == "PNG"
    assert is_splashed(np.asarray(result), scene)


def test_a_pillow_image_comes_back_upright_with_its_metadata(splasher):
    scene = draw_scene()
    image = Image.fromarray(np.rot90(scene))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image.info.update(exif=exif.tobytes(), icc_profile=b"profile", dpi=(72, 72))
    result = splasher(image)
    assert isinstance(result, Image.Image)
    assert is_splashed(np.asarray(result), scene)
    assert result.info["icc_profile"] == b"profile"
    assert result.getexif().get(ExifTags.Base.Orientation, 1) == 1


def test_a_pillow_image_is_taken_as_it_is_in_memory_not_as_in_its_file(splasher, tmp_path: Path):
    """Hugging Face's datasets keeps the file of an image, and loses what was done to it since."""
    scene, path = draw_scene(), tmp_path / "pages.tif"
    blank = Image.new("RGB", scene.shape[1::-1])
    blank.save(path, save_all=True, append_images=[Image.fromarray(scene)])
    with Image.open(path) as second_page, Image.open(path) as edited:
        second_page.seek(1)
        edited.paste(Image.fromarray(scene))
        for image in (second_page, edited):
            result = splasher(image)
            assert is_splashed(np.asarray(result), scene)
            assert not getattr(result, "filename", "")


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_comes_back_as_the_path_of_the_result(splasher, tmp_path: Path, kind):
    scene = draw_scene()
    (tmp_path / "photo.png").write_bytes(png(scene))
    result = splasher(kind(tmp_path / "photo.png"))
    assert type(result) is type(kind(tmp_path))
    assert Path(result) == tmp_path / "photo_splash.png"
    assert is_splashed(np.asarray(Image.open(result)), scene)
    with pytest.raises(OutputExistsError):
        splasher(kind(tmp_path / "photo.png"))
    splasher(kind(tmp_path / "photo.png"), overwrite=True)
    splash(kind(tmp_path / "photo.png"), segmenter=splasher.segmenter, overwrite=True)


def test_look_and_selection_are_followed():
    scene = draw_scene()
    options: dict[str, Any] = {
        "segmenter": ColourSegmenter(),
        "look": Look("white"),
        "selection": Selection(classes=["blue"]),
    }
    result = splash(scene, **options)
    assert (result[40, 40] == 255).all()
    assert np.array_equal(result[90, 80], scene[90, 80])


def test_the_confidence_of_the_selection_holds_unless_another_is_given():
    def confidence(**options: Any) -> float:
        return Splasher(segmenter=ColourSegmenter(), **options).selection.confidence

    assert confidence() == confidence(selection=Selection(classes=["blue"])) == 0.9
    assert confidence(selection=Selection(confidence=0.3)) == 0.3
    assert confidence(selection=Selection(confidence=0.3), confidence=0.5) == 0.5


def test_a_transparent_jpeg_becomes_a_png_and_alphas_multiply():
    scene = draw_scene()
    splasher = Splasher(segmenter=ColourSegmenter(), look=Look("transparent"))
    buffer = BytesIO()
    Image.fromarray(scene).save(buffer, "JPEG")
    result = Image.open(BytesIO(splasher(buffer.getvalue())))
    assert (result.format, result.mode) == ("PNG", "RGBA")
    half = splasher(np.dstack([scene, np.full(scene.shape[:2], 128, np.uint8)]))[..., 3]
    assert half[40, 40] == 128
    assert half[0, 0] == 0


def test_mistakes_are_found_before_any_picture():
    with pytest.raises(UsageError, match="green"):
        Splasher(segmenter=ColourSegmenter(), selection=Selection(classes=["green"]))
    with pytest.raises(UsageError, match="glitter"):
        Splasher(segmenter=ColourSegmenter(), look=Look("glitter"))


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_arrays_of_another_kind_are_refused(splasher, wrong):
    with pytest.raises(MediaError, match="expected"):
        splasher(wrong)


def test_a_video_gets_its_splash_beside_it(splasher, tmp_path: Path):
    source = make_clip(tmp_path / "in.mp4", frames=4, size=(120, 160), draw=lambda i, size: draw_scene(*size))
    summary = splasher.video(source)
    assert (summary.destination, summary.frames) == (tmp_path / "in_splash.mp4", 4)
    picture = read_pictures(summary.destination)[0].rgb.astype(int)
    assert np.ptp(picture[40, 40]) > 100
    assert np.ptp(picture[5, 5]) < 12
    with pytest.raises(OutputExistsError, match="exists already"):
        splasher.video(source)


def test_a_transparent_video_gets_a_format_that_holds_it(tmp_path: Path):
    source = make_clip(tmp_path / "in.mp4", frames=2, size=(120, 160), draw=lambda i, size: draw_scene(*size))
    splasher = Splasher(segmenter=ColourSegmenter(), look=Look("transparent"))
    assert splasher.video(source).destination.name == "in_splash.mov"
    assert splasher.video(source, tmp_path / "b.webp", options=VideoOptions(clip=Clip(max_frames=1))).frames == 1
    with Image.open(tmp_path / "b.webp") as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert (alpha[40, 40], alpha[5, 5]) == (255, 0)


def test_objects_are_found_without_a_splash_in_one_picture_or_in_a_list(splasher, tmp_path: Path):
    scene = draw_scene()
    (tmp_path / "photo.png").write_bytes(png(scene))
    found = splasher.detect(scene)
    assert [len(found), found.size] == [3, scene.shape[:2]]
    both = splasher.detect([tmp_path / "photo.png", Image.fromarray(scene)])
    assert [len(each) for each in both] == [3, 3]
    assert [path.name for path in tmp_path.iterdir()] == ["photo.png"]


@pytest.mark.parametrize("wrong", [None, 5, {"image": 1}, [[1, 2]]])
def test_another_kind_is_a_type_error_that_names_what_is_taken(splasher, wrong):
    with pytest.raises(TypeError, match="expected a path, bytes, a Pillow image or a NumPy array"):
        splasher.detect(wrong)
    with pytest.raises(TypeError, match="found; expected a path"):
        splasher(wrong)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"weights": 5}, "weights: int found, expected a name, a path or a URL"),
        ({"look": "blur"}, r"look: str found, expected a Look, such as Look\('blur'\)"),
        ({"selection": 5}, "selection: int found, expected a Selection"),
        ({"confidence": "high"}, "confidence: str found, expected a number from 0 to 1"),
    ],
)
def test_an_option_of_another_kind_is_a_type_error_before_a_model_is_loaded(options, told):
    with pytest.raises(TypeError, match=told):
        Splasher(**options)


def test_an_object_that_transparency_hides_is_not_found(splasher):
    scene = draw_scene()
    shown = np.full(scene.shape[:2], 255, np.uint8)
    shown[:, :80] = 0  # over one of the two red discs
    assert len(splasher.detect(np.dstack([scene, shown]))) < len(splasher.detect(scene))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("party.mp4", r"party\.mp4: a video found, expected a picture; Splasher\.video takes it"),
        (".", r"\.: a folder found, expected a picture; splash_inputs takes it"),
        ("https://u:secret@example.org/a.jpg", "example.org/a.jpg: an address found, expected a file; splash_inputs"),
    ],
)
def test_what_another_function_takes_is_told_so(splasher, name: str, told: str):
    with pytest.raises(MediaError, match=told) as error:
        splasher(name)
    assert "secret" not in str(error.value)
