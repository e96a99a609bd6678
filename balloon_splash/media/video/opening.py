"""Opening of video files, within bounds on their kind and size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer

from balloon_splash.errors import MediaError
from balloon_splash.media.limits import media_limits
from balloon_splash.media.video.boxes import announced_samples

# FFmpeg's names of the formats behind the suffixes of videos, and of those that phones and tools put there.
_CONTAINERS = (
    "mov",
    "matroska",
    "avi",
    "mpeg",
    "mpegts",
    "asf",
    "gif",
    "apng",
    "webp_pipe",  # an animation without tracks to copy, whose pictures Pillow reads
    "flv",
    "ogg",
    "mpegvideo",
    "h264",
    "hevc",
    "wav",
)
_EXPECTED = "MP4, MOV, MKV, WebM, AVI, MPEG, TS, WMV, FLV, Ogg, GIF or APNG"


def open_input(path: Path) -> InputContainer:
    """Open a video, and nothing else.

    FFmpeg reads hundreds of formats, whatever the suffix says. Some are lists of other files, local or remote, which
    a video from a stranger must not read; nor is a file fetched whose name looks like a URL.

    Raises:
        MediaError: another kind of file, or an index of more than ``max_frames`` entries
            (:class:`~balloon_splash.media.limits.MediaLimits`).
        av.FFmpegError, OSError: it cannot be read.
    """
    limits = media_limits()
    _check_index(path, limits.max_frames)
    options = {
        "format_whitelist": ",".join(_CONTAINERS),
        "protocol_whitelist": "file",
        "max_pixels": str(limits.max_frame_pixels),  # for decoders that probe what the header does not say
    }
    try:
        return av.open(f"file:{path}", "r", options=options, metadata_errors="replace")
    except av.ArgumentError as error:
        raise MediaError(
            f"{path}: cannot be read as a video: damaged, or of another kind; expected {_EXPECTED}"
        ) from error


def _check_index(path: Path, max_frames: int) -> None:
    """Refuse an MP4 or MOV whose header announces more than the file can hold: FFmpeg allocates all of it."""
    with path.open("rb") as file:
        samples = announced_samples(file)
    # Two samples per byte: compressed sound in QuickTime counts the decoder's output.
    if samples > max_frames and samples > 2 * path.stat().st_size:
        raise MediaError(
            f"{path}: its header announces {samples} frames or samples; "
            f"at most {max_frames} are read (BALLOON_SPLASH_MAX_FRAMES)"
        )


@contextlib.contextmanager
def media_errors(path: Path, failure: str) -> Iterator[None]:
    """Turn errors of FFmpeg and of the file system into ``MediaError("<path>: <failure>: <reason>")``."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"{path}: {failure}: {error.strerror or error}") from error
