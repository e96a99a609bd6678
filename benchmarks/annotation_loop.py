"""Gain of the loop "annotate 10, train, let the model draw 40, correct, train" on the balloon photos.

    python -m benchmarks.annotation_loop --balloon datasets/balloon --weights R-18.pth

A ResNet-18 of small pictures, so that it ends within minutes. Round 1 learns from 10 photos. Its model draws 40 further
ones by ``tools/splash.py --save-annotations``; the outlines are compared with those that people drew, which then take
their place, as if they had been corrected. Round 2 continues with all 50 photos. As many steps with the first 10 alone
show how much of the gain is due to the photos.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FIRST, FURTHER = 10, 40
VIA_FILE = "via_region_data.json"
SMALL = [
    "MODEL.FPN.OUT_CHANNELS", "64", "MODEL.ROI_BOX_HEAD.FC_DIM", "128", "MODEL.ROI_MASK_HEAD.CONV_DIM", "64",
    "INPUT.MIN_SIZE_TRAIN", "(160,192,224)", "INPUT.MAX_SIZE_TRAIN", "320", "INPUT.MIN_SIZE_TEST", "224",
    "INPUT.MAX_SIZE_TEST", "320", "DATALOADER.NUM_WORKERS", "0", "DATALOADER.CACHE_MEGABYTES", "512",
    "INPUT.PRESCALE_SHORT_EDGE", "320", "SOLVER.LR_SCHEDULER_NAME", "WarmupCosineLR", "SOLVER.AMP.ENABLED", "False",
    "TEST.EVAL_PERIOD", "0", "TEST.NUM_PICTURES", "0", "SOLVER.CHECKPOINT_PERIOD", "100000",
]  # fmt: skip
#: Mask IoU from which an outline is left as it is, and from which it is moved instead of drawn anew.
GOOD, USABLE = 0.8, 0.5


def main() -> None:
    """Run the rounds and print what each gives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--balloon", type=Path, required=True, help="the balloon dataset")
    parser.add_argument("--weights", required=True, help="of a ResNet-18, trained on ImageNet")
    parser.add_argument("--iterations", type=int, nargs=2, default=(100, 150), help="of the two rounds (%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run(args.balloon, args.weights, Path(name), *args.iterations)


def run(balloon: Path, weights: str, output: Path, first: int, second: int) -> None:
    """The rounds, with files in ``output``."""
    import balloon_splash  # noqa: F401  (registers)
    from balloon_splash.data.datasets.catalog import register_via_instances

    entries = json.loads((balloon / "train" / VIA_FILE).read_text())
    names = sorted(entry["filename"] for entry in entries.values() if entry["regions"])
    chosen = [names[number] for number in np.random.default_rng(0).permutation(len(names))]
    for label, photos in (("first", chosen[:FIRST]), ("all", chosen[: FIRST + FURTHER])):
        kept = {key: entry for key, entry in entries.items() if entry["filename"] in photos}
        (output / f"{label}.json").write_text(json.dumps(kept))
        register_via_instances(f"loop_{label}", output / f"{label}.json", balloon / "train")
    register_via_instances("loop_val", balloon / "val" / VIA_FILE, balloon / "val")
    one = train("round 1, 10 photos", "loop_first", weights, first, output)
    draw(one, [balloon / "train" / name for name in chosen[FIRST : FIRST + FURTHER]], output)
    train("round 2, 50 photos", "loop_all", str(one), second, output)
    train("round 2 without the 40 photos", "loop_first", str(one), second, output)


def train(title: str, dataset: str, weights: str, iterations: int, output: Path) -> Path:
    """One round, from ``weights``; prints AP and minutes."""
    from balloon_splash.config import load_config
    from balloon_splash.demo import train_once

    began = time.monotonic()
    folder = output / title.replace(" ", "_")
    steps = ["SOLVER.MAX_ITER", str(iterations), "MODEL.WEIGHTS", weights, "OUTPUT_DIR", str(folder)]
    sets = ["DATASETS.TRAIN", f"('{dataset}',)", "DATASETS.TEST", "('loop_val',)"]
    trained = train_once(load_config("balloon_R18_FPN.yaml", [*SMALL, *steps, *sets]), "balloon_R18_FPN.yaml", dataset)
    results = json.loads((folder / "results.json").read_text())
    scores = ", ".join(f"{task} AP {values['AP']:.1f} AP50 {values['AP50']:.1f}" for task, values in results.items())
    print(f"{title}: {iterations} x 4, {(time.monotonic() - began) / 60:.1f} minutes: {scores}", flush=True)
    return trained


def draw(weights: Path, photos: list[Path], output: Path) -> None:
    """Let the model draw, and print how much of what people drew it has."""
    from detectron2.data import DatasetCatalog

    from balloon_splash.cli import splash
    from balloon_splash.data.annotations.instances import load_via_instances

    target = output / "drawn.json"
    options = ["--output", f"{output / 'splashed'}/", "--weights", str(weights), "--confidence", "0.5", "--quiet"]
    code = splash.main(["--input", *map(str, photos), *options, "--save-annotations", str(target)])
    if code:
        sys.exit(code)
    drawn, _ = load_via_instances(target, photos[0].parent, keep_empty=True)
    found = {Path(each["file_name"]).name: each for each in drawn}
    truths = {Path(each["file_name"]).name: each for each in DatasetCatalog.get("loop_all")}
    best: list[float] = []
    extra = 0
    for photo in photos:
        ious = overlaps(found.get(photo.name), truths[photo.name])
        best += ious.max(axis=0, initial=0.0).tolist()
        extra += int((ious.max(axis=1, initial=0.0) < USABLE).sum())
    counts = np.array(best)
    print(
        f"drawn by its model: of {len(counts)} balloons in {len(photos)} photos, {(counts >= GOOD).sum()} have a mask "
        f"IoU of {GOOD} and more, {((counts >= USABLE) & (counts < GOOD)).sum()} of {USABLE} to {GOOD}, "
        f"{(counts < USABLE).sum()} missed; {extra} outlines to delete",
        flush=True,
    )


def overlaps(found: dict[str, Any] | None, truth: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Mask IoU ``(found, true)``."""
    import pycocotools.mask as coco_mask

    def masks(photo: dict[str, Any] | None) -> list[Any]:
        size = truth["height"], truth["width"]
        objects = photo["annotations"] if photo else []
        return [coco_mask.merge(coco_mask.frPyObjects(each["segmentation"], *size)) for each in objects]

    ours, theirs = masks(found), masks(truth)
    if not ours:
        return np.zeros((0, len(theirs)))
    return np.asarray(coco_mask.iou(ours, theirs, [0] * len(theirs)))


if __name__ == "__main__":
    main()
