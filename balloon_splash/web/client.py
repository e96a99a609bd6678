"""Fetch one file from the web within bounds: addresses, redirects, size, time.

``requests`` and not ``pooch``: a user may have typed the address, so every redirect is checked, and size and time are
bounded, which pooch does not offer. Proxies come from the environment.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from balloon_splash.errors import DownloadError
from balloon_splash.files import atomic_path, locked
from balloon_splash.progress import ProgressBar
from balloon_splash.web.addresses import PORTS, Rules, check_address, without_secrets

_MAX_REDIRECTS = 5
_CONNECT_SECONDS = 10.0
_CHUNK = 1 << 16
_HEADERS = {"Accept-Encoding": "identity"}  # so that Content-Length counts the bytes written


class NamedHost(HTTPAdapter):
    """Adapter that connects by HTTPS to an address that was looked up and checked before.

    Args:
        hostname: the name of the address, which TLS requests and whose certificate it expects.
    """

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname  # before the parent's constructor, which calls init_poolmanager
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Pass the name on to direct connections."""
        super().init_poolmanager(*args, **kwargs, server_hostname=self._hostname)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Pass the name on to connections through a proxy."""
        return super().proxy_manager_for(*args, **kwargs, server_hostname=self._hostname)


def download(
    url: str, target: Path, rules: Rules, *, progress: bool = True, check: Callable[[Path], None] | None = None
) -> None:
    """Download ``url`` to ``target``, whole or not at all; replace an existing file.

    Args:
        url: the address.
        target: the file.
        rules: the bounds.
        progress: show a progress bar on stderr.
        check: function that raises DownloadError where the file, complete but still under a temporary name, is not the
            expected one.

    Raises:
        DownloadError: see :func:`fetch_into`, or the file cannot be written.
    """
    try:
        with atomic_path(target, overwrite=True) as part:
            with part.open("wb") as file:
                fetch_into(file, url, rules, progress=progress)
            if check is not None:
                check(part)
    except OSError as error:
        raise DownloadError(f"{target}: cannot be written ({error.strerror})") from error


def fetch_into(file: BinaryIO, url: str, rules: Rules, *, progress: bool = False) -> None:
    """Write the body behind an address to a file.

    Every redirect is checked like the first address. Where only public addresses are allowed, the connection goes to
    the very address that was checked: neither a redirect nor a name server that answers differently the second time can
    lead into the local network. Redirects from ``https`` to ``http`` are refused.

    Args:
        file: the file for the body.
        url: the address.
        rules: the bounds.
        progress: show a progress bar on stderr.

    Raises:
        DownloadError: not reachable, not allowed, too large, too slow, cut off, or an error of the server; the disk is
            full. It names the address without passwords and tokens.
    """
    try:
        _fetch_into(file, url, rules, progress)
    except DownloadError as error:
        raise DownloadError(without_secrets(str(error))) from error


@contextlib.contextmanager
def one_downloader(lock: Path, *, timeout: float = 1800) -> Iterator[None]:
    """Keep other processes from downloading the same file meanwhile: they wait, and then find it there.

    Args:
        lock: a lock file for the download; where it cannot be made, there is no lock.
        timeout: how many seconds to wait for another process.

    Raises:
        DownloadError: another process takes longer.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(lock, timeout=timeout))
        except TimeoutError:
            raise DownloadError(
                f"{lock}: held for {timeout:.0f} seconds by another process that downloads the same file; expected it "
                f"to be done by now"
            ) from None
        except OSError:  # whatever prevents the lock will also prevent writing the file, and be reported then
            pass
        yield


def _fetch_into(file: BinaryIO, url: str, rules: Rules, progress: bool) -> None:
    deadline = time.monotonic() + rules.max_seconds
    try:
        with requests.Session() as session, _open(session, url, rules) as response:
            _copy(response, file, url, rules, deadline, progress)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise DownloadError(f"{url}: cannot be fetched ({_reason(error)})") from error
    except ValueError as error:
        raise DownloadError(f"{url}: does not lead to a web address ({error})") from error


