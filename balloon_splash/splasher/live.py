"""Live splash of a webcam in a window.

The model looks at one picture after another as fast as it can; meanwhile optical flow carries what it found, from the
picture that it saw to the present one. So every picture shows its objects where they are, and an object appears as
soon as the model has finished the first look that has it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

from balloon_splash.compositing.carry import carry_forward
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.flow import LIVE_FLOW_SIDE, Flow, Small, flow_between, shrink
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.compositing.smoothing import scene_changes
from balloon_splash.media.newest import NewestPictures, Shot
from balloon_splash.media.picture import to_8_bit
from balloon_splash.media.webcam import Webcam
from balloon_splash.media.window import Window
from balloon_splash.splasher.finder import Finder
from balloon_splash.splasher.frames import FrameSplasher

LIVE_SCALE = 320
"""Usual short edge, in pixels, of a webcam's pictures in the network: a look must take a fraction of a second."""

LONGEST_WAY = 30
"""Most flows over which a mask is traced at once; it is then redrawn where it is, which costs some sharpness."""


@dataclass
class _Seen:
    """Objects of the last look, and the way from the picture looked at to the present one."""

    found: Detections
    flows: list[Flow] = field(default_factory=list)

    def carried(self) -> Detections:
        """Return the objects where they are now."""
        if not self.flows:
            return self.found
        now = carry_forward(self.found, self.flows)
        if len(self.flows) >= LONGEST_WAY:
            self.found, self.flows = now, []
        return now


@dataclass(frozen=True)
class LivePicture:
    """A picture of a live source with its objects.

    Attributes:
        shot: the picture.
        objects: the objects in it.
        seen: when the picture was taken that the model saw last, in seconds of ``time.monotonic``; None before that.
    """

    shot: Shot
    objects: Detections
    seen: float | None


def find_live(shots: Iterable[Shot], find: Callable[[Shot], Detections]) -> Generator[LivePicture, None, None]:
    """Yield each picture at once, with the objects of the last one that the model has finished, carried to it.

    Args:
        shots: pictures of one size, each the newest when it is taken.
        find: the model; runs in a thread of its own, on one picture at a time.

    Raises:
        Exception: what ``find`` raised.
    """
    looks = ThreadPoolExecutor(1, thread_name_prefix="live-model")
    try:
        yield from _carried(shots, lambda shot: looks.submit(find, shot))
    finally:
        looks.shutdown(wait=True, cancel_futures=True)


def _carried(shots: Iterable[Shot], look: Callable[[Shot], Future[Detections]]) -> Iterator[LivePicture]:
    before: Small | None = None
    looking: Future[Detections] | None = None
    since: list[Flow] = []  # the way from the picture that the model is looking at; stale after a cut
    stale = False
    seen: _Seen | None = None
    asked = 0.0
    seen_at: float | None = None
    for shot in shots:
        size = (shot.rgb.shape[0], shot.rgb.shape[1])
        small = shrink(shot.rgb, LIVE_FLOW_SIDE)
        if before is not None and scene_changes(before, small):
            seen, stale = None, True
        elif before is not None:
            flow = flow_between(before, small, size)
            since.append(flow)
            if seen is not None:
                seen.flows.append(flow)
        before = small
        if looking is not None and looking.done():
            found = looking.result()
            if not stale:
                seen, seen_at = _Seen(found, since), asked
            looking = None
        if looking is None:
            looking, since, stale, asked = look(shot), [], False, shot.taken
        yield LivePicture(shot, Detections.empty(size) if seen is None else seen.carried(), seen_at)


def splash_webcam(
    index: int,
    load: Callable[[], Finder],
    look: Look,
    selection: Selection,
    *,
    max_frames: int | None = None,
) -> int:
    """Show the splash until the window is closed, or Esc or q is pressed.

    Pictures that come while one is made are dropped. A selection applies to each picture by itself: following objects
    needs frames ahead, and would delay the picture.

    Args:
        index: number of the webcam, counted from 0.
        load: function that loads the model; called once screen and webcam are known to exist.
        look: edges, background and marks.
        selection: which of the objects keep their colour.
        max_frames: number of frames after which to stop.

    Returns:
        the number of frames shown.

    Raises:
        MediaError: there is no screen or no such webcam, or it was unplugged.
    """
    shown = 0
    frames = FrameSplasher(look, selection, followed=False)
    with Window(f"webcam {index}") as window, Webcam(index) as webcam:
        finder = load()
        selection.check(finder.class_names)

        def find(shot: Shot) -> Detections:
            (found,) = finder.detect([shot.rgb])
            return frames.candidates(found)

        with NewestPictures(webcam.frames()) as shots, closing(find_live(shots, find)) as pictures:
            for picture in islice(pictures, max_frames):
                shown += 1
                if not window.show(to_8_bit(frames.compose(picture.shot.rgb, picture.objects))):
                    break
    return shown
