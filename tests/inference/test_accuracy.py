"""Average precision of a trained model on the real photos: what a faster computation costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from detectron2.data import DatasetCatalog

from balloon_splash.engine.evaluation import AveragePrecision
from balloon_splash.inference.choice import has_bf16
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
def test_ap_stays(shared_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nncf")
    if not WEIGHTS.is_file():
        pytest.skip(f"no trained model at {WEIGHTS}")
    monkeypatch.setenv("DETECTRON2_DATASETS", str(shared_dir / "data"))
    options: dict[str, Any] = {"weights": str(WEIGHTS), "device": "cpu", "confidence": 0.0}
    exact = mask_ap(Segmenter.from_config(**options), tmp_path)
    assert exact > 40
    for precision, loss in LOSS.items():
        if precision == "bf16" and not has_bf16("cpu"):
            continue
        fast = Segmenter.from_config(**options, backend="openvino", precision=precision)
        assert mask_ap(fast, tmp_path) >= exact - loss, precision
