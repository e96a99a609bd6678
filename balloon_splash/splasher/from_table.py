"""Values of the option table (:mod:`balloon_splash.option_table`), by name, to what a splash takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from balloon_splash.compositing import DEFAULT_LOW_CONFIDENCE
from balloon_splash.compositing.backgrounds import BackgroundLike
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.compositing.smoothing import Steadiness
from balloon_splash.compositing.strokes import Strokes
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.splasher.video_stream import VideoOptions


def look_of(values: Mapping[str, Any], background: BackgroundLike, strokes: Strokes | None = None) -> Look:
    """Return the look that the options of background, edges and marks ask for.

    Args:
        values: by name of the option.
        background: that of ``values``, or the picture that it stands for.
        strokes: corrections by a person.
    """
    return Look(
        background=background,
        invert=values["invert"],
        soft=values["soft"],
        feather=values["feather"],
        grow=values["grow"] - values["shrink"],
        refine=values["refine"],
        outline=values["outline"],
        labels=values["labels"],
        strokes=strokes,
    )


def selection_of(values: Mapping[str, Any]) -> Selection:
    """Return the objects that keep their colour.

    Raises:
        UsageError: the options contradict each other.
    """
    box, point, instances = values["box"], values["point"], values["instances"]
    return Selection(
        confidence=values["confidence"],
        low_confidence=_low_confidence(values),
        classes=tuple(values["classes"]),
        instances=None if instances is None else tuple(instances),
        box=tuple(box) if box else None,
        point=tuple(point) if point else None,
        largest=values["largest"],
        top_k=values["top_k"],
    )


def video_options_of(values: Mapping[str, Any], *, batch_size: int = 4) -> VideoOptions:
    """Part, steadiness and encoding of a video.

    Args:
        values: by name of the option.
        batch_size: see :class:`~balloon_splash.splasher.video_stream.VideoOptions`.

    Raises:
        UsageError: a value is out of range.
    """
    return VideoOptions(
        clip=Clip(start=values["start"], end=values["end"], stride=values["stride"], max_frames=values["max_frames"]),
        batch_size=batch_size,
        every=None if values["every"] == "auto" else values["every"],
        steadiness=None if values["no_steady"] else Steadiness(),
        encoding=Encoding(
            codec=values["codec"],
            quality=values["video_quality"],
            audio="drop" if values["no_audio"] else "copy",
        ),
    )


def _low_confidence(values: Mapping[str, Any]) -> float | None:
    if values["no_low_confidence"]:
        return None
    given: float | None = values["low_confidence"]
    return min(DEFAULT_LOW_CONFIDENCE, values["confidence"]) if given is None else given
