from __future__ import annotations

import hashlib
import io
import stat
import zipfile

import pytest

from balloon_splash.data.datasets.prepare import is_complete_balloon, prepare_balloon, verify_balloon
from balloon_splash.data.datasets.unpack import ArchiveLimits, unpack_splits
from balloon_splash.errors import BalloonSplashError, DatasetError, DownloadError
from tests.data.datasets.balloon_archive import official_files, redirect, send, serving, via_hashes, zipped

FILES = official_files()
HASHES = via_hashes(FILES)


@pytest.fixture(autouse=True)
def _no_proxy_and_the_cache_elsewhere(monkeypatch, tmp_path_factory):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("BALLOON_SPLASH_CACHE", str(tmp_path_factory.mktemp("cache")))


def _entry(name, *, mode=0, data=b"x"):
    """The good archive with one more entry."""
    buffer = io.BytesIO(zipped(FILES))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _prepare(tmp_path, archive, **options):
    file = tmp_path / "some.zip"
    file.write_bytes(archive)
    root = tmp_path / "datasets" / "balloon"
    return prepare_balloon(root, archive=file, **{"via_sha256": HASHES, "progress": False, **options})


def test_the_archive_is_downloaded_checked_and_unpacked(tmp_path):
    archive = zipped(FILES)
    with serving({"/balloon.zip": send(archive)}) as server:
        root = prepare_balloon(
            tmp_path / "datasets" / "balloon",
            url=f"{server}/balloon.zip",
            sha256=hashlib.sha256(archive).hexdigest().upper(),
            via_sha256=HASHES,
        )
    unpacked = {f"balloon/{path.relative_to(root).as_posix()}": path.read_bytes() for path in root.rglob("*.*")}
    assert unpacked == {name: data for name, data in FILES.items() if "/._" not in name}
    assert [path.name for path in root.parent.iterdir()] == ["balloon"]


def test_an_archive_without_a_top_folder_does_as_well(tmp_path):
    root = _prepare(tmp_path, zipped({name.removeprefix("balloon/"): data for name, data in FILES.items()}))
    assert is_complete_balloon(root, HASHES)


def test_a_complete_dataset_is_left_alone_and_nothing_is_fetched(tmp_path):
    root = _prepare(tmp_path, zipped(FILES))
    before = (root / "train" / "a.jpg").stat()
    assert prepare_balloon(root, url="https://unreachable.invalid/", via_sha256=HASHES) == root
    assert (root / "train" / "a.jpg").stat() == before


def test_a_damaged_dataset_is_replaced_only_if_asked(tmp_path):
    root = _prepare(tmp_path, zipped(FILES))
    (root / "val" / "a.jpg").unlink()
    with pytest.raises(DatasetError, match=r"val/a\.jpg: missing"):
        verify_balloon(root, HASHES)
    with pytest.raises(DatasetError, match="not empty"):
        _prepare(tmp_path, zipped(FILES))
    _prepare(tmp_path, zipped(FILES), overwrite=True)
    verify_balloon(root, HASHES)


def test_a_broken_archive_does_not_cost_the_dataset_that_is_there(tmp_path):
    root = _prepare(tmp_path, zipped(FILES))
    with pytest.raises(DatasetError):
        _prepare(tmp_path, zipped(FILES)[:-40], overwrite=True)
    verify_balloon(root, HASHES)


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (_entry("balloon/train/../../../evil.jpg"), "leads out"),
        (_entry("../evil.jpg"), "leads out"),
        (_entry("/tmp/evil.jpg"), "leads out"),
        (_entry("C:/evil.jpg"), "leads out"),
        (_entry("balloon\\..\\evil.jpg"), "leads out"),
        (_entry("balloon/train/c.jpg", mode=stat.S_IFLNK | 0o777, data=b"/etc/passwd"), "is a link"),
        (_entry("balloon/train/c.jpg", mode=stat.S_IFIFO | 0o666), "is a link or a special file"),
        (_entry("balloon/train/c.jpg", data=bytes(10_000_000)), "grows more than 100 times"),
        (_entry("elsewhere/train/a.jpg"), "holds a.jpg twice"),
        (zipped(FILES)[:-40], "not a sound ZIP archive"),
        (zipped(FILES).replace(b"PK\x03\x04", b"PK\x03\x05"), "not a sound ZIP archive"),
        (b"<html>log in</html>", "not a sound ZIP archive"),
        (zipped({}), r"train/via_region_data\.json: missing"),
        (zipped({**FILES, "balloon/val/via_region_data.json": b"{}"}), r"val/via_region_data\.json: sha256 is"),
        (zipped({**FILES, "balloon/val/b.jpg": b"bb"}), r"val/b\.jpg: 2 bytes, expected 53"),
    ],
    ids=[
        "inner-dots", "dots", "absolute", "drive", "backslash", "symlink", "fifo", "bomb", "duplicate", "truncated",
        "damaged", "html", "empty", "other-annotations", "other-photo",
    ],
)  # fmt: skip
def test_bad_archives_are_refused_and_leave_no_trace(tmp_path, archive, message):
    with pytest.raises(DatasetError, match=message):
        _prepare(tmp_path, archive)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["datasets", "some.zip"]


