"""Stopwatch for the time of a photo: each stage's own time, without that of the stages inside it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture
from balloon_splash.splasher.splasher import splash_picture
from benchmarks.compositing import article_effect

CONV, REST = "backbone, FPN, RPN head", "pasting masks, all else"
STAGES = (
    "reading", "resizing, normalising", CONV, "choosing proposals", "box pooling", "box head", "choosing objects",
    "mask pooling", "mask head", REST, "splashing", "encoding",
)  # fmt: skip


class Stopwatch:
    """Sum of the milliseconds of each stage; a stage inside another one stops the outer one's clock."""

    def __init__(self) -> None:
        """Start all stages at zero."""
        self.spent: dict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block as this stage."""
        self._switch()
        self._running.append(name)
        try:
            yield
        finally:
            self._switch()
            self._running.pop()

    def watch(self, owner: Any, attribute: str, name: str) -> None:
        """Count calls of ``owner.attribute`` as this stage from now on."""
        function = getattr(owner, attribute)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        object.__setattr__(owner, attribute, timed)

    def read(self) -> dict[str, float]:
        """Return the sums since the last call."""
        spent, self.spent = dict(self.spent), defaultdict(float)
        return spent

    def _switch(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.spent[self._running[-1]] += 1000 * (now - self._since)
        self._since = now


def watch_model(watch: Stopwatch, model: Any) -> None:
    """Watch the stages of a ``GeneralizedRCNN``, stock or accelerated."""
    heads, generator = model.roi_heads, model.proposal_generator
    for owner, attribute, name in (
        (model, "preprocess_image", "resizing, normalising"),
        (model.backbone, "forward", CONV),
        (generator.rpn_head, "forward", CONV),
        (generator, "forward", "choosing proposals"),
        (heads.box_pooler, "forward", "box pooling"),
        (heads.box_head, "forward", "box head"),
        (heads, "_forward_box", "choosing objects"),
        (heads.mask_head, "forward", "mask head"),
    ):
        watch.watch(owner, attribute, name)
    if getattr(heads, "mask_pooler", None) is not None:
        watch.watch(heads.mask_pooler, "forward", "mask pooling")


def stock_run(predictor: Any, watch: Stopwatch, confidence: float) -> Callable[[bytes], None]:
    """Run a photo through ``DefaultPredictor`` and the article's effect, from a file's bytes to a file's bytes."""
    watch_model(watch, predictor.model)
    resize = predictor.aug.get_transform

    def get_transform(image: Any) -> Any:
        transform = resize(image)
        watch.watch(transform, "apply_image", "resizing, normalising")
        return transform

    predictor.aug.get_transform = get_transform

    def run(data: bytes) -> None:
        with watch.stage("reading"):
            image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        with watch.stage(REST):
            found = predictor(image)["instances"]
        with watch.stage("splashing"):
            masks = found[found.scores >= confidence].pred_masks.numpy().transpose(1, 2, 0)
            after = article_effect(np.ascontiguousarray(image[:, :, ::-1]), masks)
        with watch.stage("encoding"):
            cv2.imencode(".jpg", after[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])

    return run


def our_run(segmenter: Segmenter, watch: Stopwatch) -> Callable[[bytes], int]:
    """Run a photo through ``segmenter``, from a file's bytes to a file's bytes; return the number of objects."""
    watch_model(watch, segmenter.model)
    watch.watch(segmenter, "_prepare", "resizing, normalising")

    def run(data: bytes) -> int:
        with watch.stage("reading"):
            picture = read_picture(data)
        with watch.stage(REST):
            (found,) = segmenter.detect([picture.rgb8])
        with watch.stage("splashing"):
            splashed = splash_picture(picture, found)
        with watch.stage("encoding"):
            encode_picture(splashed.after)
        return len(found)

    return run


def samples(
    run: Callable[[bytes], Any], watch: Stopwatch, paths: list[Path], rounds: int
) -> dict[str, list[list[float]]]:
    """Measure the milliseconds of each stage: a list of the rounds for each photo, after a round to warm up."""
    found: dict[str, list[list[float]]] = {name: [[] for _ in paths] for name in STAGES}
    for number in range(rounds + 1):
        for index, path in enumerate(paths):
            data = path.read_bytes()
            watch.read()
            run(data)
            spent = watch.read()
            for name in STAGES if number else ():
                found[name][index].append(spent.get(name, 0.0))
    return found
