"""A service that is busy, refuses, or wants newer credentials: tried again within bounds, else one line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from balloon_splash.errors import MediaError, UsageError
from tests.batch.conftest import need

BODY = b"what is stored"
MESSAGES = {"ExpiredToken": "The provided token has expired."}


class Service(ThreadingHTTPServer):
    """Speaks as much S3 as the tests need: answers with an error of S3, or with ``BODY``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refuse: Callable[[str], tuple[int, str] | None] = lambda credential: None
        self.requests = 0


class _Handler(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_GET(self) -> None:
        self.server.requests += 1
        refused = self.server.refuse(self.headers.get("Authorization", "").partition("Credential=")[2].split("/")[0])
        status, body = 200, b"" if self.command == "PUT" else BODY
        if refused is not None:
            status, code = refused
            body = f"<Error><Code>{code}</Code><Message>{MESSAGES.get(code, '-')}</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    for module in ("fsspec", "pyarrow", "s3fs"):
        need(module)
    import s3fs

    from balloon_splash.batch import store

    monkeypatch.setattr(store, "FIRST_PAUSE", 0.001)
    server = Service()
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    for name, value in (("ACCESS_KEY_ID", "old"), ("SECRET_ACCESS_KEY", "s"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    s3fs.S3FileSystem.clear_instance_cache()
    yield server
    s3fs.S3FileSystem.clear_instance_cache()
    server.shutdown()
    server.server_close()


def test_a_service_that_is_busy_is_asked_again(service: Service) -> None:
    from balloon_splash.batch.store import Place

    service.refuse = lambda credential: (503, "SlowDown") if service.requests <= 3 else None
    assert Place("s3://photos/a.png").read() == BODY
    assert 3 < service.requests < 10


def test_a_service_that_stays_busy_gets_a_bounded_number_of_requests(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from balloon_splash.batch import store

    monkeypatch.setattr(store, "ATTEMPTS", 2)
    service.refuse = lambda credential: (503, "SlowDown")
    with pytest.raises(MediaError, match=r"^s3://photos/a\.png: cannot be read \(.*\), tried 2 times$"):
        store.Place("s3://photos/a.png").read()
    assert service.requests < 40


def test_credentials_that_have_expired_are_read_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from balloon_splash.batch.store import Place

    def refuse(credential: str) -> tuple[int, str] | None:
        os.environ["AWS_ACCESS_KEY_ID"] = "new"  # as whoever renews them does it meanwhile
        return (400, "ExpiredToken") if credential == "old" else None

    service.refuse = refuse
    assert Place("s3://photos/a.png").read() == BODY
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "old")
    Place("s3://photos/b.png").write(BODY)


def test_credentials_that_stay_expired_are_one_line(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    from balloon_splash.batch import store

    monkeypatch.setattr(store, "ATTEMPTS", 2)
    service.refuse = lambda credential: (400, "ExpiredToken")
    with pytest.raises(MediaError, match=r"^s3://photos/a\.png: cannot be written \(.*expired.*\), tried 2 times$"):
        store.Place("s3://photos/a.png").write(BODY)


def test_what_may_not_be_read_is_asked_for_once(service: Service) -> None:
    from balloon_splash.batch.store import Place, reached

    service.refuse = lambda credential: (403, "AccessDenied")
    with pytest.raises(MediaError, match=r"s3://photos/a\.png: cannot be read \(Forbidden\)$"):
        Place("s3://photos/a.png").read()
    assert service.requests < 5
    with (
        pytest.raises(UsageError, match="s3://photos/in: may not be read or written"),
        reached(Place("s3://photos/in")),
    ):
        Place("s3://photos/in").files()


def test_a_file_of_any_size_is_not_read_whole(service: Service) -> None:
    from balloon_splash.batch.store import Place

    with pytest.raises(MediaError, match=f"s3://photos/a.png: {len(BODY)} bytes found, more than 3 are not read"):
        Place("s3://photos/a.png").read(most=3)


def test_a_local_file_appears_whole_and_others_stay(tmp_path: Path) -> None:
    need("fsspec")
    from balloon_splash.batch.store import Place

    place = Place(str(tmp_path / "deep" / "a.txt"))
    place.write(b"one")
    place.write(b"two")
    assert place.read() == b"two"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert Place(str(tmp_path)).files() == ["deep/a.txt"]
