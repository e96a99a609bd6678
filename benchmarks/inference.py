"""Photo in to splashed photo out, and the parts of it, against stock Detectron2 on the same weights and photos.

    python -m benchmarks inference --weights output/balloon_R50_FPN/model_best.pth

The other side is ``DefaultPredictor``, with the article's effect on its masks. The weights must be those of a trained
ResNet-50-FPN: a model that finds nothing has no work behind its RPN. The ResNet-101 is that model with 17 more
blocks that add nothing; the model that ships needs no weights. Photos are the validation photos of the balloon dataset,
if it is there, or rendered.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from balloon_splash.compositing.matte import instance_masks
from balloon_splash.devices import has_bf16
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.reading import read_picture
from balloon_splash.splasher import Splasher
from benchmarks import _models
from benchmarks._measure import Row, compare, machine, print_table, read_medians, row, seconds, write_json, write_plot
from benchmarks._stages import fit_stages, floors

CONFIDENCE = 0.9
SIDES = ["torch:fp32", "torch:bf16", "openvino:bf16", "openvino:int8"]
FOLDER = ", a folder"
"""Suffix of a side's name: the command's pipeline, which processes several photos at a time."""

TARGETS = {"R101": {"openvino:int8": 6.0, "openvino:bf16": 3.0}, "shipped": dict.fromkeys(SIDES[2:], 4.0)}


def main() -> None:
    """Measure and print."""
    args = _arguments()
    rows: list[Row] = []
    extra: dict[str, object] = {}
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = _models.photos(folder, args.photos, args.count)
        models = _chosen_models(args, folder)
        for model, (weights, config) in models.items():
            if model in args.parts:
                rows += end_to_end(model, weights, config, paths, folder, args)
        given = models["R50"]
        if "heads" in args.parts:
            rows += behind_the_rpn(*given, paths, args.rounds)
        if "peers" in args.parts:
            rows += peers(*given, paths, args.rounds)
        if "start" in args.parts:
            rows += start(paths[0], folder, args.rounds)
        if "stages" in args.parts:
            fast = _models.segmenter(*given, "auto", "auto", confidence=CONFIDENCE)
            extra["stages"] = fit_stages(fast, paths, args.rounds)
            extra["floors"] = floors(*given, paths[0], args.calibration)
    print_table(rows, read_medians(Path(args.compare)) if args.compare else None)
    if args.json:
        write_json(Path(args.json), rows, extra)
    if args.plot:
        write_plot(Path(args.plot), rows)


def _chosen_models(args: argparse.Namespace, folder: Path) -> dict[str, tuple[Path, str]]:
    """Weights and configuration of each model that a part needs."""
    given = Path(args.weights), args.config_file or str(Path(args.weights).with_name("config.yaml"))
    models = {"R50": given}
    if "R101" in args.parts:
        models["R101"] = _models.grown_to_r101(*given, folder)
    if "shipped" in args.parts:
        models["shipped"] = _models.shipped(folder)
    return models


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    weights = "output/balloon_R50_FPN/model_best.pth"
    parser.add_argument("--weights", default=weights, help="of a trained ResNet-50-FPN (%(default)s)")
    parser.add_argument("--config-file", help="its configuration (config.yaml beside the weights)")
    parser.add_argument("--photos", nargs="+", default=[], metavar="FILE")
    parser.add_argument("--count", type=int, default=3, help="so many photos (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of each side (%(default)s)")
    parser.add_argument("--sides", nargs="+", default=SIDES, metavar="BACKEND:PRECISION")
    parser.add_argument("--calibration", nargs="+", default=[], metavar="PHOTO", help="for int8 (the training photos)")
    parts = ("R50", "R101", "shipped", "heads", "peers", "start", "stages")
    parser.add_argument("--parts", nargs="+", default=parts, choices=parts, help="only these")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--plot", metavar="FILE", help="write a picture there")
    parser.add_argument("--compare", metavar="FILE", help="the JSON of an earlier run")
    return parser.parse_args()


def end_to_end(
    name: str, weights: Path, config: str, paths: Sequence[Path], folder: Path, args: argparse.Namespace
) -> list[Row]:
    """Measure from JPEG file to JPEG file; both sides read and write files.

    One photo after the other, and for OpenVINO also as the command does with a folder: two photos at a time.
    """
    reference = _models.reference_splash(weights, config, confidence=CONFIDENCE)
    copies = [folder / f"in_{path.name}" for path in paths]
    for path, copy in zip(paths, copies, strict=True):
        copy.write_bytes(path.read_bytes())
    sides: dict[str, Callable[[], object]] = {
        "DefaultPredictor + the article's effect": lambda: [reference(p, folder / "stock.jpg") for p in copies]
    }
    for side in args.sides:
        backend, precision = side.split(":")
        calibration = args.calibration if precision == "int8" else []
        found = _models.segmenter(weights, config, backend, precision, confidence=CONFIDENCE, calibration=calibration)
        splasher = Splasher(segmenter=found)
        sides[side] = lambda splasher=splasher: [splasher(p, overwrite=True) for p in copies]
        if backend == "openvino":
            sides[side + FOLDER] = lambda found=found: _models.splash_folder(found, copies)
    what = f"{name}: {len(paths)} photos, file to file"
    return compare(what, sides, rounds=args.rounds, targets=TARGETS.get(name), per=len(paths))


def _with_ready_features(model: torch.nn.Module, inputs: Sequence[dict[str, object]]) -> Callable[[], object]:
    """Return everything but backbone and RPN head, whose results are computed once, now."""
    from balloon_splash.inference.fast.conv_part import ConvPart, replace_conv_part

    part = ConvPart(model)
    with torch.no_grad():
        ready = [part(model.preprocess_image([each]).tensor) for each in inputs]
    queue = iter(())

    def engine(_images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return next(queue)

    replace_conv_part(model, part, engine)

    @torch.no_grad()
    def run() -> None:
        nonlocal queue
        queue = iter(ready)
        for each in inputs:
            model([each])

    return run


def behind_the_rpn(weights: Path, config: str, paths: Sequence[Path], rounds: int) -> list[Row]:
    """Measure from the RPN head's output to masks at the photo's size, without backbone and RPN head."""
    from detectron2.engine import DefaultPredictor

    images = [read_picture(path).rgb8 for path in paths]
    stock = DefaultPredictor(_models.stock_config(weights, config)).model
    exact = _models.segmenter(weights, config, "torch", "fp32", confidence=CONFIDENCE)
    inputs = [{**exact._prepare(i), "height": i.shape[0], "width": i.shape[1]} for i in images]
    sides: dict[str, Callable[[], object]] = {"stock": _with_ready_features(stock, inputs)}
    for precision in ("fp32", "bf16") if has_bf16("cpu") else ("fp32",):
        fast = _models.segmenter(weights, config, "openvino", precision, confidence=CONFIDENCE)
        sides[f"ours, {precision}"] = _ours_behind_the_rpn(fast, images)
    targets = {"ours, fp32": 3.0, "ours, bf16": 3.0}
    what = f"RPN's output to masks, {len(paths)} photos"
    return compare(what, sides, rounds=rounds, targets=targets, per=len(paths))


def _ours_behind_the_rpn(fast: Segmenter, images: Sequence[_models.Image]) -> Callable[[], object]:
    """Run as :func:`_with_ready_features`, up to hard masks of the photo's size."""
    backbone = fast.model.backbone
    engine, ready = backbone._engine, {}

    def remember(tensor: torch.Tensor) -> list[torch.Tensor]:
        key = tuple(tensor.shape), float(tensor.sum())
        if key not in ready:
            ready[key] = [each.clone() for each in engine(tensor)]
        return ready[key]

    backbone._engine = remember
    prepared = {id(image): fast._prepare(image) for image in images}
    fast._prepare = lambda image: prepared[id(image)]  # type: ignore[method-assign]
    return lambda: [instance_masks(found) for image in images for found in fast.detect([image])]


