"""Selection of the track that is a file's video."""

from __future__ import annotations

import av
from av.container import InputContainer
from av.stream import Disposition

_STILLS = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image | Disposition.dependent


def main_video(container: InputContainer) -> av.VideoStream | None:
    """Return the track to show, or None: the first decodable one marked as default, as in players.

    Stills count only where there is nothing else, and covers never.
    """
    # Without a decoder a stream has no context, and without that no size.
    tracks = [
        stream
        for stream in container.streams.video
        if Disposition.attached_pic not in stream.disposition
        and stream.codec_context
        and stream.width
        and stream.pix_fmt is not None
    ]
    moving = [stream for stream in tracks if not stream.disposition & _STILLS] or tracks
    marked = [stream for stream in moving if Disposition.default in stream.disposition]
    return next(iter(marked or moving), None)
