"""Secrets in addresses stay secret."""

from __future__ import annotations

import pytest

from balloon_splash.web.addresses import without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://example.org/a.jpg", "https://example.org/a.jpg"),
        ("https://me:pass@example.org:8443/a.jpg", "https://example.org:8443/a.jpg"),
        ("https://token@example.org/a.jpg", "https://example.org/a.jpg"),
        ("https://me:p@ss@example.org/a.jpg", "https://example.org/a.jpg"),
        ("https://example.org/a.jpg?token=x&b=c#d", "https://example.org/a.jpg?..."),
        ("https://example.org#token", "https://example.org?..."),
        ("https://example.org/mail@home", "https://example.org/mail@home"),
        ("'http://a:b@c/d?e' and s3://f:g@h/i, twice", "'http://c/d?...' and s3://h/i, twice"),
        ("\x1b[38;5;141mhttp://a:b@c/d\x1b[39m", "\x1b[38;5;141mhttp://c/d\x1b[39m"),  # in colour
        ("/home/me@work/a.jpg: no such file?", "/home/me@work/a.jpg: no such file?"),
    ],
)
def test_users_passwords_and_tokens_are_not_shown(text: str, shown: str) -> None:
    assert without_secrets(text) == shown
