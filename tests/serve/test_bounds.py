"""Whatever is sent gets a status and one sentence, within bounds; who may not ask is not answered."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from balloon_splash.compositing.detections import Detections
from balloon_splash.serve import gate
from balloon_splash.serve.settings import MIB
from tests.fakes import PromptedSegmenter
from tests.serve.conftest import encoded

SECRET = "correct-horse"


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert set(body) == {"field", "found", "expected", "message"}
    assert "\n" not in body["message"]
    assert "Traceback" not in answer.text
    return body


def post(client: Any, photo: bytes, name: str = "photo.png", **data: str) -> Any:
    return client.post("/v1/splash", files={"photo": (name, photo)}, data=data)


@pytest.mark.parametrize(
    ("photo", "found"),
    [
        (b"", "an empty file"),
        (b"not a picture", "not a picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a picture"),
    ],
)
def test_a_file_that_is_no_photo_is_named(client: Any, photo: bytes, found: str) -> None:
    body = problem(post(client, photo), 422)
    assert body["field"] == "photo"
    assert found in body["found"]


def test_half_a_photo_is_named(client: Any, jpeg: bytes) -> None:
    assert problem(post(client, jpeg[: len(jpeg) // 2]), 422)["field"] == "photo"


def test_too_many_pixels_and_bytes_are_refused_before_they_are_decoded(start: Callable[..., Any], png: bytes) -> None:
    client = start(photo_pixels=1000, photo_bytes=1000)
    assert problem(post(client, png), 413)["found"] == "a picture of 160x120 pixels"
    large = bytes(2000 + gate.FURTHER_BYTES + 1)
    assert "at most" in problem(post(client, large), 413)["expected"]

    def unannounced() -> Any:
        yield from (bytes(MIB) for _ in range(40))

    answer = client.post(
        "/v1/splash", content=unannounced(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert "more than" in problem(answer, 413)["found"]


@pytest.mark.parametrize(
    ("files", "data", "status", "field"),
    [
        ({}, {"photo": "text"}, 422, "photo"),
        ({"photo": ("a.png", b"x"), "image": ("a.png", b"x")}, {}, 422, "image"),
        ([("photo", ("a.png", b"x")), ("photo", ("b.png", b"x"))], {}, 422, "photo"),
        ({"strokes": ("a.png", b"x")}, {}, 422, "photo"),
    ],
)
def test_parts_are_called_by_their_names(client: Any, files: Any, data: Any, status: int, field: str) -> None:
    if not files:
        files = {"record": ("r.json", b"{}")}
    assert problem(client.post("/v1/splash", files=files, data=data), status)["field"] == field


def test_what_is_no_multipart_is_refused(client: Any) -> None:
    problem(client.post("/v1/splash", json={"photo": "x"}), 415)
    problem(client.post("/v1/splash"), 415)
    headers = {"Content-Type": "multipart/form-data"}
    problem(client.post("/v1/splash", content=b"--x", headers=headers), 400)
    problem(
        client.post("/v1/splash", content=b"--y\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"}), 400
    )


@pytest.mark.parametrize("side", ["0", "-1", "1.5", "9" * 30, "²", "abc"])
def test_sides_that_are_none(client: Any, png: bytes, side: str) -> None:
    answer = client.post("/v1/objects", files={"photo": ("p.png", png)}, data={"side": side})
    assert problem(answer, 422)["field"] == "side"


def record_of(client: Any, png: bytes) -> dict[str, Any]:
    record: dict[str, Any] = client.post("/v1/objects", files={"photo": ("p.png", png)}).json()["record"]
    return record


Spoil = Callable[[dict[str, Any]], Any]


def first(record: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = record["annotations"][0]
    return entry


@pytest.mark.parametrize(
    "spoil",
    [
        lambda record: [],
        lambda record: record.pop("images"),
        lambda record: record["images"].append({**record["images"][0], "id": 2, "file_name": "other"}),
        lambda record: record["images"][0].update(width=10**400),
        lambda record: record["images"][0].update(width=161),
        lambda record: record["images"][0].update(file_name=[]),
        lambda record: record["categories"][0].update(name="dog"),
        lambda record: first(record).update(bbox=[float("nan")] * 4),
        lambda record: first(record).update(bbox=[0, 0, 1e300, 1e300]),
        lambda record: first(record).update(bbox=[0, 0, -5, 5]),
        lambda record: first(record).update(bbox=["a", 0, 1, 1]),
        lambda record: first(record).update(score=7),
        lambda record: first(record).pop("soft_mask"),
        lambda record: first(record)["soft_mask"].update(size=[10**6, 10**6]),
        lambda record: first(record)["soft_mask"].update(size=[-1, 28]),
        lambda record: first(record)["soft_mask"].update(size=[784, 1]),
        lambda record: first(record)["soft_mask"].update(float32="AAAA"),
        lambda record: first(record)["soft_mask"].update(float32="/" * 4184),
        lambda record: record["annotations"].extend([first(record)] * 1001),
        lambda record: first(record).update(category_id={}),
    ],
)
def test_a_record_that_was_tampered_with_is_refused(client: Any, png: bytes, spoil: Spoil) -> None:
    record = record_of(client, png)
    other = spoil(record)
    text = json.dumps(other if other == [] else record)
    assert problem(post(client, png, record=text), 422)["field"] == "record"


@pytest.mark.parametrize("text", ["", "[" * 100_000, '"', "nonsense", "null", "\ud800"])
def test_a_record_that_is_none_is_refused(client: Any, png: bytes, text: str) -> None:
    files = {"photo": ("p.png", png), "record": ("r.json", text.encode("utf-8", "surrogatepass"))}
    assert problem(client.post("/v1/splash", files=files), 422)["field"] == "record"


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        ({"background": "rgb(99999999999, 0, 0)"}, "choices.background"),
        ({"background": "image"}, "background_image"),
        ({"background": "image:/etc/passwd"}, "choices.background"),
        ({"classes": ["dog"]}, "choices.classes"),
        ({"confidence": 0.2, "low_confidence": 0.8}, "choices.low_confidence"),
        ({"box": [9, 9, 1, 1]}, "choices.box"),
        ({"add_box": [[900, 900, 950, 950]]}, "choices.add_box"),
        ({"tiles": 2}, "choices.tiles"),
    ],
)
def test_choices_that_do_not_do_are_named(client: Any, png: bytes, choices: dict[str, Any], field: str) -> None:
    assert problem(post(client, png, choices=json.dumps(choices)), 422)["field"] == field


def test_strokes_of_another_shape_are_refused(client: Any, png: bytes) -> None:
    files = {"photo": ("p.png", png), "strokes": ("s.png", encoded(np.zeros((300, 100, 4), np.uint8)))}
    body = problem(client.post("/v1/splash", files=files), 422)
    assert (body["field"], body["found"]) == ("strokes", "100x300 pixels")


def test_a_photo_as_strokes_is_refused(client: Any, png: bytes) -> None:
    answer = client.post("/v1/splash", files={"photo": ("p.png", png), "strokes": ("s.png", png)})
    assert (answer.status_code, answer.json()["field"]) == (422, "strokes")


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\x\\photo.png", "a" * 4000, "\u202egnp.exe", "..", 'a"b;c.png', "é.png", ""]
)
def test_a_name_never_leads_anywhere(client: Any, png: bytes, name: str) -> None:
    answer = post(client, png, name or "x")
    assert answer.status_code == 200
    assert re.fullmatch(
        r"attachment; filename\*=UTF-8''[\w.%()+-]{1,400}_splash\.png", answer.headers["content-disposition"]
    )


class Held(PromptedSegmenter):
    """A model that answers when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go, self.asked = threading.Event(), threading.Event()

    def detect(self, images: Any) -> list[Detections]:
        self.asked.set()
        assert self.go.wait(20)
        return super().detect(images)


