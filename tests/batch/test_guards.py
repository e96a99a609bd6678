"""Wrong use is one line and exit code 2, before any work and without a cluster."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.batch.conftest import need
from tests.batch.inputs import write_photo


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    for module in ("ray", "fsspec", "pyarrow"):
        need(module)
    from balloon_splash.cli.batch import main

    def run(*arguments: str) -> str:
        assert main(list(arguments)) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        return line

    return run


def test_wrong_use_is_one_line_before_any_work(refused: Callable[..., str], photos: Path, tmp_path: Path) -> None:
    write_photo(photos / "a.png")
    out = str(tmp_path / "out")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
        for arguments, message in (
            (["--input", str(photos), "--output", f"{photos}/out"], "is inside --input"),
            (["--input", str(photos), "--output", str(photos)], "is inside --input"),
            (["--input", f"{tmp_path}/none", "--output", out], "none: no such file or folder"),
            (["--input", "nothing://a/b", "--output", out], "nothing://a/b: Protocol not known: nothing"),
            (["--input", "-", "--output", out], "a batch takes no standard input"),
            (["--input", str(photos), "--output", "https://a.org/out"], "https://a.org/out: cannot be written"),
            (["--input", str(photos), "--output", out, "--ray", nobody], f"--ray {nobody}: does not answer"),
            (["--input", str(photos), "--output", out, "--ray", "somewhere"], "expected local, auto or HOST:PORT"),
            (["--input", str(photos), "--output", out, "--classes", "cat"], "cat"),
            (["--input", str(photos), "--output", out, "--device", "cuda:1"], "--device cuda:1; expected cpu, or cuda"),
            (["--input", str(photos), "--output", out, "--background", "nocolour"], "nocolour"),
        ):
            assert message in refused(*arguments), arguments
    assert not (tmp_path / "out").exists()


def test_a_bucket_that_is_not_there_or_does_not_answer_is_one_line(
    refused: Callable[..., str], bucket: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photo(photos / "a.png")
    bucket.put_file(str(photos / "a.png"), "photos/in/a.png")
    out = str(tmp_path / "out")
    assert "s3://photos/in/out is inside --input s3://photos/in" in refused(
        "--input", "s3://photos/in", "--output", "s3://photos/in/out"
    )
    assert "s3://nowhere/in: no such file, folder or bucket" in refused("--input", "s3://nowhere/in", "--output", out)
    assert "s3://nowhere/out" in refused("--input", str(photos), "--output", "s3://nowhere/out")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        import s3fs

        s3fs.S3FileSystem.clear_instance_cache()
        assert "s3://photos/in: cannot be reached" in refused("--input", "s3://photos/in", "--output", out)
    s3fs.S3FileSystem.clear_instance_cache()
