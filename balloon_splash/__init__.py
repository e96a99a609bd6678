"""Colour only where the balloons are: a Detectron2 plugin for the VIA balloon dataset, a Mask R-CNN and its splash.

``import balloon_splash`` registers the datasets in ``DatasetCatalog`` and the models in Detectron2's registries. The
registration waits for Detectron2 itself to be imported (at once, where it already is): that way the parts which need
neither torch nor Detectron2 (``--help``, effects, image files) start in a fraction of a second.
"""

from __future__ import annotations

from types import ModuleType

from wrapt import register_post_import_hook

__version__ = "0.1.0"


def _register_models(_: ModuleType) -> None:
    import balloon_splash.modeling  # noqa: F401  (importing it fills the registries)


def _register_datasets(_: ModuleType) -> None:
    from balloon_splash.data.datasets.builtin import register_all

    register_all()


register_post_import_hook(_register_models, "detectron2.modeling")
register_post_import_hook(_register_datasets, "detectron2.data")
