"""Inputs that a user names are found; existing files, and inputs, are never overwritten."""

import re
from pathlib import Path

import pytest
from PIL import Image

from balloon_splash.errors import MediaError, OutputExistsError, UsageError
from balloon_splash.media.inputs import expand_inputs
from balloon_splash.media.outputs import plan_outputs, splash_path, video_path
from tests.media.clips import make_clip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b é.PNG", "notes.txt", ".hidden.jpg", "._a.jpg", "a_splash.jpg", "sub/c.jpg", "clip.mp4"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "photos"


def names(sources) -> list[str]:
    return [source.relative.as_posix() for source in sources]


def test_a_folder_gives_its_photos_and_videos_and_not_its_results(folder: Path):
    assert names(expand_inputs([str(folder)])) == ["a.jpg", "b é.PNG", "clip.mp4"]
    assert names(expand_inputs([str(folder)], recursive=True)) == ["a.jpg", "b é.PNG", "clip.mp4", "sub/c.jpg"]


def test_globs_and_files_are_taken_once(folder: Path):
    sources = expand_inputs([str(folder / "*.jpg"), str(folder / "a.jpg"), str(folder / "**" / "c.jpg")])
    assert names(sources) == ["a.jpg", "c.jpg"]
    assert names(expand_inputs([str(folder / "a_splash.jpg")])) == ["a_splash.jpg"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path):
    (tmp_path / "x[1].jpg").touch()
    assert names(expand_inputs([str(tmp_path / "x[1].jpg")])) == ["x[1].jpg"]


