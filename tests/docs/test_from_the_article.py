"""A page that maps an article to code is worth as much as its names are right."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from detectron2.config import CfgNode

from balloon_splash.config import load_config
from balloon_splash.inspect.model import stages

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "from_the_article.md").read_text(encoding="utf-8")

LINKS = re.findall(r"\[`([^`]+)`\]\(([^)]+)\)", PAGE)
CODE = re.findall(r"`([^`\n]+)`", PAGE)
KEYS = sorted({name for name in CODE if re.fullmatch(r"[A-Z][A-Z0-9_]*(\.[A-Z0-9_]+)*", name) and name != "KEY"})
DETECTRON2 = sorted({name for name in CODE if name.startswith("detectron2.")})
FIGURES = sorted({name for line in re.findall(r"Shown in \| (.+) \|", PAGE) for name in re.findall(r"`([^`]+)`", line)})

SECTIONS = [
    "Backbone", "Feature pyramid network", "Region proposal network, and its two outputs",
    "Proposals and non-maximum suppression", "ROI classifier and box refinement", "ROI pooling and ROIAlign",
    "Mask branch", "Dataset class", "Verifying the data", "Configuration", "Training from COCO weights", "Resuming",
    "Inspecting the model", "Colour splash",
]  # fmt: skip


@pytest.fixture(scope="module")
def cfg() -> CfgNode:
    return load_config("balloon_R101_FPN.yaml")


def test_every_section_of_the_article_is_there() -> None:
    assert [title for title in re.findall(r"^##+ (.+)$", PAGE, re.MULTILINE) if title in SECTIONS] == SECTIONS


@pytest.mark.parametrize(("name", "target"), LINKS)
def test_linked_names_are_defined_in_the_file(name: str, target: str) -> None:
    path = ROOT / "docs" / target
    assert path.is_file()
    if "/" in name:
        assert ROOT / name == path.resolve()
    else:
        assert re.search(rf"^(class|def) {name}\b", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("key", KEYS)
def test_configuration_keys_exist(key: str, cfg: CfgNode) -> None:
    node = cfg
    for part in key.split("."):
        assert part in node
        node = node[part]


@pytest.mark.parametrize("name", DETECTRON2)
def test_detectron2_has_what_is_named(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("name", FIGURES)
def test_the_report_has_the_figure(name: str) -> None:
    assert f'"{name}",' in Path(stages.__file__).read_text(encoding="utf-8")


def test_numbers_that_the_page_gives_are_those_of_the_configuration(cfg: CfgNode) -> None:
    assert "600 steps of 4 photos at 0.005" in PAGE
    assert (cfg.SOLVER.MAX_ITER, cfg.SOLVER.IMS_PER_BATCH, cfg.SOLVER.BASE_LR) == (600, 4, 0.005)
    assert (cfg.MODEL.RPN.PRE_NMS_TOPK_TRAIN, cfg.MODEL.RPN.PRE_NMS_TOPK_TEST) == (2000, 1000)
    assert cfg.MODEL.RPN.POST_NMS_TOPK_TRAIN == cfg.MODEL.RPN.POST_NMS_TOPK_TEST == 1000
    assert (cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST, cfg.MODEL.ROI_HEADS.NMS_THRESH_TEST) == (0.05, 0.5)
    assert cfg.MODEL.BACKBONE.FREEZE_AT == 2
    assert cfg.MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION * 2 == 28
