"""Fetching a picture from the web, with caps on size and time, and not from inside the local network."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

from balloon_splash.errors import MediaError

MAX_BYTES = 256 * 2**20
MAX_SECONDS = 60.0
MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0
CHUNK = 2**16


def fetch(
    url: str, *, allow_private: bool = False, max_bytes: int = MAX_BYTES, max_seconds: float = MAX_SECONDS
) -> bytes:
    """The body behind an http or https address.

    Every redirect is checked as the first address is, so that a public server cannot lead into the local network.

    Args:
        url: where.
        allow_private: allow addresses that are not public (loopback, private, link-local).
        max_bytes: give up beyond this size.
        max_seconds: give up after this time.

    Raises:
        MediaError: not reachable, not allowed, too large, too slow, or an error of the server.
    """
    import requests  # takes a fifth of a second, which only those with URLs shall pay

    deadline = time.monotonic() + max_seconds
    address = url
    try:
        with requests.Session() as session:
            for _ in range(MAX_REDIRECTS + 1):
                _check_address(address, allow_private)
                with session.get(
                    address, stream=True, allow_redirects=False, timeout=(CONNECT_SECONDS, max_seconds)
                ) as response:
                    if not response.is_redirect:
                        response.raise_for_status()
                        return _body(response.iter_content(CHUNK), url, max_bytes, deadline)
                    address = urljoin(address, response.headers["location"])
    except requests.RequestException as error:
        raise MediaError(f"{url}: cannot be fetched ({error})") from error
    raise MediaError(f"{url}: more than {MAX_REDIRECTS} redirects")


def _body(chunks: Iterator[bytes], url: str, max_bytes: int, deadline: float) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > max_bytes:
            raise MediaError(f"{url}: larger than {max_bytes // 2**20} MiB")
        if time.monotonic() > deadline:
            raise MediaError(f"{url}: took too long; {len(body)} bytes had come")
    return bytes(body)


def _check_address(url: str, allow_private: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise MediaError(f"{url}: expected an http:// or https:// address")
    if allow_private:
        return
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or parts.scheme, type=socket.SOCK_STREAM)
    except OSError as error:
        raise MediaError(f"{url}: no such host ({error})") from error
    for *_, place in found:
        if not ipaddress.ip_address(str(place[0]).partition("%")[0]).is_global:
            raise MediaError(f"{url}: leads to {place[0]}, which is not a public address; allow it if you trust it")
