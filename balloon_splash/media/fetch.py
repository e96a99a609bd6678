"""Fetching a picture or video from the web, with caps on size and time, and not from inside the local network."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import SplitResult, urljoin, urlsplit

from balloon_splash.errors import MediaError
from balloon_splash.urls import without_secrets

if TYPE_CHECKING:
    import requests

MAX_BYTES = 256 * 2**20
MAX_SECONDS = 60.0
MAX_VIDEO_BYTES = 8 * 2**30
MAX_VIDEO_SECONDS = 3600.0
MAX_REDIRECTS = 5
CONNECT_SECONDS = 10.0
SILENT_SECONDS = 20.0
"""A server that says nothing for so long has gone."""
CHUNK = 2**16
PORTS = {"http": 80, "https": 443}


def fetch(
    url: str, *, allow_private: bool = False, max_bytes: int = MAX_BYTES, max_seconds: float = MAX_SECONDS
) -> bytes:
    """The body behind an http or https address; see :func:`fetch_into`."""
    body = BytesIO()
    fetch_into(body, url, allow_private=allow_private, max_bytes=max_bytes, max_seconds=max_seconds)
    return body.getvalue()


def fetch_into(
    file: BinaryIO,
    url: str,
    *,
    allow_private: bool = False,
    max_bytes: int = MAX_VIDEO_BYTES,
    max_seconds: float = MAX_VIDEO_SECONDS,
) -> None:
    """Write the body behind an http or https address to a file.

    Every redirect is checked as the first address is, and the connection goes to the very address that was checked:
    neither a redirect nor a name server that answers differently the second time leads into the local network.

    Args:
        file: what to write to.
        url: where.
        allow_private: allow addresses that are not public (loopback, private, link-local), and plain ``http``.
        max_bytes: give up beyond this size.
        max_seconds: give up after this time.

    Raises:
        MediaError: not reachable, not allowed, too large, too slow, or an error of the server; the disk is full. It
            names the address without passwords and tokens.
    """
    try:
        _fetch_into(file, url, allow_private, max_bytes, max_seconds)
    except MediaError as error:
        raise MediaError(without_secrets(str(error))) from error


def _fetch_into(file: BinaryIO, url: str, allow_private: bool, max_bytes: int, max_seconds: float) -> None:
    import requests  # takes a fifth of a second, which only those with URLs shall pay
    import urllib3

    deadline = time.monotonic() + max_seconds
    address = url
    try:
        for _ in range(MAX_REDIRECTS + 1):
            with requests.Session() as session, _get(session, address, allow_private, max_seconds) as response:
                if not response.is_redirect:
                    response.raise_for_status()
                    _copy(_pieces(response), file, url, max_bytes, deadline)
                    return
                following = urljoin(address, response.headers["location"])
                if address.startswith("https:") and not following.startswith("https:"):
                    raise MediaError(f"{url}: redirects to {following}, expected to stay on https")
                address = following
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise MediaError(f"{url}: cannot be fetched ({_reason(error)})") from error
    except ValueError as error:
        raise MediaError(f"{url}: leads to no web address ({error})") from error
    raise MediaError(f"{url}: more than {MAX_REDIRECTS} redirects")


def _get(session: requests.Session, url: str, allow_private: bool, max_seconds: float) -> requests.Response:
    """Begin to fetch; the request goes to an IP address, and names the host in its header and to TLS."""
    from balloon_splash.media.named_host import NamedHost

    parts = urlsplit(url)
    place = _resolve(url, parts, allow_private)

    user, at, name = parts.netloc.rpartition("@")
    host = f"[{place}]" if ":" in place else place
    session.mount("https://", NamedHost(str(parts.hostname)))
    return session.get(
        parts._replace(netloc=f"{user}{at}{host}:{parts.port or PORTS[parts.scheme]}").geturl(),
        headers={"Host": name},
        stream=True,
        allow_redirects=False,
        timeout=(CONNECT_SECONDS, min(max_seconds, SILENT_SECONDS)),
    )


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """The body, in pieces as they come: a server that sends byte by byte must not hold the clock."""
    while piece := response.raw.read1(CHUNK, decode_content=True):
        yield piece


def _reason(error: BaseException) -> str:
    """What went wrong, from the depth of the errors that libraries wrap around each other."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError):
            return "no answer in time"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        response = getattr(cause, "response", None)
        if response is not None:
            return f"{response.status_code} {response.reason}"
        cause = cause.__cause__ or cause.__context__
    return str(error.args[0]) if error.args else type(error).__name__


def _copy(chunks: Iterator[bytes], file: BinaryIO, url: str, max_bytes: int, deadline: float) -> None:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise MediaError(f"{url}: larger than {max_bytes // 2**20} MiB")
        if time.monotonic() > deadline:
            raise MediaError(f"{url}: took too long; {size} bytes had come")
        try:
            file.write(chunk)
        except OSError as error:
            raise MediaError(f"{url}: cannot be stored ({error.strerror})") from error


def _resolve(url: str, parts: SplitResult, allow_private: bool) -> str:
    """The IP address of the host, of which all must be public unless ``allow_private``."""
    if parts.scheme not in PORTS or not parts.hostname:
        raise MediaError(f"{url}: expected an http:// or https:// address")
    if parts.scheme == "http" and not allow_private:
        raise MediaError(
            f"{url}: expected https, as anybody on the way could change what comes; allow it if you trust it"
        )
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or PORTS[parts.scheme], type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise MediaError(f"{url}: no such host ({error})") from error
    places = [str(address[0]) for *_, address in found]
    for place in places:
        if not (allow_private or ipaddress.ip_address(place.partition("%")[0]).is_global):
            raise MediaError(f"{url}: leads to {place}, which is not a public address; allow it if you trust it")
    return places[0]
