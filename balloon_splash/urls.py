"""Addresses as they may be shown."""

from __future__ import annotations

import re

_URL = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^\s/?#'\"]*@)?(?P<place>[^\s?#'\"]*)(?P<rest>[?#][^\s'\"]*)?"
)


def without_secrets(text: str) -> str:
    """The text with each URL in it cut down to scheme, host and path.

    Users, passwords and what follows a ``?`` or ``#``, tokens often, belong neither on the screen nor into a log.
    """
    return _URL.sub(lambda url: f"{url['scheme']}{url['place']}{'?...' if url['rest'] else ''}", text)
