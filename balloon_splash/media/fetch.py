"""Fetching of pictures and videos from the web, within bounds for a stranger's files."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

from balloon_splash.errors import DownloadError, MediaError
from balloon_splash.web.addresses import Rules

#: Refuses the local network, and connections that anybody could change.
PICTURE_RULES = Rules(
    max_bytes=256 * 2**20,
    max_seconds=60,
    silent_seconds=20,
    http="none",
    public_only=True,
    flag="--allow-private-urls",
)
VIDEO_RULES = replace(PICTURE_RULES, max_bytes=8 * 2**30, max_seconds=3600)


def fetch(url: str, *, allow_private: bool = False, rules: Rules = PICTURE_RULES) -> bytes:
    """Return the body behind an address; see :func:`fetch_into`."""
    body = BytesIO()
    fetch_into(body, url, allow_private=allow_private, rules=rules)
    return body.getvalue()


def fetch_into(file: BinaryIO, url: str, *, allow_private: bool = False, rules: Rules = VIDEO_RULES) -> None:
    """Write the body behind an address to a file.

    Args:
        file: the file for the body.
        url: the address.
        allow_private: allow addresses that are not public, and plain ``http``.
        rules: the other bounds.

    Raises:
        MediaError: see :func:`balloon_splash.web.client.fetch_into`.
    """
    from balloon_splash.web import client  # takes a fifth of a second, for URLs only

    if allow_private:
        rules = replace(rules, http="any", public_only=False)
    try:
        client.fetch_into(file, url, rules)
    except DownloadError as error:
        raise MediaError(str(error)) from error
