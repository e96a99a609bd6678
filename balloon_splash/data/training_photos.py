"""Which photos of the training sets a model learns from."""

from __future__ import annotations

from collections.abc import Sequence

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.build import filter_images_with_only_crowd_annotations, print_instances_class_histogram
from detectron2.data.detection_utils import check_metadata_consistency

from balloon_splash.data.instances import DatasetDict


def training_photos(names: Sequence[str], *, filter_empty: bool) -> list[DatasetDict]:
    """The dataset dicts of registered sets, one set after the other, as Detectron2's loader collects them.

    Args:
        names: of the sets, which have to have the same classes.
        filter_empty: leave out photos without objects. Those of a set whose metadata say ``keep_empty`` stay: they
            were put there to show what is no object.
    """
    check_metadata_consistency("thing_classes", names)
    photos: list[DatasetDict] = []
    for name in names:
        found = DatasetCatalog.get(name)
        if filter_empty and not MetadataCatalog.get(name).get("keep_empty", False):
            found = filter_images_with_only_crowd_annotations(found)
        photos += found
    print_instances_class_histogram(photos, MetadataCatalog.get(names[0]).thing_classes)
    return photos
