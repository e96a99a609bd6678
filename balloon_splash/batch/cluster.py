"""The Ray cluster of a batch: started here or joined, with one version of the package on all of its machines."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import ray
from ray.exceptions import RayError, TaskUnschedulableError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from balloon_splash import __version__
from balloon_splash.errors import UsageError, one_line

ANSWER_SECONDS = 5.0
"""Most seconds until an address accepts a connection."""

VERSION_SECONDS = 120.0
"""Most seconds until a machine reports its version, for which it starts a process."""


@dataclass(frozen=True)
class Cluster:
    """Size of a cluster.

    Attributes:
        cores: of all its machines.
        gpus: likewise.
    """

    cores: int
    gpus: int

    def workers(self, most: int | None, *, on_gpus: bool) -> int:
        """Return how many workers fit, one per core or GPU.

        Raises:
            UsageError: none does.
        """
        found = self.gpus if on_gpus else self.cores
        if found == 0 and on_gpus:
            raise UsageError("--device cuda: no GPU on the cluster; expected one, or --device cpu")
        return max(1, min(found, most or found))


@contextlib.contextmanager
def connected(address: str, cores: int | None = None) -> Iterator[Cluster]:
    """Join a cluster, or start one on this machine; one that this process has joined already is used.

    Args:
        address: ``local`` starts one on this machine, ``auto`` joins the one that the machine belongs to, and
            ``HOST:PORT`` another one.
        cores: cores that a cluster started here uses; None takes all.

    Raises:
        UsageError: the cluster cannot be joined, or machines have another version of the package.
    """
    ours = not ray.is_initialized()
    if ours:
        _join(address, cores)
    try:
        check_versions()
        found = ray.cluster_resources()
        yield Cluster(int(found.get("CPU", 0)), int(found.get("GPU", 0)))
    finally:
        if ours:
            ray.shutdown()


def check_versions() -> None:
    """Compare the versions of the package on all machines.

    Raises:
        UsageError: they differ, or it is missing.
    """
    machines = [node for node in ray.nodes() if node["Alive"]]
    answers = [
        _version.options(
            num_cpus=0, max_retries=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote()
        for node in machines
    ]
    for node, answer in zip(machines, answers, strict=True):
        host = node["NodeManagerHostname"]
        try:
            found = ray.get(answer, timeout=VERSION_SECONDS)
        except TaskUnschedulableError:
            continue  # the machine has just been lost
        except RayError as error:
            raise UsageError(
                f"{host}: balloon_splash cannot be imported there ({_last_line(error)}); expected version "
                f"{__version__} on all machines"
            ) from error
        if found != __version__:
            raise UsageError(f"{host}: balloon_splash {found} there, {__version__} here; expected one version")


@ray.remote
def _version() -> str:
    import balloon_splash

    return balloon_splash.__version__


def check_address(address: str) -> None:
    """Refuse an address that is malformed or does not answer, for which Ray itself waits for minutes.

    Raises:
        UsageError: as said.
    """
    if address in ("local", "auto"):
        return
    remote = re.fullmatch(r"\[?([^/\]]+)\]?:(\d+)", address)
    if remote is None:
        raise UsageError(f"--ray {address}; expected local, auto or HOST:PORT")
    try:
        socket.create_connection((remote[1], int(remote[2])), timeout=ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--ray {address}: does not answer ({reason}); expected a running cluster") from error


def _join(address: str, cores: int | None) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would report to its makers by itself
    local = {"num_cpus": cores, "include_dashboard": None} if address == "local" else {}
    on_terminate = signal.getsignal(signal.SIGTERM)
    try:
        with _without_native_messages():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
    except (ConnectionError, RuntimeError, ValueError) as error:
        token = "; if the cluster asks for a token: export RAY_AUTH_MODE=token"  # Ray's own message does not say it
        raise UsageError(f"--ray {address}: cannot be joined ({one_line(error)}){token}") from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_terminate)  # Ray's own ends the process with exit code 15


@contextlib.contextmanager
def _without_native_messages() -> Iterator[None]:
    """Keep Ray's libraries from the standard error of the process, to which they write while they start."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123  (the device has no path on some systems)
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2]
