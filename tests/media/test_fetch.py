"""URLs: pictures come whole, and nobody is led into the local network or drowned."""

import contextlib
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from balloon_splash.errors import MediaError
from balloon_splash.media.fetch import fetch, fetch_into
from balloon_splash.media.named_host import NamedHost


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/loop":
            self.send_response(302)
            self.send_header("location", "/loop")
            self.end_headers()
        elif self.path == "/file":
            self.send_response(302)
            self.send_header("location", "file:///etc/passwd")
            self.end_headers()
        elif self.path == "/host":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.headers["host"].encode())
        elif self.path == "/missing":
            self.send_error(404)
        elif self.path == "/astray":
            self.send_response(302)
            self.send_header("location", "http://[::1/x.jpg")
            self.end_headers()
        elif self.path == "/dripping":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for _ in range(100):
                    self.wfile.write(b"x")
                    time.sleep(0.05)
        elif self.path == "/half":
            self.send_response(200)
            self.send_header("content-length", "2000")
            self.end_headers()
            self.wfile.write(b"x" * 1000)
        elif self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for _ in range(20):
                    self.wfile.write(b"x" * 70_000)
                    time.sleep(0.1)
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 100_000)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_body_comes_whole(server):
    assert fetch(f"{server}/photo.jpg", allow_private=True) == b"x" * 100_000


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing", "404"),
        ("/loop", "redirects"),
        ("/file", "expected an http"),
        ("/astray", "no web address"),
        ("/half", "IncompleteRead"),
    ],
)
def test_failures_name_the_address(server, path, message):
    with pytest.raises(MediaError, match=message):
        fetch(server + path, allow_private=True)


def test_a_body_that_is_too_large_or_too_slow_is_given_up(server):
    with pytest.raises(MediaError, match="larger than"):
        fetch(server, allow_private=True, max_bytes=50_000)
    with pytest.raises(MediaError, match="too long"):
        fetch(f"{server}/slow", allow_private=True, max_seconds=0.3)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "0.0.0.0"])
def test_private_addresses_are_refused_unless_allowed(host):
    with pytest.raises(MediaError, match="not a public address"):
        fetch(f"https://{host}/latest")


def test_a_server_that_drips_does_not_hold_the_clock(server):
    began = time.monotonic()
    with pytest.raises(MediaError, match="took too long"):
        fetch(f"{server}/dripping", allow_private=True, max_seconds=0.5)
    assert time.monotonic() - began < 2


def test_an_unreachable_server_is_named():
    with pytest.raises(MediaError, match=r"cannot be fetched \([A-Z][a-z ]+\)$"):
        fetch("http://127.0.0.1:9/x.jpg", allow_private=True)


def test_the_address_that_was_checked_is_the_one_that_is_asked(server, monkeypatch):
    """A name server may answer differently the second time."""
    asked = []
    true_lookup = socket.getaddrinfo

    def lookup(host, *args, **kwargs):
        if host != "photos.example":
            return true_lookup(host, *args, **kwargs)
        asked.append(host)
        return true_lookup("127.0.0.1" if len(asked) == 1 else "192.0.2.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    port = server.rpartition(":")[2]
    assert fetch(f"http://photos.example:{port}/host", allow_private=True) == f"photos.example:{port}".encode()
    assert asked == ["photos.example"]


def test_tls_asks_for_the_name_and_not_for_the_address():
    adapter = NamedHost("photos.example")
    pool = adapter.poolmanager.connection_from_url("https://93.184.216.34:443/a.jpg")
    assert pool.conn_kw["server_hostname"] == "photos.example"


def test_a_body_goes_to_a_file_and_a_full_disk_is_said(server, tmp_path):
    with (tmp_path / "video.mp4").open("wb") as file:
        fetch_into(file, f"{server}/video.mp4", allow_private=True)
    assert (tmp_path / "video.mp4").stat().st_size == 100_000
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(MediaError, match="cannot be stored"):
        fetch_into(full, server, allow_private=True)
