"""Folders in the layout of the 2018 Data Science Bowl become a dataset, mask by mask, to the pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_mask
import pytest
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, DatasetMapper, MetadataCatalog
from PIL import Image

from balloon_splash.data.annotations.dataset_dicts import INCOMPLETE
from balloon_splash.data.annotations.png_masks import load_png_masks
from balloon_splash.data.datasets.catalog import register_png_masks
from balloon_splash.errors import AnnotationError, DatasetError

SHAPE = (40, 60)


def mask(y0: int, y1: int, x0: int, x1: int) -> npt.NDArray[np.uint8]:
    drawn = np.zeros(SHAPE, dtype=np.uint8)
    drawn[y0:y1, x0:x1] = 255
    return drawn


@pytest.fixture
def nuclei(tmp_path: Path) -> Path:
    """Two images: one RGBA with two masks, one of which has a hole; one grey without any."""
    root = tmp_path / "nuclei"
    for image_id, mode in (("00ae65", "RGBA"), ("f113bd", "L")):
        (root / image_id / "images").mkdir(parents=True)
        (root / image_id / "masks").mkdir()
        Image.new(mode, SHAPE[::-1], 90).save(root / image_id / "images" / f"{image_id}.png")
    ring = mask(5, 15, 10, 30)
    ring[8:10, 15:20] = 0
    for name, drawn in (("07a9bf", ring), ("e1ff23", mask(20, 40, 50, 60)), ("empty", mask(0, 0, 0, 0))):
        Image.fromarray(drawn).save(root / "00ae65" / "masks" / f"{name}.png")
    (root / "stage1_train.csv").write_text("ImageId,EncodedPixels\n")  # lies there, too
    return root


def test_masks_are_kept_to_the_pixel(nuclei, caplog):
    first, second = load_png_masks(nuclei)
    assert (Path(first["file_name"]).stem, first["width"], first["height"]) == ("00ae65", 60, 40)
    assert [obj["bbox"] for obj in first["annotations"]] == [[10, 5, 30, 15], [50, 20, 60, 40]]
    ring = coco_mask.decode(first["annotations"][0]["segmentation"])
    assert ring.sum() == 200 - 10
    assert not ring[8:10, 15:20].any()
    assert second["annotations"] == []
    assert "empty.png" in caplog.text
    assert "zero area" in caplog.text
    assert first[INCOMPLETE]


def indexed(*colours: int) -> Image.Image:
    """A palette image whose index 1 is the object."""
    image = Image.fromarray((mask(10, 30, 20, 40) > 0).astype(np.uint8)).convert("P")
    image.putpalette(list(colours))
    return image


def coloured(*colour: int) -> Image.Image:
    return Image.fromarray((mask(10, 30, 20, 40)[..., None] > 0) * np.array(colour, np.uint8))


@pytest.mark.parametrize(
    "drawn",
    [
        Image.fromarray((mask(10, 30, 20, 40) > 0).astype(np.uint8)),
        Image.fromarray(mask(10, 30, 20, 40) > 0),
        Image.fromarray((mask(10, 30, 20, 40) > 0).astype(np.uint16)),
        coloured(1, 0, 0),  # object 1 in COCO's panoptic coding
        coloured(0, 0, 4),
        coloured(0, 0, 9, 255),
        indexed(0, 0, 0, 0, 0, 4),
        indexed(255, 255, 255, 0, 0, 0),
    ],
    ids=["grey 1", "bits", "16 bits", "red 1", "blue 4", "alpha", "dark palette", "palette of black on white"],
)
def test_the_object_is_where_the_mask_is_not_zero_however_dark(nuclei, drawn):
    for path in (nuclei / "00ae65" / "masks").iterdir():
        path.unlink()
    drawn.save(nuclei / "00ae65" / "masks" / "dark.png")
    (found,) = load_png_masks(nuclei)[0]["annotations"]
    assert coco_mask.decode(found["segmentation"]).sum() == 400
    assert found["bbox"] == [20, 10, 40, 30]


def test_detectron2_trains_on_it(nuclei, tiny_cfg: CfgNode):
    register_png_masks("nuclei", nuclei, class_name="nucleus")
    tiny_cfg.INPUT.MASK_FORMAT = "bitmask"
    mapped = DatasetMapper(tiny_cfg, is_train=True)(DatasetCatalog.get("nuclei")[0])
    assert len(mapped["instances"]) == 2
    assert MetadataCatalog.get("nuclei").thing_classes == ["nucleus"]


def test_what_is_wrong_is_told_with_its_file(nuclei, tmp_path):
    (nuclei / "00ae65" / "masks" / "empty.png").unlink()
    with pytest.raises(DatasetError, match="no such folder"):
        load_png_masks(tmp_path / "gone")
    with pytest.raises(DatasetError, match="no image found"):
        load_png_masks(tmp_path)
    wrong = nuclei / "f113bd" / "masks" / "small.png"
    Image.new("L", (10, 10), 255).save(wrong)
    with pytest.raises(AnnotationError, match=r"small\.png: 10 x 10 pixels; expected the image's 60 x 40"):
        load_png_masks(nuclei, strict=True)
    wrong.write_bytes(b"no picture")
    with pytest.raises(AnnotationError, match=r"small\.png: cannot be read"):
        load_png_masks(nuclei, strict=True)
    Image.new("L", SHAPE[::-1]).save(nuclei / "f113bd" / "images" / "second.png")
    wrong.unlink()
    with pytest.raises(AnnotationError, match="2 PNG files found, expected one"):
        load_png_masks(nuclei, strict=True)
