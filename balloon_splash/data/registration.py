"""Registering a loader of dataset dicts with Detectron2: the few lines that any other format needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle, islice

from balloon_splash.data.instances import DatasetDict
from balloon_splash.data.registry import COLOR_BLIND_SAFE


def register_loader(
    name: str, loader: Callable[[], list[DatasetDict]], class_names: Sequence[str], image_root: str
) -> None:
    """Register ``loader`` in ``DatasetCatalog``, and classes and colours in ``MetadataCatalog``.

    Args:
        name: name of the dataset; one that is there is replaced.
        loader: called without arguments, it returns Detectron2's dataset dicts.
        class_names: in the order of ``category_id``.
        image_root: the folder of the photos.
    """
    # Not at the top: importing detectron2.data imports this package's registrations.
    from detectron2.data import DatasetCatalog, MetadataCatalog

    DatasetCatalog.pop(name, None)
    MetadataCatalog.pop(name, None)  # its values may be set once only
    DatasetCatalog.register(name, loader)
    MetadataCatalog.get(name).set(
        thing_classes=list(class_names),
        thing_colors=list(islice(cycle(COLOR_BLIND_SAFE), len(class_names))),
        evaluator_type="coco",
        image_root=image_root,
    )
