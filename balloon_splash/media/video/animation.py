"""Animations that FFmpeg does not read whole: WebP, AVIF, whose opacity it leaves aside, and some GIF files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags

from balloon_splash.errors import MediaError
from balloon_splash.media.deep_pixels import UPRIGHT
from balloon_splash.media.formats import animation_of
from balloon_splash.media.limits import media_limits
from balloon_splash.media.opening import DAMAGED, open_image, read_bytes
from balloon_splash.media.video.about_animation import about_animation, shown_for
from balloon_splash.media.video.clip import Clip, Timed
from balloon_splash.media.video.frames import Frame, VideoInfo
from balloon_splash.media.video.opening import media_errors

_READABLE = frozenset({"WEBP", "AVIF", "GIF"})
_GIF_CONTROL = b"\x21\xf9\x04"  # begins a graphic control extension (GIF89a, 23)

_MILLISECOND = Fraction(1, 1000)


def is_read_by_pillow(path: Path) -> bool:
    """Return whether a file is an animation that :class:`AnimationSource` reads, judged by its content.

    Of a GIF file, FFmpeg (8.1) gives the first picture alone where no control block stands before each, and Pillow
    writes none if it is not told how long pictures are shown.
    """
    kind, pictures = animation_of(path)
    if kind != "GIF" or pictures == 1:
        return kind in ("WEBP", "AVIF")
    with path.open("rb") as file:
        return read_bytes(file, str(path)).count(_GIF_CONTROL) < pictures


class AnimationSource:
    """Animated WebP, AVIF or GIF file read through Pillow, with the interface of ``VideoSource``.

    Raises:
        MediaError: the file is not a picture that can be read, or is larger than the limits allow.
    """

    def __init__(self, path: Path) -> None:
        self.offset = Fraction(0)
        self._path = path
        self._limits = media_limits()
        with media_errors(path, "cannot be read as an animation"):
            about = about_animation(path)
            self._image = open_image(path, _READABLE)
        self.warnings = list(about.warnings)
        self._frames: int = getattr(self._image, "n_frames", 1)
        self._to_srgb = about.to_srgb
        try:
            self._check()
            self._turn = UPRIGHT.get(self._image.getexif().get(ExifTags.Base.Orientation, 1), np.asarray)
        except DAMAGED as error:
            self._image.close()
            raise MediaError(f"{path}: cannot be read as an animation ({_reason(error)})") from error
        except BaseException:
            self._image.close()
            raise
        self.info = VideoInfo(
            path=path,
            rate=1 / about.first,
            time_base=_MILLISECOND,
            seconds=about.first * self._frames,
            size=(self._image.height, self._image.width),
            colour=about.colour,
            sample_aspect=Fraction(1),
            metadata={},
            video_metadata={},
            plays=about.plays,
        )

    def __enter__(self) -> AnimationSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._image.close()

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """Read the frames of ``clip``.

        Raises:
            MediaError: no frame lies in the clip.
        """
        shift: Fraction | None = None
        for picture in clip.pick(self._decode()):
            if shift is None:
                shift = picture.time if clip.start else Fraction(0)
            pixels = self._turn(picture.content)
            rgb = np.ascontiguousarray(pixels[..., :3], np.uint8)
            rgb = rgb if self._to_srgb is None else self._to_srgb(rgb)
            alpha = np.ascontiguousarray(pixels[..., 3], np.uint8)
            yield Frame(rgb, alpha, picture.time - shift, picture.duration, picture.time)
        if shift is None:
            raise MediaError(f"{self._path}: no frame from {clip.start:g} s on; the animation ends earlier (--start)")

    def _check(self) -> None:
        width, height = self._image.size
        if width * height > self._limits.max_frame_pixels:
            raise MediaError(
                f"{self._path}: frames of {width}x{height} pixels; "
                f"at most {self._limits.max_frame_pixels} are read (BALLOON_SPLASH_MAX_FRAME_PIXELS)"
            )
        if self._frames > self._limits.max_frames:
            raise MediaError(
                f"{self._path}: {self._frames} frames, at most {self._limits.max_frames} are read "
                "(BALLOON_SPLASH_MAX_FRAMES)"
            )

    def _decode(self) -> Iterator[Timed[npt.NDArray[np.uint8]]]:
        """Yield all pictures, each at the time in its file, or else at the end of the one before."""
        time = Fraction(0)
        for index in itertools.count():
            if index == self._frames:
                return
            try:
                self._image.seek(index)
                pixels = np.asarray(self._image.convert("RGBA"))
            except DAMAGED as error:
                self.warnings.append(
                    f"{self._path}: cannot be read to its end ({_reason(error)}); the part before is kept"
                )
                return
            duration = shown_for(self._image)
            if self._image.format == "AVIF":  # whose durations are rounded, so that their sum runs away
                time = max(time, (self._image.info.get("timestamp") or 0) * _MILLISECOND)
            yield Timed(pixels, time, duration)
            time += duration if self._image.format != "AVIF" else _MILLISECOND


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
