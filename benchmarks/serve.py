"""The service under load: clients upload photos, some of them damaged; beside it the same photos in a plain loop.

``python -m benchmarks serve`` starts a server of its own, with the model that ships, and clients in another process. A
client that is told 429 waits as long as it is told, and asks again. With ``--uploads 100`` it takes a few minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
START = "import sys; from balloon_splash.cli.serve import main; sys.exit(main())"
PATIENCE = 600.0
FIRST = 100
"""Uploads after which the memory is looked at for the first time."""


@dataclass
class Tally:
    """Statuses, seconds and memory that the clients met."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    lost: int = 0
    answered: int = 0
    memory: list[tuple[int, float]] = field(default_factory=list)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; returns 1 where an upload was lost or met a status that it should not, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks serve", description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=50, metavar="N", help="at the same time (default: %(default)s)")
    parser.add_argument("--uploads", type=int, default=1000, metavar="N", help="in all (default: %(default)s)")
    parser.add_argument("--bad", type=float, default=0.05, metavar="0-1", help="share of damaged ones (default: 0.05)")
    parser.add_argument("--megabytes", type=float, default=2.0, metavar="MB", help="of a photo (default: %(default)s)")
    parser.add_argument("--loop", type=int, default=20, metavar="N", help="photos in the loop (default: %(default)s)")
    args = parser.parse_args(argv)
    photos = [photo(seed, args.megabytes) for seed in range(4)]
    print(f"photos of {statistics.mean(map(len, photos)) / 1e6:.1f} MB, load {os.getloadavg()[0]:.1f}", flush=True)
    alone = looped(photos, args.loop)
    with server() as (address, process):
        tally, seconds = asyncio.run(load(address, process, photos, args.clients, args.uploads, args.bad))
    good = tally.statuses[200]
    print(
        f"{args.uploads} uploads by {args.clients} clients in {seconds:.0f} s: {dict(sorted(tally.statuses.items()))}"
    )
    print(f"lost {tally.lost}; median {statistics.median(tally.seconds):.1f} s from the first try to the answer")
    (_, early), (_, late) = tally.memory[0], tally.memory[-1]
    print(f"memory {early:.0f} MB after {tally.memory[0][0]}, {late:.0f} MB at the end, {late / early - 1:+.1%}")
    print(f"{good / seconds:.2f} photos/s, in a loop {alone:.2f}: {good / seconds / alone:.0%}")
    unwanted = {status for status in tally.statuses if status not in (200, 422, 429)}
    return int(bool(tally.lost or unwanted))


def photo(seed: int, megabytes: float) -> bytes:
    """Return a rendered scene as a JPEG file of about that size; grain makes it as large."""
    from balloon_splash.data.render import render_scene

    scene = render_scene(seed, (2400, 1800)).image.astype(np.int16)
    rng = np.random.default_rng(seed)
    grain = rng.normal(0, 1, scene.shape)
    low, high = 0.0, 40.0
    for _ in range(7):
        middle = (low + high) / 2
        buffer = BytesIO()
        Image.fromarray(np.clip(scene + middle * grain, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
        low, high = (middle, high) if buffer.tell() < megabytes * 1e6 else (low, middle)
    return buffer.getvalue()


def looped(photos: Sequence[bytes], count: int) -> float:
    """Photos per second of one process that does nothing else."""
    code = (
        "import sys, time; from balloon_splash import Splasher; photos = [open(p, 'rb').read() for p in sys.argv[2:]];"
        "s = Splasher(); s(photos[0]); n = int(sys.argv[1]); t = time.monotonic();"
        "[s(photos[i % len(photos)]) for i in range(n)]; print(n / (time.monotonic() - t))"
    )
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jpg" for number in range(len(photos))]
        for path, data in zip(paths, photos, strict=True):
            path.write_bytes(data)
        command = [sys.executable, "-c", code, str(count), *map(str, paths)]
        return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


@contextmanager
def server() -> Iterator[tuple[str, psutil.Process]]:
    """Return a server on a free port: its address and process."""
    command = [sys.executable, "-c", START, "--port", "0", "--seconds", str(PATIENCE)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = next(found[1] for line in process.stderr if (found := re.search(r"running on (http://\S+)", line)))
        yield address, psutil.Process(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


async def load(
    address: str, process: psutil.Process, photos: Sequence[bytes], clients: int, uploads: int, bad: float
) -> tuple[Tally, float]:
    """Upload all; what was met, and the seconds that it took."""
    tally, numbers = Tally(), iter(range(uploads))
    damaged = {number for number in range(uploads) if bad and number % round(1 / bad) == 0}

    async def client() -> None:
        async with httpx.AsyncClient(timeout=PATIENCE) as session:
            for number in numbers:
                data = photos[number % len(photos)]
                await upload(session, data[: len(data) // 2] if number in damaged else data, number in damaged)

    async def upload(session: httpx.AsyncClient, data: bytes, is_bad: bool) -> None:
        began = time.monotonic()
        while True:
            try:
                answer = await session.post(f"{address}/v1/splash", files={"photo": ("photo.jpg", data)})
            except httpx.HTTPError:
                tally.lost += 1
                return
            tally.statuses[answer.status_code] += 1
            if answer.status_code != 429:
                break
            await asyncio.sleep(int(answer.headers["Retry-After"]))
        tally.seconds.append(time.monotonic() - began)
        tally.lost += answer.status_code != (422 if is_bad else 200)
        tally.answered += 1
        if tally.answered == min(FIRST, uploads // 2) or tally.answered == uploads:
            tally.memory.append((tally.answered, process.memory_info().rss / 2**20))

    async with httpx.AsyncClient(timeout=PATIENCE) as session:
        await session.post(f"{address}/v1/splash", files={"photo": ("photo.jpg", photos[0])})
    began = time.monotonic()
    await asyncio.gather(*(client() for _ in range(clients)))
    return tally, time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
