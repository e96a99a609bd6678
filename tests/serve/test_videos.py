"""A video is a job: its first frame is clicked on, its progress told, its result fetched, and nothing of it left."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from balloon_splash.cli.splash import main as splash_command
from balloon_splash.media.video.codecs import WRITABLE_SUFFIXES
from balloon_splash.serve import job_files, videos
from balloon_splash.serve.video_routes import MEDIA_TYPES
from tests.cli.scenes import colourful
from tests.fakes import PromptedSegmenter
from tests.serve.test_bounds import Held, problem

WAIT_SECONDS = 30.0


def upload(client: Any, clip: Path, **data: str) -> dict[str, Any]:
    answer = client.post("/v1/videos", files={"video": ("../party.mp4", clip.read_bytes())}, data=data)
    assert answer.status_code == 201, answer.text
    job: dict[str, Any] = answer.json()
    return job


def events(client: Any, job: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return all events of a job up to its end."""
    answer = client.get(f"/v1/videos/{job['id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [part.splitlines() for part in answer.text.split("\n\n") if part.startswith("event")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


def first_picture(data: bytes, path: Path) -> np.ndarray:
    path.write_bytes(data)
    with av.open(str(path)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def test_a_video_becomes_what_the_command_makes_of_it(client: Any, clip: Path, tmp_path: Path) -> None:
    job = upload(client, clip, choices='{"soft": true, "max_frames": 6}')
    told = events(client, job)
    assert [name for name, _ in told][-1] == "done", told
    assert told[-1][1]["frames"] == 6
    result = client.get(f"/{told[-1][1]['result']}")
    arguments = ["--input", str(clip), "--output", f"{tmp_path}/made.mp4", "--soft", "--max-frames", "6", "--quiet"]
    assert splash_command(arguments, finder=PromptedSegmenter()) == 0
    assert result.content == (tmp_path / "made.mp4").read_bytes()
    assert result.headers["content-type"] == "video/mp4"


def test_objects_of_the_first_frame_are_chosen_by_a_click(client: Any, clip: Path, tmp_path: Path) -> None:
    job = upload(client, clip, wait="true")
    assert job["state"] == "waiting"
    answer = client.post(f"/v1/videos/{job['id']}/objects", data={}, files={"preview": (None, "true")})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["preview_type"], [each["class"] for each in found["objects"]]) == ("image/jpeg", ["red", "blue"])
    choices = json.dumps({"confidence": 0, "instances": [2]})
    started = client.post(f"/v1/videos/{job['id']}/start", files={"choices": (None, choices)})
    assert started.status_code == 202, started.text
    assert events(client, job)[-1][0] == "done"
    rgb = first_picture(client.get(f"/v1/videos/{job['id']}/result").content, tmp_path / "result.mp4")
    assert colourful(rgb, 50, 90), "the blue disc was clicked on"
    assert not colourful(rgb, 40, 40)
    again = client.post(f"/v1/videos/{job['id']}/start", files={"choices": (None, choices)})
    assert problem(again, 409)["field"] == "id"


def test_a_player_gets_the_part_that_it_asks_for(client: Any, clip: Path) -> None:
    job = upload(client, clip, choices='{"max_frames": 2}')
    events(client, job)
    address = f"/v1/videos/{job['id']}/result"
    part = client.get(address, headers={"Range": "bytes=0-9"})
    assert (part.status_code, len(part.content)) == (206, 10)
    saved = client.get(address, params={"download": "true"})
    assert saved.headers["content-disposition"].endswith("party_splash.mp4")
    assert "content-disposition" not in part.headers


def test_a_job_that_is_deleted_stops_and_leaves_nothing(start: Callable[..., Any], clip: Path) -> None:
    finder = Held()
    client = start(finder)
    job = upload(client, clip)
    assert finder.asked.wait(WAIT_SECONDS)
    problem(client.get(f"/v1/videos/{job['id']}/result"), 409)
    assert client.delete(f"/v1/videos/{job['id']}").status_code == 204
    finder.go.set()
    problem(client.get(f"/v1/videos/{job['id']}"), 404)
    desk = client.app._app.state.service.videos
    until(lambda: not desk.busy)
    assert list(Path(client.app._settings.folder).iterdir()) == []


def test_every_file_that_can_be_written_has_a_media_type() -> None:
    assert set(MEDIA_TYPES) >= WRITABLE_SUFFIXES


def until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("data", "found"),
    [(b"", "not a video"), (b"no video", "not a video"), (b"\0\0\0\x18ftypmp42" + bytes(50), "not a video")],
)
def test_a_file_that_is_no_video_is_named_and_not_kept(client: Any, data: bytes, found: str) -> None:
    folder = Path(client.app._settings.folder)
    before = sorted(folder.iterdir())
    body = problem(client.post("/v1/videos", files={"video": ("v.mp4", data)}), 422)
    assert (body["field"], sorted(folder.iterdir())) == ("video", before)
    assert found in body["found"]


