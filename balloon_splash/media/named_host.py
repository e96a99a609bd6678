"""HTTPS to an IP address whose certificate must be that of a host's name."""

from __future__ import annotations

from typing import Any

from requests.adapters import HTTPAdapter


class NamedHost(HTTPAdapter):
    """What connects to an address that was looked up, and checked, beforehand.

    Args:
        hostname: the name that the address was looked up for; TLS asks for it and expects its certificate.
    """

    def __init__(self, hostname: str) -> None:
        self._hostname = hostname  # before the parent's constructor, which calls init_poolmanager
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Pass the name on to direct connections."""
        super().init_poolmanager(*args, **kwargs, server_hostname=self._hostname)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Pass the name on to those through a proxy."""
        return super().proxy_manager_for(*args, **kwargs, server_hostname=self._hostname)
