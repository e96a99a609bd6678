"""Fetch one file over HTTPS, with a progress bar and limits.

``requests`` and not ``pooch``: a dataset comes from an address that the user may type, so every redirect is looked at
and the size and the time are bounded, for which pooch has no handle.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin, urlsplit

import requests

from balloon_splash.errors import DownloadError
from balloon_splash.files import atomic_path, locked
from balloon_splash.progress import ProgressBar
from balloon_splash.urls import without_secrets

_MAX_REDIRECTS = 5
_TIMEOUT = (10, 60)  # seconds to connect, and between two reads
_CHUNK = 1 << 16


def download(
    url: str,
    target: Path,
    *,
    max_bytes: int,
    max_seconds: float = 3600,
    allow_http: bool = False,
    progress: bool = True,
    check: Callable[[Path], None] | None = None,
) -> None:
    """Write what ``url`` serves to ``target``, whole or not at all. Proxies are those that the environment names.

    Args:
        url: ``https``; ``http`` only on this machine (loopback), unless allowed.
        target: the file to write; one that is there is replaced.
        max_bytes: more is refused.
        max_seconds: longer is given up.
        allow_http: let ``http`` go to other machines, too. From ``https``, it is never gone back to ``http``.
        progress: show a progress bar on stderr.
        check: raises DownloadError where the file, complete but still under another name, is not the expected one.

    Raises:
        DownloadError: with what went wrong; without passwords and tokens that the address may hold.
    """
    try:
        with atomic_path(target, overwrite=True) as part:
            _fetch(url, part, max_bytes, max_seconds, allow_http, progress)
            if check is not None:
                check(part)
    except DownloadError as error:
        raise DownloadError(without_secrets(str(error))) from error
    except OSError as error:
        raise DownloadError(f"{target}: cannot be written ({error.strerror})") from error


@contextlib.contextmanager
def one_downloader(lock: Path, *, timeout: float = 1800) -> Iterator[None]:
    """Keep other processes from downloading the same meanwhile: they wait, and then find it there.

    Args:
        lock: a lock file that stands for what is downloaded; where it cannot be made, there is no lock.
        timeout: how many seconds to wait for another process.

    Raises:
        DownloadError: another process takes longer.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(lock, timeout=timeout))
        except TimeoutError:
            raise DownloadError(
                f"{lock}: held for {timeout:.0f} seconds by another process that downloads the same; "
                "expected it to be done by now"
            ) from None
        except OSError:  # whatever keeps us from making the lock will keep us from writing the file, and be told then
            pass
        yield


def _fetch(url: str, target: Path, max_bytes: int, max_seconds: float, allow_http: bool, progress: bool) -> None:
    deadline = time.monotonic() + max_seconds
    try:
        with requests.Session() as session, _open(session, url, allow_http) as response:
            length = response.headers.get("Content-Length", "")
            announced = int(length) if length.isdecimal() else None
            if announced is not None and announced > max_bytes:
                raise DownloadError(f"{url}: {announced} bytes announced, expected at most {max_bytes}")
            received = 0
            with target.open("wb") as file, _progress_bar(url, announced, progress) as bar:
                for chunk in response.iter_content(_CHUNK):
                    received += len(chunk)
                    if received > max_bytes:
                        raise DownloadError(f"{url}: sends more than {max_bytes} bytes, the most that was expected")
                    if time.monotonic() > deadline:
                        raise DownloadError(f"{url}: not done after {max_seconds:.0f} seconds")
                    file.write(chunk)
                    bar.update(len(chunk))
    except requests.RequestException as error:
        raise DownloadError(f"{url}: {_reason(error)}") from error
    if announced is not None and received != announced:  # urllib3 before 2.0 does not tell
        raise DownloadError(f"{url}: the transfer broke off after {received} of {announced} bytes")


def sha256_of(path: Path) -> str:
    """The sha256 of a file in hexadecimal."""
    return hash_of(path, "sha256")


def hash_of(path: Path, algorithm: str) -> str:
    """The hash of a file in hexadecimal, by one of :mod:`hashlib`'s algorithms."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _progress_bar(url: str, total: int | None, visible: bool) -> ProgressBar:
    name = PurePosixPath(urlsplit(url).path).name
    return ProgressBar(total=total, desc=name, unit="B", unit_scale=True, unit_divisor=1024, disable=not visible)


def _open(session: requests.Session, url: str, allow_http: bool) -> requests.Response:
    """Follow redirects by hand, so that none leads from ``https`` to ``http`` or to another scheme."""
    headers = {"Accept-Encoding": "identity"}  # so that Content-Length counts the bytes that we write
    for _ in range(_MAX_REDIRECTS + 1):
        _check_scheme(url, allow_http)
        response = session.get(url, stream=True, timeout=_TIMEOUT, allow_redirects=False, headers=headers)
        if not response.is_redirect:
            response.raise_for_status()
            return response
        response.close()
        following = urljoin(url, response.headers["Location"])
        if urlsplit(url).scheme == "https" and urlsplit(following).scheme != "https":
            raise DownloadError(f"{url}: redirects to {following}, expected to stay on https")
        url = following
    raise DownloadError(f"{url}: more than {_MAX_REDIRECTS} redirects")


def _check_scheme(url: str, allow_http: bool) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise DownloadError(f"{url}: not an address ({error})") from error
    if parts.scheme == "https" or (parts.scheme == "http" and (allow_http or _is_loopback(parts.hostname or ""))):
        return
    raise DownloadError(f"{url}: expected an https address (plain http only on this machine or with --allow-http)")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, not an address
        return host == "localhost"


def _reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the transfer broke off"
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection, the certificate is not accepted"
    if isinstance(error, requests.exceptions.ProxyError):
        return "no connection to the proxy"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"not to be had ({type(error).__name__})"
