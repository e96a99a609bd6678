"""Reading of animated WebP, which FFmpeg writes but does not read."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from balloon_splash.errors import MediaError
from balloon_splash.media.opening import open_image
from balloon_splash.media.video.clip import Clip, Timed
from balloon_splash.media.video.colour import Colour
from balloon_splash.media.video.frames import Frame, VideoInfo
from balloon_splash.media.video.loops import plays
from balloon_splash.media.video.opening import media_errors

_MILLISECOND = Fraction(1, 1000)


class WebpSource:
    """Source that reads an animated WebP through Pillow, with the interface of ``VideoSource``.

    Raises:
        MediaError: the file is not a picture that can be read.
    """

    def __init__(self, path: Path) -> None:
        self.warnings: list[str] = []
        self.offset = Fraction(0)
        self._path = path
        with media_errors(path, "cannot be read as an animation"):
            self._image = open_image(path, ["WEBP"])
        self._frames: int = getattr(self._image, "n_frames", 1)
        first = _milliseconds(self._image)
        self.info = VideoInfo(
            path=path,
            rate=1 / (first * _MILLISECOND),
            time_base=_MILLISECOND,
            seconds=first * self._frames * _MILLISECOND,
            size=(self._image.height, self._image.width),
            colour=Colour.for_rgb(),
            sample_aspect=Fraction(1),
            has_sound=False,
            metadata={},
            video_metadata={},
            plays=plays(path),
        )

    def __enter__(self) -> WebpSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._image.close()

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """Read the frames of ``clip``.

        Raises:
            MediaError: the clip holds no frame.
        """
        shift: Fraction | None = None
        for picture in clip.pick(self._decode()):
            if shift is None:
                shift = picture.time if clip.start else Fraction(0)
            rgb = np.ascontiguousarray(picture.content[..., :3])
            yield Frame(rgb, picture.content[..., 3], picture.time - shift, picture.duration, picture.time)
        if shift is None:
            raise MediaError(f"{self._path}: no frame from {clip.start} s on; the animation ends earlier")

    def _decode(self) -> Iterator[Timed[npt.NDArray[np.uint8]]]:
        time = Fraction(0)
        for index in range(self._frames):
            try:
                self._image.seek(index)
                pixels = np.asarray(self._image.convert("RGBA"))
            except (EOFError, OSError) as error:
                self.warnings.append(f"{self._path}: cannot be read to its end ({error}); the part before is kept")
                return
            duration = _milliseconds(self._image) * _MILLISECOND
            yield Timed(pixels, time, duration)
            time += duration


def _milliseconds(image: Image.Image) -> int:
    """Return the duration of the current frame; browsers take 0 for 100."""
    return int(image.info.get("duration") or 0) or 100
