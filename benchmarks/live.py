"""Live splash of a camera's pictures: how many are shown, how late, and how well their mattes fit.

There is no camera: a rendered clip of moved photos (``benchmarks._video_scenes``) of 640x480 is delivered picture by
picture at 30 a second by the clock, whether or not somebody takes it. The model that ships runs beside it, as in
``balloon-splash splash --input 0``; only the window is left out. The overlap compares the matte shown with the outlines
in that very picture, and with those of 0.3 s before, which a matte of that age would fit.

    python -m benchmarks live --photos balloon/val --scale 320
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing import DEFAULT_CONFIDENCE, DEFAULT_LOW_CONFIDENCE
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.matte import matte
from balloon_splash.compositing.select import Selection
from balloon_splash.media.newest import NewestPictures, Shot
from balloon_splash.media.pixels import Pixels8
from balloon_splash.splasher.frames import FrameSplasher
from balloon_splash.splasher.live import LIVE_SCALE, find_live
from balloon_splash.splasher.loading import load_finder
from benchmarks._video_scenes import film, photos_of

SIZE = (480, 640)
RATE = 30
REPLAYED, LOOK = 60, 0.4
"""Pictures that are made once more, and the seconds of a look of a model that costs nothing."""


def camera(pictures: list[Pixels8]) -> Iterator[Pixels8]:
    """Deliver each picture when it is due."""
    began = time.monotonic()
    for number, picture in enumerate(pictures):
        time.sleep(max(began + number / RATE - time.monotonic(), 0))
        yield picture


def processor_seconds(step: Callable[[], object]) -> float:
    """Return the processor's time of a step, all threads together."""
    began = time.process_time()
    step()
    return time.process_time() - began


def iou(one: npt.NDArray[np.bool_], two: npt.NDArray[np.bool_]) -> float:
    """Return the overlap of two masks; 1 if both are empty."""
    union = int((one | two).sum())
    return float((one & two).sum()) / union if union else 1.0


def main() -> None:
    """Run for the length of the clip, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks live", description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, metavar="DIR", help="VIA folder (default: rendered pictures)")
    parser.add_argument("--seconds", type=int, default=10, metavar="S", help="length (default: %(default)s)")
    parser.add_argument(
        "--scale", type=int, default=LIVE_SCALE, metavar="PX", help="short edge in the network (default: %(default)s)"
    )
    args = parser.parse_args()
    clip = list(film(photos_of(args.photos, 13), 1, args.seconds * RATE, SIZE))
    numbers = {id(picture): number for number, (picture, _) in enumerate(clip)}
    selection = Selection(confidence=DEFAULT_CONFIDENCE, low_confidence=DEFAULT_LOW_CONFIDENCE)
    finder = load_finder(confidence=selection.floor, scales=[args.scale])
    frames = FrameSplasher(Look(), selection, followed=False)
    looks: list[float] = []

    def find(shot: Shot) -> Detections:
        began = time.monotonic()
        (found,) = finder.detect([shot.rgb])
        looks.append(time.monotonic() - began)
        return frames.candidates(found)

    find(Shot(clip[0][0], 0.0))
    looks.clear()
    lags, shown, found_objects = [], [], []
    began, spent = time.monotonic(), time.process_time()
    with NewestPictures(camera([picture for picture, _ in clip])) as shots:
        for live in find_live(shots, find):
            frames.compose(live.shot.rgb, live.objects)
            lags.append(time.monotonic() - live.shot.taken)
            shown.append(numbers[id(live.shot.rgb)])
            found_objects.append(live.objects)
    seconds, spent = time.monotonic() - began, time.process_time() - spent
    look_cost = processor_seconds(lambda: finder.detect([clip[0][0]]))
    last = next(iter(reversed(found_objects)))

    def idle(shot: Shot) -> Detections:
        time.sleep(LOOK)
        return last

    known = find_live((Shot(picture, 0.0) for picture, _ in clip[:REPLAYED]), idle)
    picture_cost = processor_seconds(lambda: [frames.compose(p.shot.rgb, p.objects) for p in known]) / REPLAYED
    print(f"{SIZE[1]}x{SIZE[0]} at {RATE} a second for {seconds:.0f} s, load {os.getloadavg()[0]:.1f}")
    print(f"shown: {len(shown) / seconds:.1f} pictures a second, {1 - len(shown) / len(clip):.0%} dropped")
    print(f"processor: {spent / seconds:.2f} cores in use")
    print(f"without contention: a picture {1000 * picture_cost:.0f} ms of the processor, a look {look_cost:.2f} s")
    print(f"so two free cores show {RATE} pictures a second with {(2 - RATE * picture_cost) / look_cost:.1f} looks")
    print(f"from camera to screen: median {1000 * statistics.median(lags):.0f} ms, slowest {1000 * max(lags):.0f} ms")
    print(f"a look of the model: median {statistics.median(looks):.2f} s, slowest {max(looks):.2f} s")
    first = next(index for index, objects in enumerate(found_objects) if len(objects))
    now, then = [], []
    for number, objects in list(zip(shown, found_objects, strict=True))[first:]:
        shape = matte(objects) > 0
        now.append(iou(shape, clip[number][1]))
        then.append(iou(shape, clip[max(number - round(0.3 * RATE), 0)][1]))
    print(f"IoU of the matte with the present outlines {np.mean(now):.3f}, with those of 0.3 s ago {np.mean(then):.3f}")


if __name__ == "__main__":
    main()
