"""Videos with and without key frames: time and quality, beside torch on every frame and other programs' videos.

Clips of moved photos with known outlines (``benchmarks._video_scenes``) go from file to file in five ways, which take
turns scene by scene: every frame by the light runtime, ``--every auto`` by it, every frame by torch in fp32 (as the
first versions did), the ``VideoVisualizer`` of Detectron2's demo, and supervision with its own sink, both with the
same model by torch. The slow three get a few frames of each scene only; their costs are per frame. Quality is that of
the mattes, against the outlines: IoU, IoU of the boundaries (a band of 2 % of the diagonal), and flicker, the pixels
per thousand in which the matte changes although the truth does not.

    python -m benchmarks video_carry --photos balloon/val
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing import DEFAULT_CONFIDENCE, DEFAULT_LOW_CONFIDENCE
from balloon_splash.compositing.arrays import Image, Matte
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.media.inputs import Source
from balloon_splash.media.video.clip import Clip
from balloon_splash.splasher.finder import Finder, ModelFinder
from balloon_splash.splasher.frames import FrameSplasher
from balloon_splash.splasher.key_frames import CONTINUING
from balloon_splash.splasher.loading import load_finder
from balloon_splash.splasher.video_stream import VideoOptions, splash_video
from benchmarks._video_scenes import PAIRS, film, photos_of

Mask = npt.NDArray[np.bool_]

SCORED_SIDE = 960
"""Width in pixels at which mattes are compared with the truth."""

BAND = 0.02
"""Width of a boundary, as a share of the picture's diagonal: Cheng et al., "Boundary IoU" (CVPR 2021)."""

BASELINE = "torch, every frame"
"""The way of the first versions."""

SELECTION = Selection(confidence=DEFAULT_CONFIDENCE, low_confidence=DEFAULT_LOW_CONFIDENCE)


@dataclass
class Side:
    """Cost and mattes of one way to make a video.

    Attributes:
        run: splashes at most so many frames of a video into a file.
        frames: frames of each scene; 0 stands for all.
        clock: seconds by the clock.
        processor: seconds of the processor.
        done: frames made.
        looks: frames that the model saw.
        mattes: the matte of each frame, small.
    """

    run: Callable[[Path, Path, int], int]
    frames: int = 0
    clock: float = 0.0
    processor: float = 0.0
    done: int = 0
    looks: int = 0
    mattes: list[Mask] = field(default_factory=list)


def small(values: npt.NDArray[Any]) -> Mask:
    """Return a matte or a truth of the size at which they are compared."""
    height, width = values.shape
    size = (SCORED_SIDE, round(SCORED_SIDE * height / width))
    return np.asarray(cv2.resize(values.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)


class WatchedLook(Look):
    """Default look, which keeps its mattes."""

    kept: list[Mask]

    def matte(self, image: Image, detections: Detections) -> Matte:
        """Keep and return the matte."""
        alpha = super().matte(image, detections)
        self.kept.append(small(alpha > 0))
        return alpha


def ours(finder: Finder, every: int | None, kept: list[Mask]) -> Callable[[Path, Path, int], int]:
    """Return the command's way, from file to file; it returns the number of looks."""
    look = WatchedLook()
    object.__setattr__(look, "kept", kept)

    def run(source: Path, target: Path, frames: int) -> int:
        splasher = FrameSplasher(look, SELECTION, followed=True)
        named = Source(str(source), Path(source.name), source)
        model = ModelFinder(finder)
        options = VideoOptions(clip=Clip(max_frames=frames or None), every=every, overwrite=True)
        summary = splash_video(
            source,
            target,
            find=splasher.finding(model, named, carried=every != 1),
            settle=splasher.settling(model, named),
            undecided=splasher.undecided,
            compose=splasher.compose,
            options=options,
        )
        return summary.key_frames

    return run


def detectron2_demo(predictor: Any) -> Callable[[Path, Path, int], int]:
    """Return the way of Detectron2's ``demo.py --video-input``: OpenCV reads and writes, ``VideoVisualizer`` draws."""
    from detectron2.data import MetadataCatalog
    from detectron2.utils.video_visualizer import VideoVisualizer

    def run(source: Path, target: Path, frames: int) -> int:
        drawer = VideoVisualizer(MetadataCatalog.get("benchmark").set(thing_classes=["balloon"]))
        writer: cv2.VideoWriter | None = None
        for frame in _opencv_frames(source, frames):
            found = predictor(frame)["instances"]
            drawn = drawer.draw_instance_predictions(frame[..., ::-1], found).get_image()[..., ::-1]
            if writer is None:
                fourcc = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(target), fourcc, 25, (drawn.shape[1], drawn.shape[0]))
            writer.write(np.ascontiguousarray(drawn))
        if writer is not None:
            writer.release()
        return frames

    return run


def supervision(predictor: Any) -> Callable[[Path, Path, int], int]:
    """Return the way of a supervision pipeline: its frames, mask annotator and sink."""
    import supervision as sv

    def run(source: Path, target: Path, frames: int) -> int:
        annotator = sv.MaskAnnotator()
        with sv.VideoSink(str(target), sv.VideoInfo.from_video_path(str(source))) as sink:
            for frame in islice(sv.get_video_frames_generator(str(source)), frames):
                found = sv.Detections.from_detectron2(predictor(frame))
                sink.write_frame(annotator.annotate(frame.copy(), found))
        return frames

    return run


def _opencv_frames(source: Path, frames: int) -> Iterator[Any]:
    capture = cv2.VideoCapture(str(source))
    for _ in range(frames):
        there, frame = capture.read()
        if not there:
            break
        yield frame
    capture.release()


