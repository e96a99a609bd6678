"""Splashes in Python, the one-call interface of the package: picture in, splash out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
import numpy.typing as npt
from PIL import Image

from balloon_splash.compositing.arrays import Matte
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection, with_default_confidence
from balloon_splash.media.formats import WITH_ALPHA
from balloon_splash.media.inputs import Source
from balloon_splash.media.picture import Picture
from balloon_splash.media.pixels import Pixels
from balloon_splash.splasher.added_boxes import Box
from balloon_splash.splasher.finder import Finder, NamedImage, detections_of
from balloon_splash.splasher.finding import model_finder
from balloon_splash.splasher.kinds import AnyImage, like, to_picture
from balloon_splash.splasher.tiles import Tiles

if TYPE_CHECKING:
    from balloon_splash.splasher.video_stream import Progress, VideoOptions, VideoSummary

Kind = TypeVar("Kind", str, Path, bytes, Image.Image, npt.NDArray[Any])


@dataclass(frozen=True)
class Splashed:
    """Finished picture with what it was made from.

    Attributes:
        before: the picture as read.
        after: the splash, with the same metadata.
        look: edges, background and marks that it was made with.
        detections: all objects found.
        chosen: indices into ``detections`` of those that kept their colour.
        matte: ``(H, W)`` in [0, 1].
    """

    before: Picture
    after: Picture
    look: Look
    detections: Detections
    chosen: npt.NDArray[np.intp]
    matte: Matte

    def explain_nothing(self, selection: Selection) -> tuple[str, ...]:
        """Return one line that says why nothing keeps its colour; none where something does."""
        if not len(self.chosen):
            return (selection.explain_nothing(self.detections),)
        if not self.matte.any():
            return (self.look.explain_nothing(len(self.chosen)),)
        return ()


def splash_picture(
    picture: Picture, detections: Detections, look: Look | None = None, selection: Selection | None = None
) -> Splashed:
    """Splash one picture whose objects are known.

    Raises:
        UsageError: the selection names an unknown class, or the look an unknown background.
    """
    look, selection = look or Look(), selection or Selection()
    chosen = selection.indices(detections)
    objects = detections[chosen]
    matte = look.matte(picture.rgb, objects)
    result = look.apply(picture.rgb, matte, objects)
    alpha = picture.alpha
    if result.shape[2] == 4:
        alpha = _both_opaque(result[..., 3], alpha)
    keep = (1 - matte if look.invert else matte) if look.plain else None
    after = replace(picture, rgb=np.ascontiguousarray(result[..., :3]), alpha=alpha, keep=keep)
    if alpha is not None and look.transparent and after.format not in WITH_ALPHA:
        after = replace(after, format="PNG")
    return Splashed(picture, after, look, detections, chosen, matte)


class Splasher:
    """Model, look and selection that splash pictures and videos: colour stays on the objects found.

    >>> splasher = Splasher(weights="balloon.pth")     # doctest: +SKIP
    >>> splasher("photo.jpg")                          # doctest: +SKIP
    'photo_splash.jpg'
    >>> splasher.video("party.mp4").frames             # doctest: +SKIP
    250

    Args:
        weights: path or URL of the model's weights, or ``"coco"`` for the 80 classes of COCO; None takes those of the
            configuration, or the model that ships where there is no configuration either.
        config_file: the model's configuration; None takes the one beside the weights.
        device: a torch device such as ``"cpu"`` or ``"cuda"``; None takes a GPU if there is one.
        confidence: lowest score of an object; None takes that of ``selection``, or 0.9 where it has none.
        low_confidence: lowest score of objects beside one of ``confidence``; None takes that of ``selection``, or 0.5
            where it sets neither; a value equal to ``confidence`` turns the rule off.
        backend: ``"auto"``, ``"torch"`` or ``"openvino"``; see :func:`balloon_splash.splasher.loading.load_finder`.
        precision: ``"auto"``, ``"fp32"``, ``"bf16"`` or ``"int8"``, each faster and a little less exact than the last.
        calibration: photos that calibrate int8, instead of those that the model was trained on.
        scales: short edges in pixels at which the model sees each picture, such as ``(480, 800)``; objects found at any
            of them count. Empty stands for the configuration's.
        tiles: side in pixels of the tiles into which large pictures are cut, or ``"auto"``; None takes them whole.
        add_boxes: ``(x0, y0, x1, y1)`` in pixels around each object to draw besides those that the model finds.
        opts: overrides of configuration keys: ``["KEY", "VALUE", ...]``.
        segmenter: a ready :class:`Finder` to use instead of loading a model.
        look: edges, background and marks.
        selection: which of the objects keep their colour.

    Raises:
        TypeError: an argument of another kind.
        UsageError: options contradict each other, or ``selection`` names a class that the model does not know.
        ConfigError: the configuration is wrong, the model does not support the options, or a package is missing.
        WeightsError: the weights are missing, unsafe or damaged, or do not fit.
    """

    def __init__(
        self,
        weights: str | os.PathLike[str] | None = None,
        *,
        config_file: str | os.PathLike[str] | None = None,
        device: str | None = None,
        confidence: float | None = None,
        low_confidence: float | None = None,
        backend: str = "auto",
        precision: str = "auto",
        calibration: Sequence[str | Path] = (),
        scales: Sequence[int] = (),
        tiles: Tiles = None,
        add_boxes: Sequence[Box] = (),
        opts: Sequence[str] = (),
        segmenter: Finder | None = None,
        look: Look | None = None,
        selection: Selection | None = None,
    ) -> None:
        _check_kind("weights", weights, (str, os.PathLike), "a name, a path or a URL")
        _check_kind("config_file", config_file, (str, os.PathLike), "a path or a name")
        _check_kind("confidence", confidence, Real, "a number from 0 to 1")
        _check_kind("look", look, Look, "a Look, such as Look('blur')")
        _check_kind("selection", selection, Selection, "a Selection, such as Selection(top_k=3)")
        self.look = look or Look()
        self.look.check()
        selection = selection or Selection()
        self.selection = with_default_confidence(selection, confidence, low_confidence)
        if segmenter is None:
            from balloon_splash.splasher.loading import load_finder

            segmenter = load_finder(
                None if config_file is None else os.fspath(config_file),
                None if weights is None else os.fspath(weights),
                device=device,
                confidence=self.selection.floor,
                backend=backend,
                precision=precision,
                calibration=calibration,
                scales=scales,
                opts=opts,
            )
        self.segmenter: Finder = segmenter
        self.selection.check(self.segmenter.class_names)
        self._finder = model_finder(self.segmenter, tiles=tiles, add_boxes=add_boxes)

    def __call__(self, image: Kind, *, overwrite: bool = False) -> Kind:
        """Splash one picture; return the same kind.

        Args:
            image: the path of a file (the result is written beside it as ``<stem>_splash.<ext>``, and its path
                returned), the bytes of a file, a Pillow image, or an array ``(H, W)`` grey, ``(H, W, 3)`` RGB or
                ``(H, W, 4)`` RGBA, uint8 or uint16. Arrays get 3 channels, or 4 if they had 4 or the background is
                transparent.
            overwrite: replace an existing ``<stem>_splash.<ext>``.

        Returns:
            the splash: a path for a path, bytes for bytes, a Pillow image for a Pillow image, an array of the same type
            for an array.

        Raises:
            TypeError: another kind.
            MediaError: not a picture that can be read, or the result cannot be written.
            OutputExistsError: the result already exists, and ``overwrite`` is false.
        """
        (splashed,) = self.splash([to_picture(image)])
        result: Any = like(image, splashed.after, overwrite=overwrite)
        return result

    @overload
    def detect(self, image: list[Any] | tuple[Any, ...]) -> list[Detections]: ...
    @overload
    def detect(self, image: AnyImage) -> Detections: ...
    def detect(self, image: AnyImage | list[Any] | tuple[Any, ...]) -> Detections | list[Detections]:
        """Find the objects in one picture, or in each of a list of pictures, without a splash.

        Args:
            image: as in a call; a list or tuple of these gives a list, from one call of the model.

        Returns:
            the objects, best score first, boxes XYXY in pixels of the upright picture.

        Raises:
            MediaError: not a picture that can be read.
            TypeError: not a kind that a call takes.
        """
        if isinstance(image, (list, tuple)):
            return self._detect([to_picture(each) for each in image])
        return self._detect([to_picture(image)])[0]

    def video(
        self,
        source: str | os.PathLike[str],
        destination: str | os.PathLike[str] | None = None,
        *,
        options: VideoOptions | None = None,
        progress: Progress | None = None,
    ) -> VideoSummary:
        """Splash a video or animation, with its sound.

        Args:
            source: the file.
            destination: the file to write; its suffix chooses the format. None stands for ``<stem>_splash.<ext>``
                beside the source.
            options: part of the video, steadiness, encoding, whether to overwrite.
            progress: function called after each frame with the number of frames done and expected.

        Returns:
            the file written, its frames, length and size, and warnings about what could not be kept.

        Raises:
            MediaError: the source cannot be read, or the destination cannot be written.
            UsageError: options contradict each other.
            OutputExistsError: the destination already exists, and ``options.overwrite`` is false.
        """
        from balloon_splash.media.outputs import video_path
        from balloon_splash.splasher.frames import FrameSplasher
        from balloon_splash.splasher.video_stream import VideoOptions, splash_video

        source, options = Path(source), options or VideoOptions()
        transparent, encoding = self.look.transparent, options.encoding
        frames = FrameSplasher(self.look, self.selection, followed=options.steadiness is not None)
        named = Source(str(source), Path(source.name), source)
        return splash_video(
            source,
            destination or video_path(source, transparent=transparent, encoding=encoding, sound_of=source),
            find=frames.finding(self._finder, named, carried=options.every != 1),
            compose=frames.compose,
            settle=frames.settling(self._finder, named),
            undecided=frames.undecided,
            options=options,
            progress=progress,
        )

    def splash(self, pictures: Sequence[Picture]) -> list[Splashed]:
        """Splash a batch of pictures with one call of the model."""
        return [
            splash_picture(picture, detections, self.look, self.selection)
            for picture, detections in zip(pictures, self._detect(pictures), strict=True)
        ]

    def _detect(self, pictures: Sequence[Picture]) -> list[Detections]:
        images = [NamedImage("picture", "picture", picture.visible8) for picture in pictures]
        return detections_of(self._finder.find(images))


def splash(image: Kind, *, overwrite: bool = False, **options: Any) -> Kind:
    """Splash one picture; for more than one, :class:`Splasher` loads the model only once.

    Args:
        image: as in a call of :class:`Splasher`.
        overwrite: as in a call of :class:`Splasher`.
        options: those of :class:`Splasher`.

    Returns:
        the same kind as ``image``.

    Raises:
        TypeError, BalloonSplashError: see :class:`Splasher` and its call.
    """
    return Splasher(**options)(image, overwrite=overwrite)


def _check_kind(name: str, value: object, kinds: type | tuple[type, ...], expected: str) -> None:
    if value is not None and not isinstance(value, kinds):
        raise TypeError(f"{name}: {type(value).__name__} found, expected {expected}")


def _both_opaque(first: Pixels, second: Pixels | None) -> Pixels:
    """Multiply two alpha channels."""
    if second is None:
        return np.ascontiguousarray(first)
    full = np.iinfo(first.dtype).max
    product = first.astype(np.uint64) * second.astype(np.uint64)
    return ((product + full // 2) // full).astype(first.dtype)
