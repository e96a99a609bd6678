"""Further training of a model in matterport's layout: as it was trained before, against the recipe here.

    python -m benchmarks further_training --weights R-50.pth

The old model is made first: matterport's layers on a ResNet-50, with a quarter of the channels behind it, trained on
rendered balloons as ``balloon.py`` trains (``mrcnn/config.py``, ``samples/balloon/balloon.py``): the layers behind the
ResNet only, a constant learning rate, pictures of one size, no flips. Both sides then train its weights for as many
iterations of as many pictures: "as before" with these settings, "ours" with those that tools/convert_matterport.py
writes beside the weights. Pictures of validation give AP in percent; one run per side and seed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from tabulate import tabulate

from balloon_splash.config import load_config
from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from balloon_splash.engine.run import train
from balloon_splash.weights.resolve import use_weights
from benchmarks._measure import machine

CONFIG = "matterport_R50_FPN.yaml"
SIDE = 128
NUM_TRAIN, NUM_VAL = 48, 20
SMALL = [
    "INPUT.MIN_SIZE_TEST", str(SIDE), "INPUT.MAX_SIZE_TEST", str(SIDE), "INPUT.MAX_SIZE_TRAIN", "192",
    "MODEL.ANCHOR_GENERATOR.SIZES", "[[8], [16], [32], [64], [96]]", "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE", "32",
    "MODEL.FPN.OUT_CHANNELS", "64", "MODEL.ROI_BOX_HEAD.FC_DIM", "256", "MODEL.ROI_MASK_HEAD.CONV_DIM", "64",
    "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.05", "TEST.DETECTIONS_PER_IMAGE", "20",
    "MODEL.RPN.PRE_NMS_TOPK_TEST", "600", "MODEL.RPN.POST_NMS_TOPK_TEST", "100", "SOLVER.IMS_PER_BATCH", "2",
    "SOLVER.AMP.ENABLED", "False",
    "TEST.EVAL_PERIOD", "0", "SOLVER.CHECKPOINT_PERIOD", "100000", "DATALOADER.NUM_WORKERS", "0",
]  # fmt: skip
#: The settings of ``balloon.py`` that differ from the configuration here.
AS_BEFORE = [
    "MODEL.BACKBONE.FREEZE_AT", "5", "SOLVER.BASE_LR", "0.001", "SOLVER.STEPS", "()", "SOLVER.WARMUP_ITERS", "0",
    "INPUT.MIN_SIZE_TRAIN", f"({SIDE},)", "INPUT.RANDOM_FLIP", "none",
]  # fmt: skip
#: A tenfold learning rate, so that the old model is worth going on from after few iterations.
SOONER = ["SOLVER.BASE_LR", "0.01", "SOLVER.WARMUP_ITERS", "50"]


def main() -> None:
    """Train, evaluate and print."""
    args = _arguments()
    torch.set_num_threads(args.threads or torch.get_num_threads())
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rendered = write_synthetic_balloons(
            folder / "rendered", num_train=NUM_TRAIN, num_val=NUM_VAL, size=(SIDE, SIDE), progress=False
        )
        register_balloon(rendered)
        steps = str((args.iterations * 2 // 3, args.iterations * 9 // 10))
        sizes = str(tuple(SIDE * part // 10 for part in (8, 9, 10, 11, 12)))
        ours = ["INPUT.MIN_SIZE_TRAIN", sizes, "SOLVER.STEPS", steps, "SOLVER.WARMUP_ITERS", str(args.iterations // 6)]
        rows = [_run("old", args.weights, args.before, [*AS_BEFORE, *SOONER], folder, args.opts)]
        old = str(folder / "old" / "model_final.pth")
        for side, opts in {"as before": AS_BEFORE, "ours": [*ours, *args.ours]}.items():
            rows.append(_run(side, old, args.iterations, opts, folder, args.opts))
    print(tabulate(rows, ["", "iterations", "AP boxes", "AP masks", "AP50 masks", "seconds"], floatfmt=".1f"))


def _run(side: str, weights: str, iterations: int, opts: list[str], folder: Path, more: list[str]) -> list[object]:
    """Train from ``weights``; the side's row of the table."""
    began = time.process_time()
    output = folder / side.replace(" ", "_")
    cfg = load_config(
        CONFIG, [*SMALL, *opts, "SOLVER.MAX_ITER", str(iterations), "OUTPUT_DIR", str(output), *more], device="cpu"
    )
    use_weights(cfg, weights)
    output.mkdir()
    found = train(cfg)
    boxes, masks = found["bbox"], found["segm"]
    return [side, iterations, boxes["AP"], masks["AP"], masks["AP50"], time.process_time() - began]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True, metavar="FILE", help="a ResNet-50 to start the old model from")
    parser.add_argument(
        "--before", type=int, default=150, metavar="N", help="iterations of the old model (%(default)s)"
    )
    parser.add_argument("--iterations", type=int, default=80, metavar="N", help="of each side (%(default)s)")
    parser.add_argument("--threads", type=int, metavar="N", help="of torch (one per core)")
    parser.add_argument("--ours", nargs="+", default=[], metavar="KEY VALUE", help="overrides of ours (none)")
    parser.add_argument("--opts", nargs="+", default=[], metavar="KEY VALUE", help="overrides of all (none)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
