"""Tags of files and tracks: title, place, camera, language, time code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

# Tags of the old file rather than of its content: muxers write their own.
_OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "alpha_mode", "vendor_id"}
_STATISTICS = ("_statistics_", "bps", "number_of_frames", "number_of_bytes")
_HANDLER = "handler_name"  # tag of a track in MP4, useless in other files
_UNDETERMINED = "und"  # a language that says nothing
_TIMECODE = re.compile(r"\d\d:\d\d:\d\d([:;.])\d\d")


def lasting_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return title, comment, language and the like, without tags that were true of the source file only."""
    return {
        name: text
        for name, text in tags.items()
        if name.lower() not in _OF_THE_FILE and not name.lower().startswith(_STATISTICS)
    }


def lost_tags(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return names of the tags in ``before`` that ``after`` lacks, regardless of case."""
    kept = {name.casefold() for name in after}
    return [
        name
        for name, text in before.items()
        if name.casefold() not in kept and name.lower() != _HANDLER and text != _UNDETERMINED
    ]


def named_language(language: str | None) -> str | None:
    """Return a language, or None where a file says that it is not known."""
    return None if language == _UNDETERMINED else language


def muxer_flags(suffix: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return FFmpeg's options for an MP4 or MOV file that holds ``tags``.

    Its index goes to the front, so that a browser can play it while it loads. Keys such as
    ``com.apple.quicktime.make`` fit into metadata of QuickTime's newer kind alone, and then all go there.
    """
    if suffix not in (".mp4", ".m4v", ".mov"):
        return {}
    flags = ["+faststart"] * (suffix != ".mov") + ["+use_metadata_tags"] * any("." in name for name in tags)
    return {"movflags": "".join(flags)} if flags else {}


def without_timecode(tags: Mapping[str, str], rate: Fraction, *, whole: bool) -> dict[str, str]:
    """Return ``tags`` without a time code that would be wrong (of a part of the video) or that muxers refuse."""
    found = _TIMECODE.fullmatch(next((text for name, text in tags.items() if name.lower() == "timecode"), ""))
    fits = found is not None and (found[1] == ":" or rate.denominator == 1001)  # drop-frame codes are for 29.97
    return {name: text for name, text in tags.items() if name.lower() != "timecode" or (whole and fits)}