def _open(session: requests.Session, url: str, rules: Rules) -> requests.Response:
    """Follow redirects by hand, so that each is checked."""
    address = url
    for _ in range(_MAX_REDIRECTS + 1):
        response = _get(session, address, rules)
        if not response.is_redirect:
            response.raise_for_status()
            return response
        response.close()
        following = urljoin(address, response.headers["Location"])
        if address.startswith("https:") and not following.startswith("https:"):
            raise DownloadError(f"{address}: redirects to {following}; expected to stay on https")
        address = following
    raise DownloadError(f"{url}: more than {_MAX_REDIRECTS} redirects")


def _get(session: requests.Session, url: str, rules: Rules) -> requests.Response:
    """Start a request; where the address was checked, connect to it, and name the host in header and TLS."""
    place, headers, parts = check_address(url, rules), dict(_HEADERS), urlsplit(url)
    if place is not None:
        user, at, headers["Host"] = parts.netloc.rpartition("@")
        host = f"[{place}]" if ":" in place else place
        session.mount("https://", NamedHost(str(parts.hostname)))
        url = parts._replace(netloc=f"{user}{at}{host}:{parts.port or PORTS[parts.scheme]}").geturl()
    timeout = (_CONNECT_SECONDS, max(0.1, min(rules.max_seconds, rules.silent_seconds)))
    return session.get(url, headers=headers, stream=True, allow_redirects=False, timeout=timeout)


def _copy(response: requests.Response, file: BinaryIO, url: str, rules: Rules, deadline: float, progress: bool) -> None:
    announced = _announced(response)
    if announced is not None and announced > rules.max_bytes:
        raise DownloadError(f"{url}: {announced} bytes announced; expected at most {rules.max_bytes}")
    received = 0
    with _progress_bar(url, announced, progress) as bar:
        for piece in _pieces(response):
            received += len(piece)
            if received > rules.max_bytes:
                raise DownloadError(f"{url}: sends more than {rules.max_bytes} bytes, the most that was expected")
            if time.monotonic() > deadline:
                raise DownloadError(
                    f"{url}: not done after {rules.max_seconds:g} seconds; {received} bytes had arrived"
                )
            try:
                file.write(piece)
            except OSError as error:
                raise DownloadError(f"{url}: cannot be stored ({error.strerror})") from error
            bar.update(len(piece))


def _announced(response: requests.Response) -> int | None:
    """Return the length of the body, if the server gives it and the body is not compressed."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and "Content-Encoding" not in response.headers else None


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """Yield the body in pieces as they come: a server that sends byte by byte must not stop the clock."""
    while piece := response.raw.read1(_CHUNK, decode_content=True):
        yield piece


def _progress_bar(url: str, total: int | None, visible: bool) -> ProgressBar:
    name = PurePosixPath(urlsplit(url).path).name
    return ProgressBar(total=total, desc=name, unit="B", unit_scale=True, unit_divisor=1024, disable=not visible)


def _reason(error: BaseException) -> str:
    """Return the reason of a failure, from the depth of the errors that libraries wrap around each other."""
    cause: BaseException | None = error
    while cause is not None:
        response = getattr(cause, "response", None)
        if response is not None:
            return f"the server answers {response.status_code} {response.reason}"
        for kind, meaning in _MEANINGS:
            if isinstance(cause, kind):
                return meaning
        if isinstance(cause, OSError) and cause.strerror:
            return f"no connection: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


_MEANINGS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "no answer in time"),
    (requests.Timeout, "no answer in time"),
    (requests.exceptions.SSLError, "no secure connection, the certificate is not accepted"),
    (requests.exceptions.ProxyError, "no connection to the proxy"),
    (urllib3.exceptions.IncompleteRead, "the transfer broke off"),
)
