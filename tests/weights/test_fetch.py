"""Weights from the web: the right file in the right place, or one line that says why not."""

from __future__ import annotations

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from balloon_splash.errors import WeightsError
from balloon_splash.weights import fetch as weight_urls
from balloon_splash.weights.fetch import cached_path, local_weights
from tests.data.datasets.balloon_archive import redirect, send, serving

BODY = b"some weights"
ZOO = "https://dl.fbaipublicfiles.com/detectron2/"
TORCHVISION = "https://download.pytorch.org/models/"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, Detectron2's and ours, and no proxy."""
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path / "fetched"))
    monkeypatch.setenv("BALLOON_SPLASH_CACHE", str(tmp_path / "fetched"))
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path / "fetched"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")


def test_a_file_is_fetched_once(cache: Path) -> None:
    with serving({"/m/a.pth": send(BODY)}) as server:
        local = local_weights(f"{server}/m/a.pth")
        address = server
    assert Path(local).read_bytes() == BODY
    assert local_weights(f"{address}/m/a.pth") == local, "nobody listens there any more"
    assert files(cache) == ["a.pth"]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("detectron2://ImageNetPretrained/MSRA/R-50.pkl", "detectron2/ImageNetPretrained/MSRA/R-50.pkl"),
        (f"{ZOO}a/b.pkl", "detectron2/a/b.pkl"),
        (f"{TORCHVISION}r.pth", "models/r.pth"),
        ("https://example.org/detectron2/a/b.pkl", "weights/example.org/detectron2/a/b.pkl"),
        ("https://me:pass@example.org:8443/b.pkl", "weights/example.org_8443/b.pkl"),
        ("https://example.org/../../../.bashrc", "weights/example.org/.bashrc"),
        (f"{ZOO}../../../.bashrc", "detectron2/.bashrc"),
    ],
)
def test_the_zoos_files_lie_where_detectron2_looks_and_others_apart(cache: Path, path: str, place: str) -> None:
    assert cached_path(path) == cache / place


def test_a_query_makes_another_file() -> None:
    first, second = (cached_path(f"https://example.org/a.pth?v={version}") for version in (1, 2))
    assert first != second
    assert first.name == second.name == "a.pth"


@pytest.mark.parametrize(
    ("start", "name", "algorithm", "length"),
    [(ZOO, "model_final_{}.pkl", "md5", 6), (TORCHVISION, "resnet18-{}.pth", "sha256", 8)],
)
def test_the_hash_in_the_name_is_checked(
    cache: Path, monkeypatch: pytest.MonkeyPatch, start: str, name: str, algorithm: str, length: int
) -> None:
    right = name.format(hashlib.new(algorithm, BODY).hexdigest()[:length])
    wrong = name.format("0" * length)
    with serving({f"/{right}": send(BODY), f"/{wrong}": send(BODY)}) as server:
        # The real places cannot be reached from a test: the table that names them leads here.
        table = [(f"{server}/", *rest) for place, *rest in weight_urls._NAMED_BY_HASH if place == start]
        assert table
        monkeypatch.setattr(weight_urls, "_NAMED_BY_HASH", table)
        local = Path(local_weights(f"{server}/{right}"))
        with pytest.raises(WeightsError, match=f"its {algorithm} is .*, expected one that begins with 000"):
            local_weights(f"{server}/{wrong}")
        assert files(cache) == [right]
        local.write_bytes(b"altered")
        with pytest.raises(WeightsError, match=f"{right}: its {algorithm} is"):
            local_weights(f"{server}/{right}")


def test_the_names_that_we_use_have_their_hashes_in_them() -> None:
    for url in (
        f"{ZOO}COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x/137849600/model_final_f10217.pkl",
        f"{TORCHVISION}resnet18-f37072fd.pth",
    ):
        matching = [name for start, name, _ in weight_urls._NAMED_BY_HASH if url.startswith(start)]
        assert [bool(name.fullmatch(url.rpartition("/")[2])) for name in matching] == [True], url


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/absent.pth", "answers 404"),
        ("/short.pth", "broke off"),
        ("/huge.pth", "bytes announced; expected at most"),
        ("/astray.pth", r"http://192\.0\.2\.1/x: plain http, .*expected an https address"),
    ],
)
def test_what_cannot_be_fetched_is_told_without_secrets(cache: Path, path: str, message: str) -> None:
    responses = {
        "/short.pth": send(BODY, announced=5000),
        "/huge.pth": send(b"", announced=999_999_999_999),
        "/astray.pth": redirect("http://me:pass@192.0.2.1/x"),
    }
    with serving(responses) as server, pytest.raises(WeightsError, match=message) as caught:
        local_weights(server.replace("//", "//me:secret@") + path)
    assert "secret" not in str(caught.value)
    assert "me:pass" not in str(caught.value)
    assert f"put the file at {cache}/weights/127.0.0.1" in str(caught.value)
    assert files(cache) == []


@pytest.mark.parametrize("path", ["http://example.org/a.pth", "ftp://example.org/a.pth", "https://example.org/"])
def test_other_addresses_are_refused(path: str) -> None:
    with pytest.raises(WeightsError, match="expected"):
        local_weights(path)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.pth: no such file"):
        local_weights("nowhere.pth")


def test_two_at_once_fetch_it_once() -> None:
    asked: list[float] = []

    def slowly(request: BaseHTTPRequestHandler) -> None:
        asked.append(time.monotonic())
        time.sleep(0.3)
        send(BODY)(request)

    with serving({"/a.pth": slowly}) as server:
        threads = [threading.Thread(target=local_weights, args=(f"{server}/a.pth",)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(asked) == 1


def test_the_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sits behind one gets nothing otherwise."""
    with serving({"http://127.0.0.1:9/a.pth": send(BODY)}) as proxy:
        monkeypatch.delenv("NO_PROXY")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setenv("http_proxy", proxy)
        assert Path(local_weights("http://127.0.0.1:9/a.pth")).read_bytes() == BODY
