"""Export of one trained model in several formats, each checked in the same run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from balloon_splash.errors import ConfigError
from balloon_splash.export import snippet
from balloon_splash.export.check import Difference, compare
from balloon_splash.export.formats import (
    EXACT_PRECISION,
    OPSET,
    SUFFIXES,
    check_installed,
    default_precision,
    load,
    write,
)
from balloon_splash.export.graph import INPUT, OUTPUTS, DetectionGraph
from balloon_splash.files import atomic_path
from balloon_splash.inference.segmenter import Segmenter

Photos = dict[str, npt.NDArray[np.uint8]]
"""RGB ``(H, W, 3)`` by name."""


def export(
    segmenter: Segmenter, folder: Path, stem: str, formats: Sequence[str], photos: Photos, *, overwrite: bool = False
) -> Iterator[tuple[str, Path, dict[str, Difference]]]:
    """Write a model in several formats, and compare each with the original on photos and on a grey picture.

    Args:
        segmenter: an exact segmenter, on the CPU.
        folder: folder for the files; ``<stem>.json`` says how to use them, ``<stem>_example.py`` does.
        stem: stem of their names.
        formats: some of :data:`balloon_splash.export.formats.SUFFIXES`.
        photos: photos, in at least one of which the model must find something for the trace to record.
        overwrite: replace existing files.

    Yields:
        Per format its name, its file, and the difference on each picture. A file whose differences are not small is
        not kept. OpenVINO has to pass in fp32; where its default on this processor is another precision, the
        differences in that are reported as well.

    Raises:
        ConfigError: a package is missing, nothing is found in the photos, or the result differs.
        OutputExistsError: a file exists, and ``overwrite`` is false.
    """
    check_installed(formats)
    graph = DetectionGraph(segmenter.model, segmenter.confidence).eval()
    images = {name: segmenter.network_image(photo) for name, photo in photos.items()}
    example = _with_objects(graph, images)
    height, width = example.shape[1:]
    images["a grey picture, in which nothing is found"] = np.full((3, width, height), 127, np.float32)
    _write_usage(segmenter, folder / f"{stem}.json", overwrite)
    _put(folder / f"{stem}_example.py", Path(snippet.__file__).read_bytes(), overwrite)
    for name in formats:
        path = folder / f"{stem}{SUFFIXES[name]}"
        with tempfile.TemporaryDirectory() as temporary:
            fresh = Path(temporary) / path.name
            write(name, graph, example, fresh)
            run = load(name, fresh, precision=EXACT_PRECISION)
            differences = {photo: compare(graph, run, image) for photo, image in images.items()}
            bad = [f"{photo}: {each}" for photo, each in differences.items() if not each.small]
            if bad:
                raise ConfigError(f"{path}: not written: its results differ from torch's; {bad[0]}")
            if name == "openvino" and (own := default_precision()) != EXACT_PRECISION:
                plain = load(name, fresh)
                differences |= {f"{photo}, in {own}": compare(graph, plain, image) for photo, image in images.items()}
            for part in sorted(Path(temporary).iterdir()):
                _put(folder / part.name, part.read_bytes(), overwrite)
        yield name, path, differences


def _with_objects(graph: DetectionGraph, images: dict[str, npt.NDArray[np.float32]]) -> torch.Tensor:
    """Return the first image in which something is found: a trace of the mask head needs objects."""
    for image in images.values():
        if len(graph(torch.from_numpy(image))[0]):
            return torch.from_numpy(image)
    raise without_objects(images, graph.confidence)


def without_objects(photos: Iterable[str], confidence: float) -> ConfigError:
    """Make the error for photos that show nothing to compare an export by."""
    return ConfigError(
        f"no object above confidence {confidence} in {', '.join(photos)}; expected a photo with one (--check)"
    )


def _write_usage(segmenter: Segmenter, path: Path, overwrite: bool) -> None:
    usage = {
        "input": {INPUT: "float32 (3, height, width), 0 to 255", **segmenter.input_format},
        "outputs": {
            OUTPUTS[0]: "(N, 4) x0 y0 x1 y1 in pixels of the resized image",
            OUTPUTS[1]: f"(N,) {segmenter.confidence} or more",
            OUTPUTS[2]: "(N,) index into class_names",
            OUTPUTS[3]: "(N, M, M) 0 to 1, a grid stretched over each box",
        },
        "class_names": list(segmenter.class_names),
        "onnx_opset": OPSET,
        "openvino": {
            "compile_with": {"INFERENCE_PRECISION_HINT": EXACT_PRECISION},
            "why": "checked in this precision; without the option OpenVINO computes in bfloat16 where the processor "
            "can, which moves boxes by pixels",
        },
    }
    _put(path, json.dumps(usage, indent=2).encode(), overwrite)


def _put(path: Path, data: bytes, overwrite: bool) -> None:
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)
