"""A Ray cluster of two machines in this one, and buckets of a local server, shared by the tests of the batch."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

MEMORY = 100 * 2**20
"""Bytes of each machine's object store; no pixels go through it."""


def need(module: str) -> None:
    """Skip where a module is missing; fail where ``BALLOON_SPLASH_NEEDS`` asks for Ray."""
    if importlib.util.find_spec(module) is None:
        if "ray" in os.environ.get("BALLOON_SPLASH_NEEDS", "").split(","):
            pytest.fail(f"{module} is not installed, and BALLOON_SPLASH_NEEDS asks for it")
        pytest.skip(f"no {module} (pip install -r requirements-batch.lock)")


@pytest.fixture(scope="package")
def endpoint() -> Iterator[str]:
    """Address of a server that speaks S3, which all processes take for Amazon's from here on."""
    need("moto")
    need("s3fs")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name, value in (
            ("ACCESS_KEY_ID", "testing"),
            ("SECRET_ACCESS_KEY", "testing"),
            ("DEFAULT_REGION", "us-east-1"),
        ):
            environment.setenv(f"AWS_{name}", value)
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="package")
def cluster(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A machine of one core, to which this process belongs."""
    for module in ("ray", "fsspec", "pyarrow"):
        need(module)
    import ray
    from ray.cluster_utils import Cluster

    on_terminate = signal.getsignal(signal.SIGTERM)  # Ray has a way of its own
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("RAY_worker_niceness", "0")  # by its own 15, other tests starve the workers
        environment.setenv("RAY_memory_monitor_refresh_ms", "0")  # other tests need their memory, too
        environment.setenv("BALLOON_SPLASH_CACHE", str(tmp_path_factory.mktemp("cache")))
        head = {"num_cpus": 1, "object_store_memory": MEMORY, "include_dashboard": False}
        started = Cluster(initialize_head=True, head_node_args=head)
        ray.init(address=started.address, log_to_driver=False, logging_level="ERROR")
        yield started
        ray.shutdown()
        started.shutdown()
    signal.signal(signal.SIGTERM, on_terminate)


@pytest.fixture
def second(cluster: Any) -> Iterator[Any]:
    """A second machine of the cluster."""
    node = cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node)


@pytest.fixture
def bucket(endpoint: str) -> Any:
    """An empty bucket, ``s3://photos``, as the file system that sees it."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem(skip_instance_cache=True)
    if system.exists("photos"):
        system.rm("photos", recursive=True)
    system.mkdir("photos")
    return system


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder for inputs."""
    folder = tmp_path / "in"
    folder.mkdir()
    return folder
