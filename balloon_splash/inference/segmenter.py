"""Trained model as a function: a batch of images in, their objects out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from detectron2.config import CfgNode
from detectron2.data.transforms import Augmentation
from detectron2.modeling.postprocessing import detector_postprocess
from detectron2.structures import Instances
from torch import Tensor, nn

from balloon_splash.compositing import DEFAULT_CONFIDENCE
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.overlap import joined, once, with_large
from balloon_splash.data.resizing import evaluation_resize, overview_size
from balloon_splash.errors import ConfigError
from balloon_splash.inference.backends import EXACT, Choice, choose_backend
from balloon_splash.inference.box_prompts import segment_boxes
from balloon_splash.inference.fast.accelerate import accelerate
from balloon_splash.inference.fast.calibration import Calibration
from balloon_splash.inference.fast.resizing import resize as resized_fast
from balloon_splash.inference.fast.threads import SideBySide
from balloon_splash.inference.loading import load_chosen
from balloon_splash.media.reading import read_picture
from balloon_splash.modeling.checks import watch_predictions
from balloon_splash.modeling.confident import best_first, confident, left_out
from balloon_splash.weights.resolve import choose_model

Image = npt.NDArray[np.uint8]
Result = TypeVar("Result")


class Segmenter:
    """Finder that runs a Mask R-CNN (He et al. 2017), ours or one of Detectron2's zoo, on batches of images.

    Attributes:
        class_names: the names of the classes that the model knows.
        choice: its back end and precision.
        confidence: objects with a lower score are left out.
    """

    def __init__(
        self,
        model: nn.Module,
        cfg: CfgNode,
        class_names: Sequence[str],
        *,
        confidence: float = DEFAULT_CONFIDENCE,
        choice: Choice = EXACT,
        calibration: Sequence[str | Path] = (),
        scales: Sequence[int] = (),
    ) -> None:
        """Wrap a model as :func:`~balloon_splash.inference.loading.load_model` gives it.

        Args:
            model: a ``GeneralizedRCNN``, or a subclass of it, with a mask head; becomes the segmenter's own, which
                sets its confidence floor, and changes its layers unless ``choice`` is exact.
            cfg: the configuration that it was built from; sets the resizing and the order of the channels.
            class_names: one name per class.
            confidence: objects with a lower score are left out, before their masks are computed; where
                ``MODEL.BALLOON.CONFIDENCE_FLOOR`` is larger, that one counts.
            choice: back end and precision.
            calibration: photos for int8.
            scales: short edges in pixels at which :meth:`detect` shows each image to the model; an object found at
                several counts once. Empty stands for ``INPUT.MIN_SIZE_TEST``, and an overview if
                ``MODEL.BALLOON.OVERVIEW_SIZE`` asks for it.

        Raises:
            ConfigError: the model has no masks, or does not support ``choice``; or ``MODEL.BALLOON.OVERVIEW_SIZE`` is
                out of range.
        """
        _check_masks(cfg)
        self.model: Any = model.eval()
        self.class_names = tuple(class_names)
        self.confidence = max(confidence, cfg.MODEL.BALLOON.CONFIDENCE_FLOOR)
        roi_heads: Any = model.roi_heads
        roi_heads.confidence_floor = self.confidence  # Detectron2's own heads ignore it
        self.choice = choice
        self._resize = evaluation_resize(cfg)
        self._own_resize = choice.exact or cfg.INPUT.RESIZE_MODE != "shortest_edge"
        self._input_sizes = {"short_edge": cfg.INPUT.MIN_SIZE_TEST, "longest_edge": cfg.INPUT.MAX_SIZE_TEST}
        self._postprocess = getattr(model, "postprocess", detector_postprocess)
        self._scales = [_at_scale(cfg, short_edge) for short_edge in scales] or [self._resize]
        overview = 0 if scales else overview_size(cfg)
        self._overview = _at_scale(cfg, overview) if overview else None
        self._overview_objects = cfg.MODEL.BALLOON.OVERVIEW_OBJECTS
        self._bgr = cfg.INPUT.FORMAT == "BGR"
        self._side_by_side: SideBySide | None = None
        if not choice.exact:
            accelerate(model, cfg, choice, Calibration.from_config(cfg, calibration, self._network_input))
            if torch.device(cfg.MODEL.DEVICE).type == "cpu":
                self._side_by_side = SideBySide()
        watch_predictions(self.model)

    @classmethod
    def from_config(
        cls,
        config_file: str | None = None,
        weights: str | None = None,
        *,
        device: str | None = None,
        confidence: float = DEFAULT_CONFIDENCE,
        backend: str = "torch",
        precision: str = "fp32",
        calibration: Sequence[str | Path] = (),
        scales: Sequence[int] = (),
        opts: Sequence[str] = (),
    ) -> Segmenter:
        """Build a model and load its weights.

        Args:
            config_file: see :func:`balloon_splash.config.config_path`.
            weights: a path, a URL, or a name; see :func:`balloon_splash.weights.resolve.choose_model`.
            device: a torch device; by default a GPU if there is one.
            confidence: objects with a lower score are left out, before their masks are computed; where
                ``MODEL.BALLOON.CONFIDENCE_FLOOR`` is larger, that one counts.
            backend: ``auto``, ``torch`` or ``openvino``; see :func:`balloon_splash.inference.backends.choose_backend`.
            precision: ``auto``, ``fp32``, ``bf16`` or ``int8``. ``torch`` with ``fp32`` gives what Detectron2 gives,
                bit for bit; the others are faster, and close to it.
            calibration: photos to measure the ranges of int8 on, instead of those that the model was trained on.
            scales: short edges in pixels; see the constructor.
            opts: ``KEY VALUE`` overrides of the configuration.

        Raises:
            ConfigError: the configuration is wrong, or its model has no masks or does not support the back end.
            WeightsError: the weights are missing, unsafe, or do not fit; or the class names are unknown.
        """
        cfg = choose_model(config_file, weights, device=device, opts=opts).cfg
        choice = choose_backend(backend, precision, cfg.MODEL.DEVICE)
        _check_masks(cfg)  # check before fetching weights for nothing
        return cls(*load_chosen(cfg), confidence=confidence, choice=choice, calibration=calibration, scales=scales)

    def __call__(self, images: Sequence[Image]) -> list[Instances]:
        """Find the objects in a batch of ``(H, W, 3)`` RGB images, as Detectron2's own predictor gives them.

        Returns:
            One ``Instances`` per image, on the CPU, in pixels of the image, best score first: ``pred_boxes``,
            ``scores``, ``pred_classes``, ``pred_masks`` ``(N, H, W)`` bool and ``soft_masks`` ``(N, M, M)`` float.

        Raises:
            WeightsError: the model predicts NaN or infinity.
        """
        return self._each(images, lambda found, size: self._postprocess(found, *size).to("cpu"))

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Find objects as ``__call__`` does, but without pasting each mask at full size: all that a splash needs.

        Args:
            images: ``(H, W, 3)`` RGB uint8 each, of any sizes.

        Returns:
            one :class:`Detections` per image, best score first, boxes XYXY in pixels of the image.

        Raises:
            WeightsError: the model predicts NaN or infinity.
        """
        parts = [self._each(images, self._detections, resize) for resize in self._scales]
        found = parts[0] if len(parts) == 1 else [once(joined(of_image)) for of_image in zip(*parts, strict=True)]
        if self._overview is not None:
            parts.append(self._each(images, self._detections, self._overview))
            found = [with_large(*views, self._overview_objects) for views in zip(found, parts[-1], strict=True)]
        return [_knowing_the_rest(of_image, seen) for of_image, *seen in zip(found, *parts, strict=True)]

    def segment(self, image: Image, boxes: npt.NDArray[np.float32]) -> Detections:
        """Segment one object per box, whether or not the model would have found it there.

        Args:
            image: ``(H, W, 3)`` RGB.
            boxes: ``(N, 4)`` XYXY in pixels of ``image``.

        Returns:
            detections in the order of ``boxes``: each box refined by the box head, its mask, the likeliest class and
            its probability.

        Raises:
            ConfigError: the second stage of the model has another structure.
        """
        height, width = image.shape[:2]
        prepared = self._prepare(image)
        rows, columns = prepared["image"].shape[1:]
        scale = np.array([columns / width, rows / height] * 2, np.float32)
        found = segment_boxes(self.model, prepared, torch.from_numpy(boxes.astype(np.float32) * scale))
        return Detections(
            size=(height, width),
            boxes=np.asarray(_numpy(found.pred_boxes.tensor, np.float32) / scale, np.float32),
            scores=_numpy(found.scores, np.float32),
            classes=_numpy(found.pred_classes, np.int64),
            soft_masks=_numpy(found.pred_masks[:, 0], np.float32),
            class_names=self.class_names,
        )

    def _each(
        self,
        images: Sequence[Image],
        finish: Callable[[Instances, tuple[int, int]], Result],
        resize: Augmentation | None = None,
    ) -> list[Result]:
        """Apply ``finish`` to the objects in each image and the image's height and width."""

        def run(batch: Sequence[Image]) -> list[Result]:
            found = self._infer(batch, resize)
            return [finish(each, image.shape[:2]) for each, image in zip(found, batch, strict=True)]

        if self._side_by_side is None:
            return run(images)
        return list(chain.from_iterable(self._side_by_side.map(run, [[image] for image in images])))

    @torch.no_grad()  # not inference_mode: its tensors would refuse Boxes.scale and other in-place methods
    def _infer(self, images: Sequence[Image], resize: Augmentation | None) -> list[Instances]:
        """Find confident objects in pixels of the resized images, masks as ``pred_masks`` ``(N, 1, M, M)``."""
        found = self.model.inference([self._prepare(image, resize) for image in images], do_postprocess=False)
        kept = []
        for per_image in found:
            if not per_image.has("soft_masks"):
                per_image.soft_masks = per_image.pred_masks[:, 0]
            for name in ("scores", "pred_masks", "soft_masks"):
                per_image.set(name, per_image.get(name).float())
            kept.append(best_first(confident(per_image, self.confidence)))
        return kept

    def network_image(self, image: Image) -> npt.NDArray[np.float32]:
        """Resize a photo for the model: ``(3, H, W)``, 0 to 255, channels in the order of :attr:`input_format`."""
        return _numpy(self._prepare(image)["image"], np.float32)

    @property
    def input_format(self) -> dict[str, Any]:
        """Resizing of photos, and the order of the channels."""
        return {"channels": "BGR" if self._bgr else "RGB", **self._input_sizes}

    def _network_input(self, path: Path) -> npt.NDArray[np.float32]:
        """Return a photo as the backbone sees it, ``(1, C, H, W)``."""
        tensor = self.model.preprocess_image([self._prepare(read_picture(path).rgb8)]).tensor
        return _numpy(tensor, np.float32)

    def _prepare(self, image: Image, resize: Augmentation | None = None) -> dict[str, Any]:
        transform = (resize or self._resize).get_transform(image)
        # A photo 1 pixel high and thousands wide would vanish when scaled down.
        transform.new_h, transform.new_w = max(transform.new_h, 1), max(transform.new_w, 1)
        if self._own_resize:
            resized = torch.from_numpy(np.ascontiguousarray(transform.apply_image(image).transpose(2, 0, 1)))
        else:
            resized = resized_fast(image, transform.new_h, transform.new_w)
        return {"image": (resized.flip(0) if self._bgr else resized).float()}

    def _detections(self, found: Instances, size: tuple[int, int]) -> Detections:
        found.remove("pred_masks")
        rest = left_out(found)
        scaled = self._postprocess(found, *size)
        return Detections(
            size=size,
            boxes=_numpy(scaled.pred_boxes.tensor, np.float32),
            scores=_numpy(scaled.scores, np.float32),
            classes=_numpy(scaled.pred_classes, np.int64),
            soft_masks=_numpy(scaled.soft_masks, np.float32),
            class_names=self.class_names,
            best_left_out=float(rest.max()) if len(rest) else None,
        )


def _knowing_the_rest(found: Detections, views: Sequence[Detections]) -> Detections:
    """Return the objects of all views with the best score that any of these left out."""
    return replace(found, best_left_out=max(view.best_left_out or 0.0 for view in views) or None)


def _numpy(tensor: Tensor, dtype: type) -> npt.NDArray[Any]:
    return tensor.cpu().numpy().astype(dtype, copy=False)


def _at_scale(cfg: CfgNode, short_edge: int) -> Augmentation:
    """Return the model's resizing, but to ``short_edge``; the longest edge grows with it."""
    scaled = cfg.clone()
    scaled.defrost()
    scaled.INPUT.MIN_SIZE_TEST = short_edge
    scaled.INPUT.MAX_SIZE_TEST = round(cfg.INPUT.MAX_SIZE_TEST * short_edge / cfg.INPUT.MIN_SIZE_TEST)
    return evaluation_resize(scaled)


def _check_masks(cfg: CfgNode) -> None:
    if not cfg.MODEL.MASK_ON:
        raise ConfigError("the model has no mask head: MODEL.MASK_ON is False; expected True")