def test_a_full_queue_says_when_to_come_again_and_loses_nobody(start: Callable[..., Any], png: bytes) -> None:
    finder = Held()
    client = start(finder, threads=1, waiting=2)
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(post, client, png)]
        assert finder.asked.wait(20)
        answers += [pool.submit(post, client, png) for _ in range(5)]
        while len(refused := [answer for answer in answers if answer.done()]) < 3:
            assert wait(set(answers) - set(refused), 20, FIRST_COMPLETED).done
        finder.go.set()
        statuses = sorted(answer.result(20).status_code for answer in answers)
    assert statuses == [200, 200, 200, 429, 429, 429]
    assert all(int(answer.result().headers["retry-after"]) >= 1 for answer in refused)


def test_requests_that_come_together_share_a_batch(start: Callable[..., Any], png: bytes) -> None:
    finder = Held()
    client = start(finder, threads=4)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(post, client, png)]
        assert finder.asked.wait(20)
        answers += [pool.submit(post, client, png) for _ in range(3)]
        while client.app._app.state.service.model._asked.qsize() < 3:
            assert not wait(answers, 0.02, FIRST_COMPLETED).done
        finder.go.set()
        assert {answer.result(20).status_code for answer in answers} == {200}
    assert finder.batches == [1, 3]


def test_what_takes_too_long_is_given_up(start: Callable[..., Any], png: bytes) -> None:
    finder = Held()
    client = start(finder, seconds=1.5)
    body = problem(post(client, png), 503)
    assert "1.5 seconds" in body["found"]
    finder.go.set()


class Failing(PromptedSegmenter):
    def detect(self, images: Any) -> list[Detections]:
        raise RuntimeError("secret of another client")


class Greedy(PromptedSegmenter):
    def detect(self, images: Any) -> list[Detections]:
        np.empty(2**50, np.uint8)
        raise AssertionError("a machine with a petabyte")


def test_memory_that_does_not_suffice_is_no_fault(start: Callable[..., Any], png: bytes) -> None:
    answer = post(start(Greedy()), png)
    assert "out of memory" in problem(answer, 422)["found"]


