"""Fixtures that all tests share: small models, small pictures, and a machine that is left as it was."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import Boxes, Instances, PolygonMasks
from hypothesis import HealthCheck, settings

from balloon_splash.config import load_config

#: Random weights, small pictures, every detection kept: what happens in a second on one core.
TINY = [
    "MODEL.WEIGHTS", "", "MODEL.DEVICE", "cpu", "MODEL.BACKBONE.FREEZE_AT", "0", "MODEL.FPN.OUT_CHANNELS", "32",
    "MODEL.ROI_BOX_HEAD.FC_DIM", "32", "MODEL.ROI_MASK_HEAD.CONV_DIM", "16", "MODEL.ROI_MASK_HEAD.NUM_CONV", "1",
    "MODEL.RESNETS.NORM", "BN",
    "MODEL.RPN.POST_NMS_TOPK_TRAIN", "50", "MODEL.RPN.POST_NMS_TOPK_TEST", "30",
    "MODEL.ROI_HEADS.SCORE_THRESH_TEST", "0.0", "TEST.DETECTIONS_PER_IMAGE", "10",
    "INPUT.MIN_SIZE_TRAIN", "(96,)", "INPUT.MAX_SIZE_TRAIN", "128", "INPUT.MIN_SIZE_TEST", "96",
    "INPUT.MAX_SIZE_TEST", "128", "SOLVER.IMS_PER_BATCH", "2", "SOLVER.AMP.ENABLED", "False",
    "DATALOADER.NUM_WORKERS", "0",
]  # fmt: skip


# A busy machine is no fault of the code: what is slow is not judged by the clock.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="session")
def _one_thread_each() -> None:
    """Hold torch to one thread: test processes run side by side, and more threads than cores would slow all of them."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """Processes that tests interrupt inherit what this one does; where a shell put it aside, it ignores Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _catalogs_as_before() -> Iterator[None]:
    datasets, metadata = dict(DatasetCatalog.data), dict(MetadataCatalog.data)
    yield
    DatasetCatalog.data, MetadataCatalog.data = datasets, metadata


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLOON_SPLASH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with the real photos and weights; tests that want it are skipped where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("BALLOON_SPLASH_SHARED", default))
    if not (folder / "data" / "balloon").is_dir():
        pytest.skip(f"no real photos at {folder}; set BALLOON_SPLASH_SHARED to the folder that holds data/balloon")
    return folder


@pytest.fixture
def tiny_cfg() -> CfgNode:
    """A very small ResNet-18-FPN Mask R-CNN of ours."""
    return load_config("balloon_R18_FPN.yaml", TINY)


def stock(cfg: CfgNode) -> CfgNode:
    """The same configuration with Detectron2's own classes."""
    plain = cfg.clone()
    plain.MODEL.META_ARCHITECTURE = "GeneralizedRCNN"
    plain.MODEL.PROPOSAL_GENERATOR.NAME = "RPN"
    plain.MODEL.ROI_HEADS.NAME = "StandardROIHeads"
    return plain


def example_batch(*, num_classes: int = 1, size: tuple[int, int] = (96, 128)) -> list[dict[str, object]]:
    """Two images with two objects each, as a dataset mapper gives them."""
    generator = torch.Generator().manual_seed(1)
    batch: list[dict[str, object]] = []
    for _ in range(2):
        instances = Instances(size)
        boxes = torch.tensor([[10.0, 10.0, 60.0, 70.0], [50.0, 30.0, 110.0, 90.0]])
        instances.gt_boxes = Boxes(boxes)
        instances.gt_classes = torch.arange(2) % num_classes
        instances.gt_masks = PolygonMasks(
            [[np.array([x0, y0, x1, y0, x1, y1, x0, y1], dtype=np.float64)] for x0, y0, x1, y1 in boxes.tolist()]
        )
        image = torch.randint(0, 255, (3, *size), generator=generator).float()
        batch.append({"image": image, "height": size[0] * 2, "width": size[1] * 2, "instances": instances})
    return batch


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none."""
    if not torch.cuda.is_available():
        for item in items:
            if "gpu" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="no CUDA device"))
