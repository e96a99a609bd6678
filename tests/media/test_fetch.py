"""URLs: pictures come whole, and nobody is led into the local network or drowned."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from balloon_splash.errors import MediaError
from balloon_splash.media.fetch import fetch


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
        elif self.path == "/missing":
            self.send_error(404)
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
    ("path", "message"), [("/missing", "404"), ("/loop", "redirects"), ("/file", "expected an http")]
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
        fetch(f"http://{host}/latest")


def test_an_unreachable_server_is_named():
    with pytest.raises(MediaError, match="cannot be fetched"):
        fetch("http://127.0.0.1:9/x.jpg", allow_private=True)