def test_urls_keep_their_file_name(folder: Path):
    assert names(expand_inputs(["https://example.org/a/photo%201.jpg?size=l", "http://example.org"])) == [
        "photo 1.jpg",
        "download",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "none.jpg",
        "n" * 300 + ".jpg",
        "*.jpg",
        "ftp://example.org/a.jpg",
        "file:///etc/passwd",
        "http://",
        "http://[::1/x.jpg",
    ],
)
def test_what_does_not_exist_is_named(tmp_path: Path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as error:
        expand_inputs([text])
    assert text in str(error.value)


def test_results_lie_beside_their_inputs_or_below_the_output_folder(folder: Path, tmp_path: Path):
    sources = expand_inputs([str(folder)], recursive=True)[::3]
    assert plan_outputs(sources[:1], None, overwrite=True) == [folder / "a_splash.jpg"]
    out = tmp_path / "out"
    assert plan_outputs(sources, str(out)) == [out / "a_splash.jpg", out / "sub/c_splash.jpg"]
    assert plan_outputs(sources[:1], str(tmp_path / "one.png")) == [tmp_path / "one.png"]
    assert plan_outputs(sources[:1], "-") == [None]


def test_transparent_results_get_a_format_that_can_hold_them(folder: Path, tmp_path: Path):
    sources = expand_inputs([str(folder / "a.jpg")])
    assert plan_outputs(sources, None, transparent=True) == [folder / "a_splash.png"]
    with pytest.raises(UsageError, match="transparent"):
        plan_outputs(sources, str(tmp_path / "x.jpg"), transparent=True)


def test_contradictions_are_refused_before_anything_runs(folder: Path, tmp_path: Path):
    two = expand_inputs([str(folder / "a.jpg"), str(folder / "b é.PNG")])
    with pytest.raises(UsageError, match="several inputs"):
        plan_outputs(two, str(tmp_path / "x.jpg"))
    with pytest.raises(UsageError, match="exactly one"):
        plan_outputs(two, "-")
    with pytest.raises(OutputExistsError, match="exists already"):
        plan_outputs(two, None)
    with pytest.raises(UsageError, match="suffix"):
        plan_outputs(two[:1], str(tmp_path / "x.doc"))
    with pytest.raises(UsageError, match=r"x\.mp4: .*a\.jpg is a photo; expected one of \.jpg"):
        plan_outputs(two[:1], str(tmp_path / "x.mp4"))
    with pytest.raises(UsageError, match="is an input"):
        plan_outputs(two[:1], str(folder / "sub" / ".." / "a.jpg"), overwrite=True)
    (folder / "sub" / "a.jpg").touch()
    same = expand_inputs([str(folder / "a.jpg"), str(folder / "sub" / "a.jpg")])
    for target in plan_outputs(same, str(tmp_path / "out/")):
        assert isinstance(target, MediaError)
        assert "result of both" in str(target)
    with pytest.raises(UsageError, match="--output"):
        plan_outputs(expand_inputs(["-"]), None)


@pytest.mark.parametrize(
    ("source", "transparent", "expected"),
    [
        ("a/x.MP4", False, "a/x_splash.MP4"),
        ("x.avi", False, "x_splash.mp4"),
        ("x.mp4", True, "x_splash.mov"),
        ("x.webm", True, "x_splash.webm"),
        ("x.gif", True, "x_splash.gif"),
        ("x.ts", True, "x_splash.mov"),
    ],
)
def test_videos_keep_their_format_where_it_can_hold_the_result(source: str, transparent: bool, expected: str):
    assert video_path(Path(source), transparent=transparent) == Path(expected)


def test_a_video_behind_a_url_is_a_file_while_it_is_used(monkeypatch):
    monkeypatch.setattr("balloon_splash.web.client.fetch_into", lambda file, url, rules: file.write(url.encode()))
    (source,) = expand_inputs(["http://example.org/a/party.mp4"])
    assert source.is_video
    with source.local_file() as path:
        assert (path.name, path.read_text()) == ("party.mp4", "http://example.org/a/party.mp4")
    assert not path.exists()


def test_a_url_that_is_refused_is_an_error_about_the_picture_that_names_the_flag():
    for url, found in (("https://127.0.0.1/a.jpg", "leads to 127.0.0.1"), ("http://127.0.0.1/a.jpg", "plain http")):
        (source,) = expand_inputs([url])
        with pytest.raises(MediaError, match=f"{url}: {found}.*; expected .*, or --allow-private-urls"):
            source.read()


@pytest.mark.parametrize(
    ("source", "kind", "expected"),
    [
        ("a/x.JPG", None, "a/x_splash.JPG"),
        ("x.jpeg", "JPEG", "x_splash.jpeg"),
        ("x.jpg", "PNG", "x_splash.png"),
        ("x", None, "x_splash.png"),
    ],
)
def test_result_names(source, kind, expected):
    assert splash_path(Path(source), kind) == Path(expected)


def test_a_misspelt_input_is_told_what_it_resembles(tmp_path: Path) -> None:
    (tmp_path / "party.jpg").touch()
    told = (
        f"party.jpgg: no such file or folder; did you mean {tmp_path / 'party.jpg'}? expected photos, videos, folders"
    )
    with pytest.raises(UsageError, match=re.escape(told)):
        expand_inputs([str(tmp_path / "party.jpgg")])


def test_a_folder_says_which_files_it_passes_over(folder: Path):
    for name in ("raw.CR3", "other.cr3", "noname", "a.jfif", "b.hif", "c.mts", "d.3gp", "e.qoi"):
        (folder / name).touch()
    said: list[str] = []
    found = names(expand_inputs([str(folder)], note=said.append))
    assert {"a.jfif", "b.hif", "c.mts", "d.3gp", "e.qoi"} < set(found)
    searched, note = said
    assert searched.endswith("photos: folders in it that are not searched: 1; --recursive searches them")
    assert "2 .cr3" in note
    assert "1 .txt" in note
    assert "1 without a suffix" in note
    assert "hidden" not in note
    (folder / "empty").mkdir()
    (folder / "empty" / "x.cr3").touch()
    with pytest.raises(UsageError, match=r"no pictures or videos found \(files: 1 \.cr3\)"):
        expand_inputs([str(folder / "empty")])


def test_a_folder_with_nothing_but_folders_is_told_how_they_are_searched(tmp_path: Path):
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "a.jpg").touch()
    with pytest.raises(UsageError, match="no pictures or videos found; --recursive also searches the folders in it"):
        expand_inputs([str(tmp_path)])
    said: list[str] = []
    assert names(expand_inputs([str(tmp_path)], recursive=True, note=said.append)) == ["deeper/a.jpg"]
    assert said == []


@pytest.mark.parametrize(
    ("name", "kind", "expected", "video"),
    [
        ("photo", "JPEG", "photo_splash.jpg", False),
        ("photo.download", "PNG", "photo_splash.png", False),
        ("photo.jfif", "JPEG", "photo_splash.jfif", False),
        ("photo.mpo", "JPEG", "photo_splash.mpo", False),
        ("photo.ppm", "PPM", "photo_splash.png", False),
        ("moving", "GIF", "moving_splash.gif", True),
    ],
)
def test_a_file_whose_name_says_nothing_is_known_by_what_is_in_it(tmp_path: Path, name, kind, expected, video):
    first, second = Image.new("RGB", (8, 8)), Image.new("RGB", (8, 8), "red")
    first.save(tmp_path / name, kind, **({"save_all": True, "append_images": [second]} if kind == "GIF" else {}))
    sources = expand_inputs([str(tmp_path / name)])
    assert sources[0].is_video == video
    assert plan_outputs(sources, None) == [tmp_path / expected]


def test_a_video_whose_name_says_nothing_is_a_video(tmp_path: Path):
    path = make_clip(tmp_path / "clip.mp4", frames=2).rename(tmp_path / "clip")
    (source,) = expand_inputs([str(path)])
    assert source.is_video
    assert plan_outputs([source], None) == [tmp_path / "clip_splash.mp4"]