def test_photos_of_another_size_than_via_says_are_refused(tmp_path):
    files = official_files(size_error=1)
    with pytest.raises(DatasetError, match=r"train/a\.jpg: 55 bytes, expected 56"):
        _prepare(tmp_path, zipped(files), via_sha256=via_hashes(files))
    assert not (tmp_path / "datasets" / "balloon").exists()


@pytest.mark.parametrize(
    ("limits", "message"),
    [(ArchiveLimits(max_files=3), "8 files, expected at most 3"), (ArchiveLimits(max_bytes=9), "expected at most 9")],
)
def test_archives_beyond_the_limits_are_refused(tmp_path, limits, message):
    (tmp_path / "some.zip").write_bytes(zipped(FILES))
    with pytest.raises(DatasetError, match=message):
        unpack_splits(tmp_path / "some.zip", tmp_path / "target", limits)
    assert not (tmp_path / "target").exists()


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path):
    # Both records of the entry say 100 bytes; 10 MB come out.
    bomb = _entry("balloon/train/c.jpg", data=bytes(10_000_000))
    lying = bomb.replace((10_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != bomb
    with pytest.raises(DatasetError, match="not a sound ZIP archive"):
        _prepare(tmp_path, lying)
    assert not (tmp_path / "datasets" / "balloon").exists()


def test_a_wrong_sha256_is_refused(tmp_path):
    with pytest.raises(DownloadError, match=r"some\.zip: sha256 is .*, expected 00ff"):
        _prepare(tmp_path, zipped(FILES), sha256="00FF")
    assert not (tmp_path / "datasets" / "balloon").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/absent", "answers 404"),
        ("/short", "broke off"),
        ("/huge", "999999999999 bytes announced"),
        ("/elsewhere", r"http://192\.0\.2\.1/x: plain http.*; expected an https address, or --allow-http if you trust"),
        ("/file", "file:///etc/passwd: not a web address"),
        ("/loop", "more than 5 redirects"),
    ],
)
def test_a_failed_download_says_why_and_what_to_do(tmp_path, path, message):
    responses = {
        "/short": send(zipped(FILES)[:100], announced=5000),
        "/huge": send(b"", announced=999_999_999_999),
        "/elsewhere": redirect("http://192.0.2.1/x"),
        "/file": redirect("file:///etc/passwd"),
        "/loop": redirect("/loop"),
    }
    with serving(responses) as server, pytest.raises(DownloadError, match=message) as error:
        prepare_balloon(tmp_path / "new" / "balloon", url=server + path, via_sha256=HASHES, progress=False)
    assert "--archive balloon_dataset.zip" in str(error.value)
    assert list((tmp_path / "new").iterdir()) == []


def test_redirects_are_followed(tmp_path):
    with serving({"/old": redirect("/new"), "/new": send(zipped(FILES))}) as server:
        root = prepare_balloon(tmp_path / "balloon", url=f"{server}/old", via_sha256=HASHES, progress=False)
    verify_balloon(root, HASHES)


def test_no_connection_is_told_in_one_line(tmp_path):
    with serving({}) as server:
        pass  # nobody listens there any more
    with pytest.raises(BalloonSplashError, match=r"no connection.*--archive balloon_dataset\.zip"):
        prepare_balloon(tmp_path / "balloon", url=f"{server}/b.zip", via_sha256=HASHES, progress=False)
    assert list(tmp_path.iterdir()) == []
