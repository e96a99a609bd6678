"""Average precision of a trained model on the real photos: what a faster computation costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from detectron2.data import DatasetCatalog

from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.devices import has_bf16
from balloon_splash.engine.evaluation import AveragePrecision
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.reading import read_picture

WEIGHTS = Path(__file__).parents[2] / "output" / "balloon_R50_FPN" / "model_best.pth"

#: Points of mask AP that may be lost.
LOSS = {"fp32": 0.1, "bf16": 0.4, "int8": 0.5}


def mask_ap(segmenter: Segmenter, folder: Path) -> float:
    evaluator = AveragePrecision("balloon_val", folder)
    evaluator.reset()
    for entry in DatasetCatalog.get("balloon_val"):
        (found,) = segmenter([read_picture(entry["file_name"]).rgb8])
        evaluator.process([entry], [{"instances": found}])
    return float(evaluator.evaluate()["segm"]["AP"])


@pytest.mark.slow
def test_ap_stays(shared_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("nncf")
    if not WEIGHTS.is_file():
        pytest.skip(f"no trained model at {WEIGHTS}")
    register_balloon(shared_dir / "data" / "balloon")
    options: dict[str, Any] = {"weights": str(WEIGHTS), "device": "cpu", "confidence": 0.0}
    exact = mask_ap(Segmenter.from_config(**options), tmp_path)
    assert exact > 40
    found = {}
    for precision in LOSS:
        if precision == "bf16" and not has_bf16("cpu"):
            continue
        found[precision] = mask_ap(Segmenter.from_config(**options, backend="openvino", precision=precision), tmp_path)
    print(f"mask AP: exact {exact:.2f}", *(f"{precision} {ap:.2f}" for precision, ap in found.items()))
    for precision, ap in found.items():
        assert ap >= exact - LOSS[precision], f"{precision}: {ap:.2f}, exact: {exact:.2f}"
