"""Side data of decoded frames: captions, HDR metadata, marks of 3D and 360-degree video."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
from av.sidedata.sidedata import SideData, SideDataContainer, Type


def _named_by_number(kind: type[Type], number: int) -> Type:
    """Return a member for a kind unknown to PyAV (18.1), such as FFmpeg 8.1's EXIF, whose frames raise ValueError."""
    unknown = object.__new__(kind)
    for name, value in (("_name_", f"UNKNOWN_{number}"), ("_value_", number)):
        setattr(unknown, name, value)
    return unknown


Type._missing_ = classmethod(_named_by_number)  # type: ignore[assignment]

NOT_CARRIED = {
    0: "pan and scan",
    1: "captions in the picture (CEA-608, CEA-708)",
    2: "the mark as a 3D video",
    7: "the active format",
    11: "HDR mastering data",
    12: "time codes in the picture",
    13: "the mark as a 360-degree video",
    14: "HDR light levels",
    15: "the ICC profile",
    16: "time codes in the picture",
    17: "HDR10+ metadata",
    21: "film grain",
    23: "Dolby Vision metadata",
    24: "Dolby Vision metadata",
    25: "HDR Vivid metadata",
    28: "the LCEVC enhancement",
    29: "the second view (MV-HEVC)",
    30: "the mark as a 3D video",
    31: "EXIF",
}
"""By number (FFmpeg's ``AVFrameSideDataType``); others tell of the coding or of sound."""


_DOLBY_VISION = frozenset({"dvh1", "dvhe", "dva1", "dvav", "dav1"})
"""Kinds of samples in MP4 and MOV whose colours may need the metadata."""

_MULTILAYER = 1 << 21  # AV_DISPOSITION_MULTILAYER, which PyAV names since 15


def kinds_of_track(stream: av.VideoStream) -> set[str]:
    """Return the names of what a track announces and results do not carry."""
    found = {NOT_CARRIED[24]} if stream.codec_tag in _DOLBY_VISION else set()
    return found | ({NOT_CARRIED[29]} if int(stream.disposition) & _MULTILAYER else set())


def side_data(frame: av.VideoFrame, number: int) -> bytes | None:
    """Return the data of one kind, by its number, or None."""
    found = next((part for kind, part in _parts(frame) if kind == number), None)
    return None if found is None else bytes(found)


def kinds_not_carried(frame: av.VideoFrame) -> set[str]:
    """Return the names of the side data of a frame that results do not carry."""
    return {NOT_CARRIED[kind] for kind, _ in _parts(frame) if kind in NOT_CARRIED}


def _parts(frame: av.VideoFrame) -> Iterator[tuple[int, SideData]]:
    """Yield number and data of each kind.

    Not by ``frame.side_data``: the frame keeps that container, which keeps the frame, so that every frame would wait
    for the garbage collector, with the 3 MB of a picture of 1080p (PyAV 18.1).
    """
    container: Any = SideDataContainer  # PyAV's type hints take it for a mapping of names alone
    for part in container(frame):
        yield part.type.value, part