def peers(weights: Path, config: str, paths: Sequence[Path], rounds: int) -> list[Row]:
    """Measure the model alone; torchvision's has random weights and finds nothing, which flatters it."""
    from detectron2.engine import DefaultPredictor
    from torchvision.models.detection import maskrcnn_resnet50_fpn

    images = [read_picture(path).rgb8 for path in paths]
    predictor = DefaultPredictor(_models.stock_config(weights, config))
    cfg = predictor.cfg
    other = maskrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=2,
        min_size=cfg.INPUT.MIN_SIZE_TEST, max_size=cfg.INPUT.MAX_SIZE_TEST,
    ).eval()  # fmt: skip
    tensors = [torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255) for image in images]
    fast = _models.segmenter(weights, config, "auto", "auto", confidence=CONFIDENCE)

    @torch.no_grad()
    def torchvision_model() -> None:
        for tensor in tensors:
            other([tensor])

    sides: dict[str, Callable[[], object]] = {
        "stock Detectron2": lambda: [predictor(np.ascontiguousarray(i[:, :, ::-1])) for i in images],
        "torchvision's Mask R-CNN R50-FPN": torchvision_model,
        f"ours, auto ({fast.choice.backend} {fast.choice.precision})": lambda: fast(images),
    }
    return compare(f"model alone, {len(paths)} photos", sides, rounds=rounds, per=len(paths))


def start(photo: Path, folder: Path, rounds: int) -> list[Row]:
    """Measure a new process for one photo and the model that ships, with a warm cache."""
    copy = folder / "start.jpg"
    copy.write_bytes(photo.read_bytes())
    command = [sys.executable, "tools/splash.py", "--input", str(copy), "--device", "cpu", "--overwrite", "--quiet"]
    times = [seconds(lambda: subprocess.run(command, check=True)) for _ in range(rounds + 1)][1:]
    return [row("start to first splashed photo (wanted: 3 s)", "a new process, warm cache", times, 3.0, 1.0)]


if __name__ == "__main__":
    main()
