"""Profile of a photo's time, by stage and by group of layers: stock Detectron2 beside ours.

    python -m benchmarks profiles --output docs/profiles

writes one small text per model: the stages of a photo from file to file, and below them the groups of layers of
backbone, FPN and RPN head. The models and photos are those of the benchmark ``inference``.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2.engine import DefaultPredictor

from balloon_splash.files import atomic_path
from balloon_splash.inference.fast.threads import current_share
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.reading import read_picture
from benchmarks import _models
from benchmarks._measure import machine
from benchmarks._stopwatch import CONV, STAGES, Stopwatch, our_run, samples, stock_run

CONFIDENCE = 0.9
STOCK, SIDES = "stock", ("openvino:bf16", "openvino:int8")
GROUPS = ("stem", "res2", "res3", "res4", "res5", "FPN", "RPN head", "layouts and types")
MODELS = ("R50", "R101", "shipped")

Column = dict[str, float]


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    weights = "output/balloon_R50_FPN/model_best.pth"
    parser.add_argument("--weights", default=weights, help="of a trained ResNet-50-FPN (%(default)s)")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--sides", nargs="+", default=SIDES, metavar="BACKEND:PRECISION", help="beside stock")
    parser.add_argument("--photos", nargs="+", default=[], metavar="FILE")
    parser.add_argument("--count", type=int, default=3, help="so many photos (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--calibration", nargs="+", default=[], metavar="PHOTO", help="for int8 (the training photos)")
    parser.add_argument("--output", required=True, metavar="FOLDER")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = _models.photos(folder, args.photos, args.count)
        for model in args.models:
            columns, layers = _profile(*_model(model, Path(args.weights), folder), paths, args)
            text = _text(f"{model}, {len(paths)} photos, median of {args.rounds} rounds", columns, layers)
            print(text)
            target = Path(args.output) / f"{model}.txt"
            target.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(target, overwrite=True) as temporary:
                Path(temporary).write_text(text)


def _model(name: str, weights: Path, folder: Path) -> tuple[Path, str]:
    config = str(weights.with_name("config.yaml"))
    if name == "R50":
        return weights, config
    return _models.grown_to_r101(weights, config, folder) if name == "R101" else _models.shipped(folder)


def _profile(
    weights: Path, config: str, paths: list[Path], args: argparse.Namespace
) -> tuple[dict[str, Column], dict[str, Column]]:
    """Measure milliseconds per photo by side and stage, and by side and group of layers."""
    predictor = DefaultPredictor(_models.stock_config(weights, config))
    first = read_picture(paths[0]).rgb8
    image = predictor.aug.get_transform(first).apply_image(first)
    tensor = {"image": torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float()}
    layers = {STOCK: _torch_layers(predictor.model, tensor, args.rounds)}
    watch = Stopwatch()
    columns = {STOCK: _medians(samples(stock_run(predictor, watch, CONFIDENCE), watch, paths, args.rounds))}
    for side in args.sides:
        backend, precision = side.split(":")
        options = {"calibration": args.calibration} if precision == "int8" else {}
        fast = _models.segmenter(weights, config, backend, precision, confidence=CONFIDENCE, **options)
        if backend == "openvino":
            layers[side] = _openvino_layers(fast, tensor, args.rounds)
        watch = Stopwatch()
        columns[side] = _medians(samples(our_run(fast, watch), watch, paths, args.rounds))
    return columns, layers


def _medians(found: Mapping[str, Sequence[Sequence[float]]]) -> Column:
    """Return the mean over the photos of the median of the rounds."""
    return {stage: statistics.mean(statistics.median(each) for each in photos) for stage, photos in found.items()}


@torch.no_grad()
def _torch_layers(model: Any, entry: dict[str, torch.Tensor], rounds: int) -> Column:
    watch = Stopwatch()
    watch.watch(model.backbone, "forward", "FPN")
    watch.watch(model.proposal_generator.rpn_head, "forward", "RPN head")
    for name in GROUPS[:5]:
        watch.watch(getattr(model.backbone.bottom_up, name), "forward", name)
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        model.inference([entry], do_postprocess=False)
        for name, spent in watch.read().items():
            if number:
                times[name].append(spent)
    for module in (model.backbone, model.proposal_generator.rpn_head, *model.backbone.bottom_up.children()):
        module.__dict__.pop("forward", None)  # the class's own again
    return {name: statistics.median(spent) for name, spent in times.items()}


def _openvino_layers(fast: Segmenter, entry: dict[str, torch.Tensor], rounds: int) -> Column:
    engine = fast.model.backbone._engine
    image = engine._ladder.pad(fast.model.preprocess_image([entry]).tensor).contiguous().numpy()
    compiled = engine._compile(image.shape, engine._settings(current_share()) | {"PERF_COUNT": True})
    request = compiled.create_infer_request()
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        request.infer([image])
        sums: dict[str, float] = defaultdict(float)
        for node in request.get_profiling_info():
            sums[_group(node.node_name, node.node_type)] += node.real_time.total_seconds() * 1000
        for name, spent in sums.items():
            if number:
                times[name].append(spent)
    return {name: statistics.median(spent) for name, spent in times.items()}


def _group(name: str, kind: str) -> str:
    """Return the group of layers of an OpenVINO node."""
    if kind == "Reorder":
        return GROUPS[-1]
    if found := re.search(r"bottom_up\.(stem|res\d)", name):
        return found.group(1)
    return "RPN head" if "rpn_head" in name else "FPN"


def _text(title: str, columns: Mapping[str, Column], layers: Mapping[str, Column]) -> str:
    lines = [title, ", ".join(f"{name} {value}" for name, value in machine().items()), ""]
    lines += _table("stage, ms per photo", columns, STAGES)
    lines += ["", *_table(f"layers of {CONV}, ms, the first photo", layers, GROUPS)]
    return "\n".join(lines) + "\n"


def _table(title: str, columns: Mapping[str, Column], names: Sequence[str]) -> list[str]:
    """Return one line per name, with milliseconds and the share of the column's sum."""
    sums = {side: sum(column.values()) for side, column in columns.items()}
    width = max(len(title), *map(len, names)) + 2
    lines = [f"{title:{width}}" + "".join(f"{side:>20}" for side in columns)]
    for name in names:
        cells = [(column.get(name, 0.0), sums[side]) for side, column in columns.items()]
        lines.append(f"{name:{width}}" + "".join(f"{spent:12.1f}{spent / total:8.1%}" for spent, total in cells))
    return [*lines, f"{'all':{width}}" + "".join(f"{total:12.1f}{'':8}" for total in sums.values())]


if __name__ == "__main__":
    main()
