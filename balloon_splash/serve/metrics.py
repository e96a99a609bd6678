"""Numbers for Prometheus."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from starlette.types import Scope

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""The variable by which workers share their numbers; prometheus-client's own."""

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters of one process, or of all workers where ``PROMETHEUS_MULTIPROC_DIR`` names their folder."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "balloon_splash_requests",
            "Answers by route, method and status",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "balloon_splash_request_seconds",
            "Seconds from the head of a request to the end of its answer",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_progress = self._gauge("balloon_splash_requests_in_progress", "Requests that are being answered")
        self.waiting = self._gauge("balloon_splash_work_waiting", "Photos that wait for a thread, or are in one")
        self.refused = Counter("balloon_splash_refused", "Requests that found the queue full", registry=self._registry)
        self.batch = Histogram(
            "balloon_splash_model_batch",
            "Pictures that the model gets at once",
            buckets=(1, 2, 3, 4, 8, 16),
            registry=self._registry,
        )
        self.videos = Counter("balloon_splash_videos", "Videos by how they ended", ("state",), registry=self._registry)

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count one request."""
        route = getattr(scope.get("route"), "path", "none")
        self.requests.labels(route, scope["method"] if route != "none" else "any", str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return all numbers, in the text format."""
        if MULTIPROCESS not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)
        return generate_latest(together)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry, multiprocess_mode="livesum")


MEDIA_TYPE = CONTENT_TYPE_LATEST
