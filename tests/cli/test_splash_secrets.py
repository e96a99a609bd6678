"""Secrets in an address stay between the user and the server."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from balloon_splash.cli.splash import main
from tests.fakes import ColourSegmenter, draw_scene


@pytest.fixture
def place() -> Iterator[str]:
    """Host and port of a server that has one photo, for those who name themselves."""
    buffer = BytesIO()
    Image.fromarray(draw_scene()).save(buffer, "PNG")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.startswith("/photo.png?token=") and "authorization" in self.headers
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(buffer.getvalue() if found else b"")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_users_passwords_and_tokens_are_neither_shown_nor_written(
    model: ColourSegmenter, place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("photo.png?token=abc123", "gone.png?token=abc123", "film.mp4?token=abc123")
    inputs = [f"http://me:secret@{place}/{name}" for name in names]
    record = tmp_path / "found.jsonl"
    options = ["--output", f"{tmp_path}/out/", "--allow-private-urls", "--json", "-v", "--save-detections", str(record)]
    assert main(["--input", *inputs, *options]) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo_splash.png"]
    printed, said = capsys.readouterr()
    for text in (printed, said, record.read_text()):
        assert place in text
        assert "secret" not in text
        assert "abc123" not in text