def test_a_bug_shows_nothing(start: Callable[..., Any], png: bytes) -> None:
    answer = post(start(Failing()), png)
    assert problem(answer, 500)["found"] == "a fault of the service"
    assert "secret" not in answer.text


def test_a_token_is_asked_for_wherever_there_is_something_to_see(start: Callable[..., Any], png: bytes) -> None:
    client = start(token=SECRET)
    for path in ("/health", "/ready", "/openapi.json", "/docs"):
        assert client.get(path).status_code == 200
    for path in ("/v1/options", "/metrics", "/v1/videos/0", "/nothing"):
        assert client.get(path).headers["www-authenticate"] == "Bearer"
    problem(post(client, png), 401)
    for header in ("Bearer wrong", f"Basic {SECRET}", SECRET, "Bearer", "Bearer é".encode("latin-1")):
        problem(client.get("/v1/options", headers={"Authorization": header}), 401)
    assert client.get("/v1/options", headers={"Authorization": f"Bearer {SECRET}"}).json()["token"] is True
    problem(client.post("/v1/session", json={"token": "wrong"}), 401)
    problem(client.post("/v1/session", json={"tokn": "wrong"}), 422)
    problem(
        client.post("/v1/session", content=b'{"token": "\\ud800"}', headers={"Content-Type": "application/json"}), 422
    )
    answer = client.post("/v1/session", json={"token": SECRET})
    assert (answer.status_code, "httponly" in answer.headers["set-cookie"].lower()) == (204, True)
    assert SECRET not in answer.headers["set-cookie"]
    assert post(client, png).status_code == 200, "the cookie stands for the token"


def test_other_hosts_and_sites_are_turned_away(start: Callable[..., Any], png: bytes) -> None:
    client = start(hosts=("127.0.0.1", "::1"))
    for host, status in (("evil.example", 403), ("127.0.0.1:8000", 200), ("[::1]:8000", 200), ("", 403)):
        assert client.get("/health", headers={"Host": host}).status_code == status
    client = start(origins=("https://friend.example",))
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    problem(client.post("/v1/splash", files={"photo": ("p.png", png)}, headers=foreign), 403)
    friend = {**foreign, "Origin": "https://friend.example"}
    answer = client.post("/v1/splash", files={"photo": ("p.png", png)}, headers=friend)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://friend.example")


def test_no_other_site_is_let_in_unless_asked(client: Any) -> None:
    answer = client.get("/health", headers={"Origin": "https://evil.example"})
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_addresses_in_place_of_photos_are_off_and_guarded(client: Any, start: Callable[..., Any]) -> None:
    def ask(client: Any, url: str) -> Any:
        return client.post("/v1/objects", files={"url": (None, url)})

    assert problem(ask(client, "https://example.org/a.jpg"), 422)["field"] == "url"
    open_client = start(urls=True)
    for url in (
        "http://127.0.0.1/a.jpg",
        "https://127.0.0.1/a.jpg",
        "file:///etc/passwd",
        "https://[::1]/",
        "https://10.0.0.1/",
    ):
        assert problem(ask(open_client, url), 422)["field"] == "url"


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/health", "/openapi.json", "/nothing", "/page/../gate.py", "/page/%2e%2e/gate.py"]
)
def test_every_answer_is_kept_in_its_place(client: Any, path: str) -> None:
    answer = client.get(path)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert b"RequestError" not in answer.content


def test_the_documentation_asks_for_nothing_elsewhere(client: Any) -> None:
    page = client.get("/docs").text
    assert "/v1/splash" in page
    assert "feather" in page
    assert not re.search(r"<script|<link|src=|https?://|style=", page)


def test_unknown_addresses_and_methods_have_the_same_form(client: Any) -> None:
    problem(client.get("/v1/nothing"), 404)
    assert problem(client.get("/v1/splash"), 405)["expected"].endswith("POST")


def test_numbers_are_counted(client: Any, png: bytes) -> None:
    post(client, png)
    text = client.get("/metrics").text
    assert 'balloon_splash_requests_total{method="POST",route="/v1/splash",status="200"}' in text
    assert "balloon_splash_model_batch_count" in text


def test_a_prefix_of_a_proxy_is_understood_kept_or_cut_off(start: Callable[..., Any], png: bytes) -> None:
    client = start(root_path="/splash", token=SECRET)
    for path in ("/splash/health", "/health", "/splash/openapi.json", "/splash/docs"):
        assert client.get(path).status_code == 200, path
    assert client.post("/splash/v1/session", json={"token": SECRET}).headers["set-cookie"].count("Path=/splash/") == 1
    assert client.post("/splash/v1/splash", files={"photo": ("p.png", png)}).status_code == 200


def test_photos_leave_nothing_on_the_disk(client: Any, png: bytes) -> None:
    post(client, png, "../x.png")
    assert list(Path(client.app._settings.folder).iterdir()) == []
