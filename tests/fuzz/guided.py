"""Inputs that an evolving corpus leads to: libFuzzer, through Atheris, keeps what reaches code not reached before."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

WORDS = (
    '"filename"',
    '"regions"',
    '"shape_attributes"',
    '"region_attributes"',
    '"all_points_x"',
    '"all_points_y"',
    '"polygon"',
    '"polyline"',
    '"circle"',
    '"ellipse"',
    '"rect"',
    '"_via_img_metadata"',
    '"size"',
    "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes",
    "a.jpg",
    "1e308",
    "NaN",
)
LONGEST = 4096


def instrumented() -> AbstractContextManager[None]:
    """While it lasts, the package's data readers are imported in a form that tells which of their code runs.

    Raises:
        SystemExit: Atheris is not installed.
    """
    return _atheris().instrument_imports(include=["balloon_splash.data"])


def _atheris() -> Any:
    try:
        return importlib.import_module("atheris")
    except ModuleNotFoundError:
        raise SystemExit("needs Atheris: pip install --no-build-isolation -e '.[fuzz]'") from None


def run_guided(
    run: Callable[[str, bytes], None],
    seeds: Sequence[bytes],
    folder: Path,
    count: int,
    seed: int,
    finish: Callable[[], None],
) -> None:
    """Let libFuzzer choose ``count`` inputs for ``run``; it ends the process, so ``finish`` is called before."""
    atheris = _atheris()
    corpus = folder / "corpus"
    corpus.mkdir(parents=True)
    for number, data in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(data)
    dictionary = folder / "words.dict"
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in WORDS)
    dictionary.write_text("".join(f'"{word}"\n' for word in escaped))
    left = count

    def case(data: bytes) -> None:
        nonlocal left
        if left > 0:
            run(".json", data)
        left -= 1
        if left == 0:
            finish()

    options = [
        f"-runs={count}",
        f"-seed={seed + 1}",
        f"-max_len={LONGEST}",
        f"-dict={dictionary}",
        *("-timeout=600", "-rss_limit_mb=0", "-handle_xfsz=0"),  # the campaign has rules of its own
    ]
    atheris.Setup(["fuzz", *options, str(corpus)], case)
    atheris.Fuzz()
