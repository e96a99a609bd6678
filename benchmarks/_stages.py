"""What each stage of a splash costs, how that grows, and how far it is from what the processor could do."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fvcore.nn import FlopCountAnalysis

from balloon_splash.inference.conv_part import ConvPart
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture
from balloon_splash.splasher.splasher import splash_picture
from benchmarks import _models

TERMS = ("a photo", "a megapixel of the file", "a megapixel that the model sees", "an object")


def fit_stages(fast: Segmenter, paths: Sequence[Path], rounds: int) -> dict[str, dict[str, float]]:
    """Least squares for each stage's time, in milliseconds, by photos, pixels and objects (not negative).

    Prints a table, and returns it by stage and term.
    """
    samples: dict[str, list[float]] = defaultdict(list)
    design = []
    for path in paths:
        times, terms = _sample(fast, path, rounds)
        design.append(terms)
        for stage, spent in times.items():
            samples[stage].append(spent)
    fitted = {}
    print(f"\ncost of the stages in ms, fitted on {len(paths)} photos\n{'':22}" + "".join(f"{t:>34}" for t in TERMS))
    for stage, spent in samples.items():
        costs = _nonnegative(np.array(design), np.array(spent))
        fitted[stage] = dict(zip(TERMS, costs, strict=True)) | {"median": statistics.median(spent)}
        print(f"{stage:22}" + "".join(f"{cost:34.2f}" for cost in costs) + f"   median {statistics.median(spent):.1f}")
    return fitted


def _sample(fast: Segmenter, path: Path, rounds: int) -> tuple[dict[str, float], list[float]]:
    times: dict[str, list[float]] = defaultdict(list)
    backbone = fast.model.backbone
    engine = backbone._engine
    conv = [0.0]

    def timed(images: torch.Tensor) -> Any:
        began = time.perf_counter()
        found = engine(images)
        conv[0] = 1000 * (time.perf_counter() - began)
        return found

    backbone._engine = timed
    data = path.read_bytes()
    for number in range(rounds + 1):
        stamps = [time.perf_counter()]
        picture = read_picture(data)
        stamps.append(time.perf_counter())
        (found,) = fast.detect([picture.rgb8])
        stamps.append(time.perf_counter())
        splashed = splash_picture(picture, found)
        stamps.append(time.perf_counter())
        encode_picture(splashed.after)
        stamps.append(time.perf_counter())
        read, model, effect, write = 1000 * np.diff(stamps)
        if number:
            for name, spent in (
                ("reading", read), ("backbone, FPN, RPN", conv[0]), ("the rest of the model", model - conv[0]),
                ("splashing", effect), ("encoding", write),
            ):  # fmt: skip
                times[name].append(spent)
    backbone._engine = engine
    seen = fast._prepare(picture.rgb8)["image"].shape
    terms = [1.0, np.prod(picture.rgb.shape[:2]) / 1e6, seen[1] * seen[2] / 1e6, float(len(found))]
    return {name: statistics.median(spent) for name, spent in times.items()}, terms


def _nonnegative(design: np.ndarray, spent: np.ndarray) -> list[float]:
    """Least squares without negative costs: terms that come out negative are left out, the worst first."""
    used = list(range(design.shape[1]))
    while used:
        costs, *_ = np.linalg.lstsq(design[:, used], spent, rcond=None)
        if costs.min() >= 0:
            break
        used.pop(int(costs.argmin()))
    result = [0.0] * design.shape[1]
    for index, cost in zip(used, costs, strict=True):
        result[index] = float(cost)
    return result


def floors(weights: Path, config: str, photo: Path) -> dict[str, float]:
    """Multiply-adds of backbone, FPN and RPN head over what the processor reaches in a large product, in ms."""
    exact = _models.segmenter(weights, config, "torch", "fp32", confidence=0.9)
    image = exact.model.preprocess_image([exact._prepare(read_picture(photo).rgb8)]).tensor
    counted = FlopCountAnalysis(ConvPart(exact.model), image)
    counted.unsupported_ops_warnings(False)
    counted.uncalled_modules_warnings(False)
    gmac = counted.total() / 1e9
    found = {"GMAC": gmac}
    print(f"\nbackbone, FPN and RPN head on {tuple(image.shape)}: {gmac:.1f} GMAC")
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        peak = _peak_gmacs(dtype)
        found[f"{name} peak GMAC/s"], found[f"{name} floor ms"] = peak, 1000 * gmac / peak
        print(f"  {name}: {peak:.0f} GMAC/s in a product of 2048x2048 matrices: floor {1000 * gmac / peak:.0f} ms")
    for backend, precision in (("torch", "fp32"), ("openvino", "fp32"), ("openvino", "bf16")):
        fast = _models.segmenter(weights, config, backend, precision, confidence=0.9).model
        run: Callable[[], object] = ConvPart(fast) if fast.backbone.__class__.__name__ == "FPN" else fast.backbone
        spent = _median_ms(lambda run=run: run(image))
        found[f"{backend}:{precision} ms"] = spent
        print(f"  {backend} {precision}: {spent:.0f} ms")
    return found


@torch.no_grad()
def _peak_gmacs(dtype: torch.dtype) -> float:
    a = torch.randn(2048, 2048).to(dtype)
    return 2048**3 / 1e6 / _median_ms(lambda: a @ a)


@torch.no_grad()
def _median_ms(function: Callable[[], object], rounds: int = 7) -> float:
    function()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)
