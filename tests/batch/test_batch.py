"""A batch has one row per input, each result is that of the splash, and the same command does only what is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from balloon_splash.compositing.look import Look
from balloon_splash.errors import UsageError
from balloon_splash.splasher.photo_results import Files
from tests.batch.inputs import batch, rows_of, write_photo
from tests.media.clips import make_clip
from tests.runtime.conftest import Small, small

__all__ = ["small"]

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.usefixtures("cluster")


def read(path: Path) -> Any:
    return cv2.imread(str(path))


class Watch:
    """Remembers what there was to do."""

    begun: tuple[int, int]

    def begin(self, missing: int, existing: int) -> None:
        self.begun = (missing, existing)

    def row(self, row: dict[str, Any]) -> None: ...
    def note(self, text: str) -> None: ...


def test_each_input_has_one_row_and_the_same_call_does_what_is_missing(photos: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    write_photo(photos / "one.png")
    write_photo(photos / "deep" / "two.png", objects=2)
    (photos / "bad.jpg").write_bytes(b"no picture")
    write_photo(photos / "twin.png")
    write_photo(photos / "twin.bmp", objects=2)
    make_clip(photos / "party.mp4", frames=3)
    summary = batch(photos, output)
    assert (summary.done, summary.existed, summary.failed) == (5, 0, 1)
    rows = rows_of(output)
    assert {name: row["objects"] for name, row in rows.items()} == {
        "one.png": 1, "two.png": 2, "bad.jpg": None, "twin.png": 1, "twin.bmp": 2, "party.mp4": 2,
    }  # fmt: skip
    assert rows["bad.jpg"]["error"].startswith(f"{photos / 'bad.jpg'}: ")
    assert rows["bad.jpg"]["output"] is None
    for row in rows.values():
        assert row["output"] is None or Path(row["output"]).is_file()
    assert Path(rows["two.png"]["output"]) == output / "deep" / "two_splash.png"
    found = read(output / "one_splash.png")
    assert (found[30, 15] == [20, 20, 230]).all()
    assert np.ptp(found[5, 70]) == 0
    assert not list(output.rglob("*.part*"))

    before = (output / "one_splash.png").stat().st_mtime_ns
    write_photo(photos / "bad.jpg")
    watch = Watch()
    again = batch(photos, output, report=watch)
    assert watch.begun == (1, 5), "what failed is tried again, results that exist stay"
    assert (again.done, again.existed, again.failed) == (1, 5, 0)
    assert (output / "one_splash.png").stat().st_mtime_ns == before
    assert len(rows_of(output)) == 6

    with pytest.raises(UsageError, match=r"holds results made with other options \(look\); expected the same"):
        batch(photos, output, look=Look(background="black"))


def test_a_bucket_is_read_and_written_and_the_record_is_parquet(bucket: Any, photos: Path) -> None:
    from pyarrow import parquet

    write_photo(photos / "a.png")
    write_photo(photos / "b.png", objects=2)
    for path in photos.iterdir():
        bucket.put_file(str(path), f"photos/in/{path.name}")
    bucket.pipe_file("photos/in/bad.png", b"no picture")
    summary = batch("s3://photos/in", "s3://photos/out", record="parquet", files=Files(mask=True))
    assert (summary.done, summary.failed) == (2, 1)
    names = {name.removeprefix("photos/out/") for name in bucket.find("photos/out")}
    assert {"a_splash.png", "a_splash_mask.png", "b_splash.png", "b_splash_mask.png", "record.parquet"} <= names
    bucket.get_file("photos/out/record.parquet", str(photos / "record.parquet"))
    rows = {row["input"]: row for row in parquet.read_table(photos / "record.parquet").to_pylist()}
    assert {name: row["objects"] for name, row in rows.items()} == {
        "s3://photos/in/a.png": 1, "s3://photos/in/b.png": 2, "s3://photos/in/bad.png": None,
    }  # fmt: skip
    bucket.get_file("photos/out/b_splash.png", str(photos / "b.png"))
    assert read(photos / "b.png")[30, 40].tolist() == [20, 20, 230]
    bucket.rm_file("photos/in/bad.png")
    again = batch("s3://photos/in/*.png", "s3://photos/out", record="parquet", files=Files(mask=True))
    assert (again.done, again.existed, again.failed) == (0, 2, 0)


def test_the_command_joins_a_cluster_and_runs_a_packed_model_in_each_worker(
    cluster: Any, small: Callable[..., Small], photos: Path, tmp_path: Path
) -> None:
    write_photo(photos / "a.png")
    (photos / "bad.jpg").write_bytes(b"no picture")
    command = [sys.executable, "tools/splash_batch.py", "--ray", cluster.address, "--weights", str(small().file)]
    command += ["--confidence", "0.0", "--input", str(photos), "--output", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 1, done.stderr
    error, last = done.stderr.strip().splitlines()
    assert error.startswith(f"error: {photos}/bad.jpg: ")
    assert last.startswith("1 of 2 splashed, 1 failed, ")
    assert last.endswith(f"record: {tmp_path}/out/record.jsonl")
    assert done.stdout == ""
    assert rows_of(tmp_path / "out")["a.png"]["objects"] > 0


def test_a_cluster_without_gpus_is_refused_where_each_worker_needs_one(photos: Path, tmp_path: Path) -> None:
    write_photo(photos / "a.png")
    with pytest.raises(UsageError, match="--device cuda: no GPU on the cluster"):
        batch(photos, tmp_path / "out", on_gpus=True)