def test_a_photo_is_no_video(client: Any, png: bytes) -> None:
    body = problem(client.post("/v1/videos", files={"video": ("v.mp4", png)}), 422)
    assert body["found"] == "a picture that does not move"


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        ({"codec": "cinepak"}, "choices"),
        ({"start": 5, "end": 2}, "choices"),
        ({"every": 99}, "choices"),
        ({"quality": 5}, "choices"),
        ({"classes": ["dog"]}, "choices.classes"),
        ({"start": "1:2:3:4"}, "choices.start"),
    ],
)
def test_choices_are_checked_before_the_video_waits(
    client: Any, clip: Path, choices: dict[str, Any], field: str
) -> None:
    files = {"video": ("party.mp4", clip.read_bytes())}
    answer = client.post("/v1/videos", files=files, data={"choices": json.dumps(choices)})
    assert problem(answer, 422)["field"] == field


def test_a_part_that_lies_behind_the_end_fails_with_a_reason(client: Any, clip: Path) -> None:
    told = events(client, upload(client, clip, choices='{"start": 900}'))
    assert told[-1][0] == "failed"
    assert told[-1][1]["error"]["field"] == "video"


def test_videos_expire_and_those_of_a_process_that_died_have_failed(client: Any, clip: Path) -> None:
    service = client.app._app.state.service
    job = service.files.get(upload(client, clip, wait="true")["id"])
    state = job.folder / "state.json"
    state.write_text(state.read_text().replace('"waiting"', '"running"'))
    long_ago = time.time() - job_files.SILENT_SECONDS - 1
    os.utime(state, (long_ago, long_ago))
    assert client.get(f"/v1/videos/{job.id}").json()["error"]["found"] == "a process that has gone"
    os.utime(state, (1, 1))
    service.files.sweep()
    problem(client.get(f"/v1/videos/{job.id}"), 404)


@pytest.mark.parametrize("name", ["0" * 32, "..", "%2e%2e", "x", "0" * 31 + "/", "state.json"])
def test_an_id_that_nobody_was_given_is_unknown(client: Any, name: str) -> None:
    problem(client.get(f"/v1/videos/{name}"), 404)
    problem(client.delete(f"/v1/videos/{name}"), 404)


def test_no_more_videos_wait_than_may(start: Callable[..., Any], clip: Path) -> None:
    finder = Held()
    client = start(finder, videos_waiting=1)
    assert [upload(client, clip)["state"] for _ in range(2)][-1] == "queued"
    answer = client.post("/v1/videos", files={"video": ("v.mp4", clip.read_bytes())})
    assert "wait already" in problem(answer, 429)["found"]
    assert int(answer.headers["retry-after"]) > 0
    finder.go.set()


def test_a_video_for_which_there_is_no_room_is_not_stored(start: Callable[..., Any], clip: Path) -> None:
    size = clip.stat().st_size
    client = start(videos_bytes=2 * size + 4000)  # of which a state takes a few hundred bytes
    kept = [upload(client, clip, wait="true")["id"] for _ in range(2)]
    answer = client.post("/v1/videos", files={"video": ("v.mp4", clip.read_bytes())})
    assert "bytes of videos that are kept" in problem(answer, 503)["found"]
    assert int(answer.headers["retry-after"]) > 0
    assert sorted(path.name for path in Path(client.app._settings.folder).iterdir()) == sorted(kept)
    assert client.delete(f"/v1/videos/{kept[0]}").status_code == 204
    assert upload(client, clip)["state"] != "waiting"


def test_a_video_stops_where_the_disk_is_used_up_meanwhile(start: Callable[..., Any], clip: Path) -> None:
    finder = Held()
    client = start(finder, videos_bytes=10 * clip.stat().st_size)
    other = upload(client, clip, wait="true")
    job = upload(client, clip)
    assert finder.asked.wait(WAIT_SECONDS)
    with (Path(client.app._settings.folder) / other["id"] / "video.mp4").open("ab") as file:
        file.truncate(11 * clip.stat().st_size)
    looked_again = time.monotonic() + videos.PROGRESS_SECONDS
    until(lambda: time.monotonic() > looked_again)
    finder.go.set()
    assert "bytes of videos that are kept" in events(client, job)[-1][1]["error"]["found"]


def test_a_video_that_takes_too_long_is_given_up(start: Callable[..., Any], clip: Path) -> None:
    client = start(video_seconds=0.0)
    told = events(client, upload(client, clip))
    assert "more than 0 seconds of work" in told[-1][1]["error"]["found"]


def test_a_service_that_ends_fails_the_video_that_it_cannot_finish(clip: Path, tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    from balloon_splash.serve import service
    from balloon_splash.serve.app import create_app
    from balloon_splash.serve.settings import Settings

    finder = Held()
    with (
        pytest.MonkeyPatch.context() as patch,
        TestClient(create_app(Settings(folder=str(tmp_path)), finder)) as client,
    ):
        patch.setattr(service, "DRAIN_SECONDS", 0.0)
        upload(client, clip)
        assert finder.asked.wait(WAIT_SECONDS)
        waiting = upload(client, clip)
        client.app._app.state.service.videos._closing.set()
        finder.go.set()
    state = tmp_path / waiting["id"] / "state.json"
    assert json.loads(state.read_text())["error"]["found"] == "a service that is stopping"
