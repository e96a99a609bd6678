"""A run folder with random weights, and pictures for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model

from balloon_splash.data.render import render_scene
from balloon_splash.weights.checkpoint import SafeCheckpointer


@pytest.fixture(scope="module")
def images() -> list[npt.NDArray[np.uint8]]:
    return [render_scene(seed, (160, 120)).image for seed in (0, 20)]


@pytest.fixture
def run(tiny_cfg: CfgNode, tmp_path: Path) -> Path:
    """A run folder as a training leaves it, with random weights."""
    torch.manual_seed(0)
    checkpointer = SafeCheckpointer(build_model(tiny_cfg), str(tmp_path), class_names=["balloon"])
    checkpointer.save("model_final")
    (tmp_path / "config.yaml").write_text(tiny_cfg.dump())
    return tmp_path
