"""Addresses on the web: showing them without secrets, and checking them before a request."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from balloon_splash.errors import DownloadError

PORTS = {"http": 80, "https": 443}

_URL = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^\s/?#'\"]*@)?(?P<place>[^\s?#'\"]*)(?P<rest>[?#][^\s'\"]*)?"
)


def without_secrets(text: str) -> str:
    """Return the text with each URL in it cut down to scheme, host and path.

    Users, passwords and anything after ``?`` or ``#``, often tokens, belong neither on the screen nor in a log.
    """
    return _URL.sub(lambda url: f"{url['scheme']}{url['place']}{'?...' if url['rest'] else ''}", text)


@dataclass(frozen=True)
class Rules:
    """Bounds of one transfer.

    Attributes:
        max_bytes: largest body in bytes.
        max_seconds: longest transfer in seconds.
        silent_seconds: longest silence of a server in seconds.
        http: hosts allowed without encryption: none, this machine, or any.
        public_only: refuse addresses that are not public (loopback, private, link-local).
        flag: the option that allows what these rules refuse, named in errors; empty if there is none.
    """

    max_bytes: int
    max_seconds: float = 3600.0
    silent_seconds: float = 60.0
    http: Literal["none", "loopback", "any"] = "loopback"
    public_only: bool = False
    flag: str = ""

    @property
    def unless(self) -> str:
        """End of an error that a flag mends."""
        return f", or {self.flag} if you trust it" if self.flag else ""


def check_address(url: str, rules: Rules) -> str | None:
    """Refuse an address that the rules do not allow.

    Returns:
        the IP address that was looked up and checked, to which the request has to go, because a name server may answer
        differently the second time; None if any address will do.

    Raises:
        DownloadError: the address is not a web address or not allowed, or the host does not exist.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DownloadError(f"{url}: not a web address ({error}); expected https://...") from error
    if parts.scheme not in PORTS or not parts.hostname:
        raise DownloadError(f"{url}: not a web address; expected https://...")
    if parts.scheme == "http" and not _may_be_plain(parts, rules):
        raise DownloadError(
            f"{url}: plain http, which anybody on the way can change; expected an https address{rules.unless}"
        )
    return _public_place(url, parts.hostname, port or PORTS[parts.scheme], rules) if rules.public_only else None


def _may_be_plain(parts: SplitResult, rules: Rules) -> bool:
    return rules.http == "any" or (rules.http == "loopback" and _is_loopback(parts.hostname or ""))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, not an address
        return host == "localhost"


def _public_place(url: str, host: str, port: int, rules: Rules) -> str:
    """Return the first IP address of a host, all of whose addresses must be public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise DownloadError(f"{url}: no such host ({error})") from error
    places = [str(address[0]) for *_, address in found]
    for place in places:
        if not _is_public(place):
            raise DownloadError(f"{url}: leads to {place}; expected a public address{rules.unless}")
    return places[0]


def _is_public(place: str) -> bool:
    return ipaddress.ip_address(place.partition("%")[0]).is_global
