"""A trained model as a function: a batch of images in, their objects out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from detectron2.config import CfgNode
from detectron2.data import MetadataCatalog
from detectron2.data.transforms import ResizeShortestEdge
from detectron2.modeling import build_model
from detectron2.modeling.postprocessing import detector_postprocess
from detectron2.structures import Instances
from torch import Tensor, nn

from balloon_splash.config import load_config
from balloon_splash.engine.checkpoint import Fit, SafeCheckpointer
from balloon_splash.errors import ConfigError, WeightsError
from balloon_splash.inference.model_choice import choose_model
from balloon_splash.splash.detections import Detections

Image = npt.NDArray[np.uint8]

PRECISIONS = ("fp32", "bf16")


class Segmenter:
    """Finds objects in batches of images with a Mask R-CNN, ours or one of Detectron2's zoo.

    Attributes:
        class_names: the names of the classes that the model knows.
    """

    def __init__(
        self,
        model: nn.Module,
        cfg: CfgNode,
        class_names: Sequence[str],
        *,
        confidence: float = 0.9,
        precision: str = "fp32",
    ) -> None:
        """Wrap a model with its weights loaded; see :meth:`from_config` for the usual way.

        Args:
            model: a ``GeneralizedRCNN``, or a subclass of it, with a mask head.
            cfg: what it was built from; gives the resizing and the order of the channels.
            class_names: a name for each of its classes.
            confidence: objects with a lower score are left out.
            precision: ``fp32`` or ``bf16``.

        Raises:
            ConfigError: there is no such precision.
        """
        if precision not in PRECISIONS:
            raise ConfigError(f"precision {precision!r}; expected {' or '.join(PRECISIONS)}")
        self.model: Any = model.eval()
        self.class_names = tuple(class_names)
        self.confidence = confidence
        self._bf16 = precision == "bf16"
        self._resize = ResizeShortestEdge([cfg.INPUT.MIN_SIZE_TEST] * 2, cfg.INPUT.MAX_SIZE_TEST)
        self._bgr = cfg.INPUT.FORMAT == "BGR"

    @classmethod
    def from_config(
        cls,
        config_file: str | None = None,
        weights: str | None = None,
        *,
        device: str | None = None,
        confidence: float = 0.9,
        precision: str = "fp32",
        opts: Sequence[str] = (),
    ) -> Segmenter:
        """Build a model and load its weights.

        Args:
            config_file: see :func:`balloon_splash.config.config_path`.
            weights: a path, a URL, or ``coco``. One of the two is enough: see
                :func:`balloon_splash.inference.model_choice.choose_model`.
            device: a torch device; by default a GPU if there is one.
            confidence: objects with a lower score are left out, before their masks are computed.
            precision: ``fp32``, or ``bf16``: faster where the device computes in bfloat16, scores differ a little.
            opts: ``KEY VALUE`` overrides of the configuration.

        Raises:
            ConfigError: the configuration is wrong, or its model has no masks.
            WeightsError: the weights are missing, unsafe, or do not fit; or nobody knows the names of the classes.
        """
        config_file, weights = choose_model(config_file, weights)
        cfg = load_config(config_file, opts, device=device, weights=weights)
        if not cfg.MODEL.MASK_ON:
            raise ConfigError(f"{config_file}: the model has no mask head; expected MODEL.MASK_ON: True")
        if not cfg.MODEL.WEIGHTS:
            raise WeightsError(f"{config_file}: names no weights; expected MODEL.WEIGHTS, or weights given beside it")
        cfg.MODEL.BALLOON.CONFIDENCE_FLOOR = confidence
        model = build_model(cfg)
        extras = SafeCheckpointer(model, fit=Fit.EXACT).load(cfg.MODEL.WEIGHTS)
        return cls(model, cfg, _class_names(cfg, extras), confidence=confidence, precision=precision)

    def __call__(self, images: Sequence[Image]) -> list[Instances]:
        """Find the objects in a batch of ``(H, W, 3)`` RGB images, as Detectron2's own predictor gives them.

        Returns:
            An ``Instances`` each, on the CPU, in pixels of the image, best score first: ``pred_boxes``, ``scores``,
            ``pred_classes``, ``pred_masks`` ``(N, H, W)`` bool and ``soft_masks`` ``(N, M, M)`` float.
        """
        return [
            detector_postprocess(found, *image.shape[:2]).to("cpu")
            for found, image in zip(self._infer(images), images, strict=True)
        ]

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """As calling the object, but without pasting each mask at full size: all that a splash needs."""
        return [
            self._detections(found, image.shape[:2]) for found, image in zip(self._infer(images), images, strict=True)
        ]

    @torch.no_grad()  # not inference_mode: its tensors would refuse Boxes.scale and others that work in place
    def _infer(self, images: Sequence[Image]) -> list[Instances]:
        """Confident objects in pixels of the resized images, masks as ``pred_masks`` ``(N, 1, M, M)``."""
        with torch.autocast(self.model.device.type, dtype=torch.bfloat16, enabled=self._bf16):
            found = self.model.inference([self._prepare(image) for image in images], do_postprocess=False)
        kept = []
        for per_image in found:
            if not per_image.has("soft_masks"):
                per_image.soft_masks = per_image.pred_masks[:, 0]
            for name in ("scores", "pred_masks", "soft_masks"):
                per_image.set(name, per_image.get(name).float())
            confident = per_image[per_image.scores >= self.confidence]
            kept.append(confident[confident.scores.argsort(descending=True)])
        return kept

    def _prepare(self, image: Image) -> dict[str, Any]:
        channels = image[:, :, ::-1] if self._bgr else image
        transform = self._resize.get_transform(channels)
        # Of a photo 1 pixel high and thousands wide, scaled down, nothing would be left.
        transform.new_h, transform.new_w = max(transform.new_h, 1), max(transform.new_w, 1)
        resized = transform.apply_image(channels)
        return {"image": torch.as_tensor(np.ascontiguousarray(resized.transpose(2, 0, 1)), dtype=torch.float32)}

    def _detections(self, found: Instances, size: tuple[int, int]) -> Detections:
        found.remove("pred_masks")
        scaled = detector_postprocess(found, *size)
        return Detections(
            size=size,
            boxes=_numpy(scaled.pred_boxes.tensor, np.float32),
            scores=_numpy(scaled.scores, np.float32),
            classes=_numpy(scaled.pred_classes, np.int64),
            soft_masks=_numpy(scaled.soft_masks, np.float32),
            class_names=self.class_names,
        )


def _numpy(tensor: Tensor, dtype: type) -> npt.NDArray[Any]:
    return tensor.cpu().numpy().astype(dtype, copy=False)


def _class_names(cfg: CfgNode, extras: dict[str, Any]) -> list[str]:
    """The names in the checkpoint, or those of the dataset that the configuration tests on."""
    names = extras.get("class_names")
    if names is None:
        metadata = MetadataCatalog.get(cfg.DATASETS.TEST[0]) if cfg.DATASETS.TEST else None
        names = metadata.get("thing_classes") if metadata else None
    number = cfg.MODEL.ROI_HEADS.NUM_CLASSES
    if names is None or len(names) != number:
        found = "none" if names is None else str(len(names))
        raise WeightsError(
            f"{cfg.MODEL.WEIGHTS}: {found} class names known for {number} classes; expected them in the checkpoint, "
            "or a configuration whose DATASETS.TEST names the dataset that the model was trained for"
        )
    return list(names)
