"""Cost of each stage of a splash, its growth, and its distance from the processor's peak."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from fvcore.nn import FlopCountAnalysis

from balloon_splash.inference.fast.conv_part import ConvPart
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.reading import read_picture
from benchmarks import _models
from benchmarks._stopwatch import STAGES, Stopwatch, our_run, samples

TERMS = ("a photo", "a file's Mpx", "a seen Mpx", "an object")
PEAK_SIDE = 2048
"""Side of the matrices whose product measures the processor's peak."""


def fit_stages(fast: Segmenter, paths: Sequence[Path], rounds: int) -> dict[str, dict[str, float]]:
    """Fit each stage's time, in milliseconds, by non-negative least squares on photos, pixels and objects.

    Prints a table, and returns it by stage and term.
    """
    photos = list(paths)
    design = [_terms(fast, path) for path in photos]  # before the watch runs
    watch = Stopwatch()
    found = samples(our_run(fast, watch), watch, photos, rounds)
    head = "".join(f"{term:>14}" for term in (*TERMS, "median"))
    print(f"\ncost of the stages in ms, {fast.choice.backend} {fast.choice.precision}, fitted on {len(photos)} photos")
    print(f"{'':26}{head}")
    fitted = {}
    for stage in STAGES:
        spent = [statistics.median(rounds_of_one) for rounds_of_one in found[stage]]
        costs = _nonnegative(np.array(design), np.array(spent))
        fitted[stage] = dict(zip(TERMS, costs, strict=True)) | {"median": statistics.median(spent)}
        print(f"{stage:26}" + "".join(f"{cost:14.2f}" for cost in fitted[stage].values()))
    return fitted


def _terms(fast: Segmenter, path: Path) -> list[float]:
    """Return the terms that explain a photo's time: 1, megapixels of the file and of the model's input, objects."""
    image = read_picture(path).rgb8
    _, height, width = fast.network_image(image).shape
    (found,) = fast.detect([image])
    return [1.0, np.prod(image.shape[:2]) / 1e6, height * width / 1e6, float(len(found))]


def _nonnegative(design: np.ndarray, spent: np.ndarray) -> list[float]:
    """Solve least squares without negative costs: leave out negative terms, the worst first."""
    used = list(range(design.shape[1]))
    costs = np.zeros(0)
    while used:
        costs, *_ = np.linalg.lstsq(design[:, used], spent, rcond=None)
        if costs.min() >= 0:
            break
        used.pop(int(costs.argmin()))
    result = [0.0] * design.shape[1]
    for index, cost in zip(used, costs, strict=False):
        result[index] = float(cost)
    return result


def floors(weights: Path, config: str, photo: Path, calibration: Sequence[str]) -> dict[str, float]:
    """Divide the multiply-adds of backbone, FPN and RPN head by the processor's peak in a large product, in ms."""
    exact = _models.segmenter(weights, config, "torch", "fp32", confidence=0.9)
    image = exact.model.preprocess_image([exact._prepare(read_picture(photo).rgb8)]).tensor
    counted = FlopCountAnalysis(ConvPart(exact.model), image)
    counted.unsupported_ops_warnings(False)
    counted.uncalled_modules_warnings(False)
    gmac = counted.total() / 1e9
    found = {"GMAC": gmac}
    print(f"\nbackbone, FPN and RPN head on {tuple(image.shape)}: {gmac:.1f} GMAC")
    print(f"{'':18}{'ms':>8}{'floor ms':>10}{'of the floor':>14}{'peak GMAC/s':>14}")
    for backend, precision in (
        ("torch", "fp32"), ("torch", "bf16"), ("openvino", "fp32"), ("openvino", "bf16"), ("openvino", "int8"),
    ):  # fmt: skip
        side = f"{backend} {precision}"
        options = {"calibration": calibration} if precision == "int8" else {}
        model = _models.segmenter(weights, config, backend, precision, confidence=0.9, **options).model
        network = ConvPart(model) if side == "torch fp32" else model.backbone
        spent, peak = _median_ms(lambda network=network: network(image)), _peak_gmacs(precision)
        floor = 1000 * gmac / peak
        found |= {f"{side} ms": spent, f"{side} floor ms": floor, f"{precision} peak GMAC/s": peak}
        print(f"{side:18}{spent:8.0f}{floor:10.0f}{spent / floor:13.2f}x{peak:14.0f}")
    return found


def _peak_gmacs(precision: str) -> float:
    """Measure multiply-adds per second in a product of two large matrices."""
    if precision == "int8":
        shape = PEAK_SIDE, PEAK_SIDE
        a, b = torch.randint(-100, 100, shape, dtype=torch.int8), torch.randint(-100, 100, shape, dtype=torch.int8)
        return PEAK_SIDE**3 / 1e6 / _median_ms(lambda: torch._int_mm(a, b))
    x = torch.randn(PEAK_SIDE, PEAK_SIDE).to(torch.bfloat16 if precision == "bf16" else torch.float32)
    return PEAK_SIDE**3 / 1e6 / _median_ms(lambda: x @ x)


@torch.no_grad()
def _median_ms(function: Callable[[], object], rounds: int = 7) -> float:
    function()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)