def sides_of(slow_frames: int, folder: Path) -> dict[str, Side]:
    """Load the models, and return the ways by name."""
    from detectron2.engine import DefaultPredictor

    from benchmarks._models import shipped, stock_config

    floor = SELECTION.floor
    torch_finder = load_finder(backend="torch", precision="fp32", confidence=floor)
    light, weak = load_finder(confidence=floor), load_finder(confidence=CONTINUING * floor)
    weights, config = shipped(folder)
    predictor = DefaultPredictor(stock_config(weights, config, ["MODEL.ROI_HEADS.SCORE_THRESH_TEST", str(floor)]))
    kept: list[list[Mask]] = [[], [], []]
    return {
        "light, every frame": Side(ours(light, 1, kept[1]), mattes=kept[1]),
        "light, --every auto": Side(ours(weak, None, kept[2]), mattes=kept[2]),
        BASELINE: Side(ours(torch_finder, 1, kept[0]), slow_frames, mattes=kept[0]),
        "Detectron2's demo": Side(detectron2_demo(predictor), slow_frames),
        "supervision": Side(supervision(predictor), slow_frames),
    }


def boundary(mask: Mask) -> Mask:
    """Return the points of a mask close to its edge; the picture's border is none."""
    width = max(round(BAND * float(np.hypot(*mask.shape))), 1)
    padded = np.pad(mask.astype(np.uint8), 1)
    return np.asarray(mask & (cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1] <= width))


def iou(one: Mask, two: Mask) -> float:
    """Return the overlap of two masks; 1 if both are empty."""
    union = int((one | two).sum())
    return float((one & two).sum()) / union if union else 1.0


def quality(mattes: Sequence[Mask], truths: Sequence[Mask], cuts: Sequence[int]) -> tuple[float, float, float]:
    """Return mean IoU, mean boundary IoU, and flicker per thousand pixels."""
    pairs = list(zip(mattes, truths, strict=True))
    still = [
        float(((mattes[i] != mattes[i - 1]) & (truths[i] == truths[i - 1])).mean())
        for i in range(1, len(mattes))
        if i not in cuts
    ]
    edges = [iou(boundary(one), boundary(two)) for one, two in pairs]
    return float(np.mean([iou(*pair) for pair in pairs])), float(np.mean(edges)), 1000 * float(np.mean(still))


def write_scene(path: Path, photos: Any, number: int, frames: int, size: tuple[int, int]) -> list[Mask]:
    """Write one scene as H.264, as a camera would; return its truth."""
    truths = []
    with av.open(path, "w") as output:
        stream = output.add_stream(
            "libx264", rate=25, width=size[1], height=size[0], options={"preset": "veryfast", "crf": "18"}
        )
        stream.pix_fmt = "yuv420p"
        for picture, truth in islice(film(photos, number + 1, frames, size), number * frames, None):
            truths.append(small(truth))
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        output.mux(stream.encode(None))
    return truths


def main() -> None:
    """Run all ways in turn, and print their costs, ratios and qualities."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks video_carry", description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, metavar="DIR", help="VIA folder (default: rendered pictures)")
    scenes = range(1, len(PAIRS) + 1)
    parser.add_argument(
        "--scenes", type=int, default=2, choices=scenes, metavar="N", help=f"1 to {len(PAIRS)} (default: %(default)s)"
    )
    parser.add_argument("--frames", type=int, default=33, metavar="N", help="of each scene (default: %(default)s)")
    parser.add_argument("--slow-frames", type=int, default=2, metavar="N", help="for torch (default: %(default)s)")
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="SIDE", help="sides to leave out (default: none)")
    args = parser.parse_args()
    size = (1080, 1920)
    photos = photos_of(args.photos, 13)
    truths: list[Mask] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sides = {key: side for key, side in sides_of(args.slow_frames, folder).items() if key not in args.leave_out}
        for number in range(args.scenes):
            source = folder / f"{number}.mp4"
            truths += write_scene(source, photos, number, args.frames, size)
            for side in sides.values():
                if number == 0:
                    side.run(source, folder / "warm.mp4", 1)
                    side.mattes.clear()
                clock, processor = time.perf_counter(), time.process_time()
                side.looks += side.run(source, folder / "out.mp4", side.frames)
                side.clock += time.perf_counter() - clock
                side.processor += time.process_time() - processor
                side.done += side.frames or args.frames
                report({key: each for key, each in sides.items() if each.done}, truths, args.frames)


def report(sides: Mapping[str, Side], truths: Sequence[Mask], scene_frames: int) -> None:
    """Print costs and qualities so far, and how many times less processor time each takes than torch."""
    cuts = range(scene_frames, len(truths), scene_frames)
    print(
        f"\n{len(truths) // scene_frames} scenes of {scene_frames} frames of 1920x1080, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'a frame':<22}{'clock':>9}{'processor':>11}{'looks':>9}{'ratio':>8}{'IoU':>8}{'edge':>8}{'flicker':>9}")
    base = sides.get(BASELINE, next(iter(sides.values())))
    for key, side in sides.items():
        ratio = (base.processor / base.done) / (side.processor / side.done)
        line = f"{key:<22}{side.clock / side.done:>8.3f}s{side.processor / side.done:>10.3f}s"
        line += f"{side.looks:>5}/{side.done}{ratio:>8.1f}"
        if len(side.mattes) == len(truths):
            line += "{:>8.3f}{:>8.3f}{:>9.2f}".format(*quality(side.mattes, truths, cuts))
        print(line, flush=True)


if __name__ == "__main__":
    main()
