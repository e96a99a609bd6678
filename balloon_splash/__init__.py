"""Colour only where the balloons are: a Detectron2 plugin for the VIA balloon dataset, a Mask R-CNN and its splash.

The names in ``__all__`` are the public interface; each has an example in ``docs/api.md``. Everything else in the
package is private, and may move or change without notice. A public name loads its module when it is first used:
``import balloon_splash`` alone imports neither NumPy nor torch.

``import balloon_splash`` registers the datasets in ``DatasetCatalog``, the models in Detectron2's registries, and
``balloon-splash://`` as an address of weights. The registration waits until Detectron2 itself is imported, so the parts
that need neither torch nor Detectron2 (``--help``, effects, image files) start in a fraction of a second.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from wrapt import register_post_import_hook

__version__ = "0.1.0"

__all__ = [
    "AnnotationError",
    "BalloonSplashError",
    "BatchReport",
    "Clip",
    "ConfigError",
    "DatasetError",
    "Detections",
    "DownloadError",
    "Encoding",
    "Finder",
    "Limits",
    "Look",
    "MediaError",
    "OutputExistsError",
    "RunReport",
    "Segmenter",
    "Selection",
    "SplashOptions",
    "Splasher",
    "Steadiness",
    "TerminalReport",
    "TrainingError",
    "UsageError",
    "VideoOptions",
    "WeightsError",
    "add_balloon_config",
    "apply_effect",
    "load_config",
    "load_model",
    "matte",
    "register_instances",
    "register_labelme",
    "register_png_masks",
    "register_via_instances",
    "splash",
    "splash_batch",
    "splash_inputs",
]

#: Module of each public name; repeated below for the type checker.
_HOMES = {
    "AnnotationError": "errors",
    "BalloonSplashError": "errors",
    "BatchReport": "batch.job",
    "Clip": "media.video.clip",
    "ConfigError": "errors",
    "DatasetError": "errors",
    "Detections": "compositing.detections",
    "DownloadError": "errors",
    "Encoding": "media.video.codecs",
    "Finder": "splasher.finder",
    "Limits": "data.annotations.limits",
    "Look": "compositing.look",
    "MediaError": "errors",
    "OutputExistsError": "errors",
    "RunReport": "splasher.reports",
    "Segmenter": "inference.segmenter",
    "Selection": "compositing.select",
    "SplashOptions": "splasher.options",
    "Splasher": "splasher.splasher",
    "Steadiness": "compositing.smoothing",
    "TerminalReport": "splasher.reports",
    "TrainingError": "errors",
    "UsageError": "errors",
    "VideoOptions": "splasher.video_stream",
    "WeightsError": "errors",
    "add_balloon_config": "config",
    "apply_effect": "compositing.effects",
    "load_config": "config",
    "load_model": "inference.loading",
    "matte": "compositing.matte",
    "register_instances": "data.datasets.catalog",
    "register_labelme": "data.datasets.catalog",
    "register_png_masks": "data.datasets.catalog",
    "register_via_instances": "data.datasets.catalog",
    "splash": "splasher.splasher",
    "splash_batch": "batch.job",
    "splash_inputs": "splasher.run",
}

if TYPE_CHECKING:
    from balloon_splash.batch.job import BatchReport, splash_batch
    from balloon_splash.compositing.detections import Detections
    from balloon_splash.compositing.effects import apply_effect
    from balloon_splash.compositing.look import Look
    from balloon_splash.compositing.matte import matte
    from balloon_splash.compositing.select import Selection
    from balloon_splash.compositing.smoothing import Steadiness
    from balloon_splash.config import add_balloon_config, load_config
    from balloon_splash.data.annotations.limits import Limits
    from balloon_splash.data.datasets.catalog import (
        register_instances,
        register_labelme,
        register_png_masks,
        register_via_instances,
    )
    from balloon_splash.errors import (
        AnnotationError,
        BalloonSplashError,
        ConfigError,
        DatasetError,
        DownloadError,
        MediaError,
        OutputExistsError,
        TrainingError,
        UsageError,
        WeightsError,
    )
    from balloon_splash.inference.loading import load_model
    from balloon_splash.inference.segmenter import Segmenter
    from balloon_splash.media.video.clip import Clip
    from balloon_splash.media.video.codecs import Encoding
    from balloon_splash.splasher.finder import Finder
    from balloon_splash.splasher.options import SplashOptions
    from balloon_splash.splasher.reports import RunReport, TerminalReport
    from balloon_splash.splasher.run import splash_inputs
    from balloon_splash.splasher.splasher import Splasher, splash
    from balloon_splash.splasher.video_stream import VideoOptions
else:  # hidden from the type checker, which would accept every name

    def __getattr__(name):
        """Load a public name from its module, once."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        except ModuleNotFoundError as error:
            from balloon_splash.extras import not_installed

            raise ImportError(f"{__name__}.{name}: {not_installed(error) or error}") from error
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _register_models(_: ModuleType) -> None:
    from detectron2.utils.file_io import PathManager

    import balloon_splash.modeling  # noqa: F401  (importing it fills the registries)
    from balloon_splash.weights.unpacked import PackedWeights

    PathManager.register_handler(PackedWeights(), allow_override=True)


def _register_datasets(_: ModuleType) -> None:
    from balloon_splash.data.datasets.builtin import register_all

    register_all()


register_post_import_hook(_register_models, "detectron2.modeling")
register_post_import_hook(_register_datasets, "detectron2.data")
