"""Files from the web come whole, and nobody is led into the local network or drowned."""

import contextlib
import gzip
import socket
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest

from balloon_splash.errors import DownloadError
from balloon_splash.media.fetch import PICTURE_RULES
from balloon_splash.web.addresses import Rules
from balloon_splash.web.client import NamedHost, download, fetch_into

HERE = Rules(max_bytes=10**6, max_seconds=10)


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
        elif self.path == "/huge":
            self.send_response(200)
            self.send_header("content-length", "999999999999")
            self.end_headers()
        elif self.path == "/outside":
            self.send_response(302)
            self.send_header("location", "http://192.0.2.1/x?token=secret")
            self.end_headers()
        elif self.path == "/packed":
            packed = gzip.compress(b"x" * 100_000)
            self.send_response(200)
            self.send_header("content-encoding", "gzip")
            self.send_header("content-length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)
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


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


def fetch(url, rules=HERE):
    body = BytesIO()
    fetch_into(body, url, rules)
    return body.getvalue()


@pytest.mark.parametrize("path", ["/photo.jpg", "/packed"])
def test_a_body_comes_whole(server, path):
    assert fetch(server + path) == b"x" * 100_000


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/missing", r"cannot be fetched \(the server answers 404 Not Found\)"),
        ("/loop", "more than 5 redirects"),
        ("/file", "file:///etc/passwd: not a web address; expected https"),
        ("/astray", "not lead to a web address"),
        ("/half", "the transfer broke off"),
        ("/huge", "999999999999 bytes announced; expected at most 1000000"),
        ("/outside", r"http://192\.0\.2\.1/x\?\.\.\. plain http, .*; expected an https address$"),
    ],
)
def test_failures_name_the_address(server, path, message):
    with pytest.raises(DownloadError, match=message):
        fetch(server + path)


def test_a_body_that_is_too_large_or_too_slow_is_given_up(server):
    with pytest.raises(DownloadError, match="sends more than 50000 bytes"):
        fetch(f"{server}/slow", replace(HERE, max_bytes=50_000))
    with pytest.raises(DownloadError, match=r"not done after 0\.3 seconds"):
        fetch(f"{server}/slow", replace(HERE, max_bytes=10**7, max_seconds=0.3))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "0.0.0.0"])
def test_private_addresses_are_refused_and_the_flag_that_allows_them_is_named(host):
    with pytest.raises(DownloadError, match=r"leads to .*; expected a public address, or --allow-private-urls if you"):
        fetch(f"https://{host}/latest", PICTURE_RULES)


@pytest.mark.parametrize("http", ["none", "loopback", "any"])
def test_plain_http_goes_where_it_is_allowed(server, http):
    def passes(url):
        try:
            fetch(url, replace(HERE, http=http, max_seconds=0.2, flag="--allow-http"))
        except DownloadError as error:
            return "plain http" not in str(error) or "or --allow-http if you trust it" not in str(error)
        return True

    assert passes(f"{server}/host") == (http != "none")
    if http != "any":
        assert not passes("http://192.0.2.1/x")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/b.zip", "b.zip", "http://[", "file:///b", "https://host:port/b"])
def test_addresses_of_other_kinds_are_refused_before_anything_is_sent(url):
    with pytest.raises(DownloadError, match=r"not a web address.*; expected https://"):
        fetch(url, replace(HERE, http="any"))


def test_a_server_that_drips_does_not_hold_the_clock(server):
    began = time.monotonic()
    with pytest.raises(DownloadError, match="not done after"):
        fetch(f"{server}/dripping", replace(HERE, max_seconds=0.5))
    assert time.monotonic() - began < 2


def test_an_unreachable_server_is_named():
    with pytest.raises(DownloadError, match=r"/x\.jpg: cannot be fetched \(no connection: [A-Z][a-z ]+\)$"):
        fetch("http://127.0.0.1:9/x.jpg")


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
    monkeypatch.setattr("balloon_splash.web.addresses._is_public", lambda place: place == "127.0.0.1")
    port = server.rpartition(":")[2]
    rules = replace(HERE, http="any", public_only=True)
    assert fetch(f"http://photos.example:{port}/host", rules) == f"photos.example:{port}".encode()
    assert asked == ["photos.example"]


def test_one_private_address_among_those_of_a_host_is_enough_to_refuse_it(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, 443)) for place in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(DownloadError, match=r"leads to 10\.0\.0\.1"):
        fetch("https://photos.example/x.jpg", PICTURE_RULES)


def test_tls_asks_for_the_name_and_not_for_the_address():
    adapter = NamedHost("photos.example")
    pool = adapter.poolmanager.connection_from_url("https://93.184.216.34:443/a.jpg")
    assert pool.conn_kw["server_hostname"] == "photos.example"


def test_a_file_that_is_not_the_expected_one_is_not_kept(server, tmp_path):
    def check(path):
        raise DownloadError(f"{path.stat().st_size} bytes")

    with pytest.raises(DownloadError, match="100000 bytes"):
        download(f"{server}/x", tmp_path / "x", HERE, progress=False, check=check)
    with pytest.raises(DownloadError, match="404"):
        download(f"{server}/missing", tmp_path / "x", HERE, progress=False)
    assert list(tmp_path.iterdir()) == []
    download(f"{server}/x", tmp_path / "x", HERE, progress=False)
    assert (tmp_path / "x").stat().st_size == 100_000


def test_a_full_disk_is_said(server):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(DownloadError, match="cannot be stored"):
        fetch_into(full, server, HERE)
