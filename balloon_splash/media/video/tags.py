"""Tags of a file or track that are worth copying to another one."""

from __future__ import annotations

from collections.abc import Mapping

# What describes the old file rather than its content: muxers write their own.
_OF_THE_FILE = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "alpha_mode", "vendor_id"}
_STATISTICS = ("_statistics_", "bps", "number_of_frames", "number_of_bytes")


def lasting_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Title, comment, language and the like, without what was only true of the file they come from."""
    return {
        name: text
        for name, text in tags.items()
        if name.lower() not in _OF_THE_FILE and not name.lower().startswith(_STATISTICS)
    }
