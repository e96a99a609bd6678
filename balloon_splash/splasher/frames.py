"""Look and selection, applied to the frames of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.hysteresis import TrackHysteresis, is_undecided
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.compositing.track_choice import TrackChoice
from balloon_splash.media.inputs import Source
from balloon_splash.media.picture import to_8_bit
from balloon_splash.media.pixels import Pixels
from balloon_splash.media.video.frames import Frame
from balloon_splash.splasher.finder import NamedFinder, NamedImage, detections_of
from balloon_splash.splasher.key_frames import CONTINUING
from balloon_splash.splasher.record_finder import frame_name
from balloon_splash.splasher.video_stream import FindInFrames, Settle


class FrameSplasher:
    """Finder and compositor for the frames of one video.

    The lowest score and the classes decide what is followed from frame to frame; confidence
    (:mod:`balloon_splash.compositing.hysteresis`) and all other conditions choose among the objects that are followed
    (:mod:`balloon_splash.compositing.track_choice`).

    Args:
        look: edges, background and marks.
        selection: which of the objects keep their colour.
        followed: whether objects have been followed, and have the same number in all frames; if not, the selection
            applies to every frame by itself.

    Attributes:
        kept: numbers of the objects that kept their colour in some frame.
    """

    def __init__(self, look: Look, selection: Selection, *, followed: bool) -> None:
        self.kept: set[int] = set()
        self._look, self._selection = look, selection
        self._surest: Detections | None = None
        self._left_out = 0.0  # best score of an object that is not worth following, in any frame
        self._visible = False  # whether the matte of some frame was not empty
        self._candidates = Selection(confidence=selection.floor, classes=selection.classes)
        self._continuing = replace(self._candidates, confidence=CONTINUING * selection.floor)
        self._hysteresis = TrackHysteresis(selection.confidence, selection.floor) if followed else None
        among_candidates = replace(selection, classes=())
        if followed:
            among_candidates = replace(among_candidates, confidence=0.0, low_confidence=None)
        self._choose = (TrackChoice(among_candidates) if followed else among_candidates).indices

    def candidates(self, found: Detections) -> Detections:
        """Return ``found`` without the objects that are not worth following."""
        return found[self._candidates.indices(found)]

    def finding(self, finder: NamedFinder, source: Source, *, carried: bool) -> FindInFrames:
        """Return a function that finds objects in frames of ``source``: those worth following, or all for a record.

        Args:
            finder: model or record.
            source: the video.
            carried: whether flow carries the objects to further frames, so that weak ones are needed, too.

        Raises (when called with frames):
            BalloonSplashError: the objects of a frame are not known.
        """

        wanted = self._continuing if carried else self._candidates

        def find(frames: Sequence[Frame]) -> list[Detections]:
            found = detections_of(finder.find([_named(source, frame) for frame in frames]))
            self._left_out = max([self._left_out, *(_best_below(each, self._selection.floor) for each in found)])
            return found if finder.record else [each[wanted.indices(each)] for each in found]

        return find

    def settling(self, finder: NamedFinder, source: Source) -> Settle:
        """Return a function that keeps the objects worth following, and records those that were carried to a frame."""

        def settle(frame: Frame, detections: Detections, found: bool) -> Detections:
            if finder.record and not found:
                finder.record(_named(source, frame).name, detections)
            return self.candidates(detections)

        return settle

    def undecided(self, found: Sequence[Detections]) -> bool:
        """Return whether one more look between frames with these objects could make one of them sure."""
        return is_undecided(
            [self.candidates(each) for each in found], self._selection.confidence, self._selection.floor
        )

    def explain_nothing(self) -> tuple[str, ...]:
        """Return one line that says why nothing kept its colour in any frame; none where something did.

        Where no object was chosen, the frame with the surest one explains it.
        """
        if not self.kept:
            if self._surest is None:
                return ()
            return (self._selection.explain_nothing(replace(self._surest, best_left_out=self._left_out)),)
        return () if self._visible else (self._look.explain_nothing(len(self.kept)),)

    def compose(self, rgb: Pixels, detections: Detections) -> Pixels:
        """Turn a ``(H, W, 3)`` frame into its splash, ``(H, W, 4)`` on a transparent ground."""
        if not self.kept and (self._surest is None or _best(detections) > _best(self._surest)):
            self._surest = detections
        if self._hysteresis is not None:
            detections = detections[self._hysteresis.indices(detections)]
        objects = detections[self._choose(detections)]
        self.kept.update(objects.numbers.tolist())
        matte = self._look.matte(rgb, objects)
        self._visible = self._visible or bool(matte.any())
        result: Pixels = self._look.apply(rgb, matte, objects).astype(rgb.dtype, copy=False)
        return result


def _best(detections: Detections) -> float:
    return float(detections.scores.max(initial=0.0))


def _best_below(found: Detections, floor: float) -> float:
    """Return the best score below ``floor``, also of what the finder itself left out; 0 if it does not know."""
    return max(found.best_left_out or 0.0, float(found.scores.max(initial=0.0, where=found.scores < floor)))


def _named(source: Source, frame: Frame) -> NamedImage:
    name, file_name = (frame_name(each, frame.source_time) for each in (source.name, source.relative.name))
    return NamedImage(name, file_name, to_8_bit(frame.rgb), video=source.name, time=frame.source_time)
