"""Writing of videos frame by frame."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av

from balloon_splash.errors import MediaError
from balloon_splash.media.limits import media_limits
from balloon_splash.media.pixels import Pixels
from balloon_splash.media.video.about_animation import loop_option
from balloon_splash.media.video.animation import AnimationSource
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Codec, Encoding, deep_codecs
from balloon_splash.media.video.encoder import VideoEncoder, can_be_square
from balloon_splash.media.video.last_picture import set_last_duration
from balloon_splash.media.video.opening import media_errors, open_input
from balloon_splash.media.video.source import VideoSource
from balloon_splash.media.video.tags import lost_tags, muxer_flags, without_timecode
from balloon_splash.media.video.tracks import CopiedTracks

_FORMATS = {".png": "apng", ".avifs": "avif", ".m4v": "mp4"}
"""FFmpeg's names of formats where the suffix alone means another one to it, such as an iPod's, without H.265."""


class VideoSink:
    """Sink that writes a video with the sound, subtitles and tags of another one.

    The first frame starts the file, and decides size and transparency. A sink that ends by an exception leaves an
    unusable file.

    Args:
        path: the file to write.
        source: the video that frames, tags, sound and subtitles come from.
        destination: the file's name in messages (``path`` may be temporary).
        clip: the part of the source.
        encoding: encoding of the file.

    Attributes:
        warnings: features that could not be kept, one line each.
        size: ``(height, width)`` of the file's pictures, known once there is one.
        end: seconds written so far.
        frames: number of pictures written.
    """

    def __init__(
        self,
        path: Path,
        source: VideoSource | AnimationSource,
        *,
        destination: Path,
        clip: Clip,
        encoding: Encoding,
    ) -> None:
        self.warnings: list[str] = []
        self.size = (0, 0)
        self.end = Fraction(0)
        self.frames = 0
        self._last_duration = Fraction(0)
        self._path = path
        self._destination = destination
        self._source = source
        self._clip = clip
        self._encoding = encoding
        self._tracks: CopiedTracks | None = None
        self._encoder: VideoEncoder | None = None
        suffix = destination.suffix.lower()
        container_options = muxer_flags(suffix, source.info.metadata) | loop_option(suffix, source.info.plays)
        with media_errors(destination, "cannot be written"):
            self._output = av.open(path, "w", format=_FORMATS.get(suffix), container_options=container_options)
        if suffix == ".gif":
            self.warnings.append(f"{destination}: GIF holds 256 colours per picture")
        self._output.metadata.update(source.info.metadata)

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._tracks is not None:
            self._tracks.close()
        if kind is None:
            with media_errors(self._destination, "cannot be written"):
                self._output.close()
                set_last_duration(self._path, self._destination.suffix.lower(), self._last_duration)
            self._report_lost_tags()
        else:
            with contextlib.suppress(av.FFmpegError, OSError):  # report the first error
                self._output.close()

    @property
    def copied_tracks(self) -> tuple[str, ...]:
        """Codecs of the sound and subtitle tracks of the file."""
        return () if self._tracks is None else self._tracks.copied

    def write(self, pixels: Pixels, time: Fraction, duration: Fraction) -> None:
        """Append ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA pixels, all of one shape, shown from ``time`` seconds on.

        Raises:
            MediaError: the disk is full, or the file's format does not take the pictures.
            UsageError: the file's format cannot be transparent.
        """
        with media_errors(self._destination, "cannot be written"):
            encoder = self._encoder or self._begin(pixels.shape[0], pixels.shape[1], alpha=pixels.shape[2] == 4)
            self._output.mux(encoder.encode(pixels, time, duration))
            if self._tracks is not None:
                self._tracks.copy_until(time)
        self.end, self._last_duration = time + duration, duration
        self.frames += 1

    def finish(self, *, cut: bool = False) -> None:
        """Write the rest; to be called once, after the last frame.

        Args:
            cut: end the sound with the last frame, as always where the clip ends before its source.
        """
        with media_errors(self._destination, "cannot be written"):
            if self._encoder is not None:
                self._output.mux(self._encoder.finish())
            if self._tracks is not None:
                self._tracks.copy_until(None if self._clip.runs_to_the_end and not cut else self.end)
                self._tracks.finish()
                self.warnings += self._tracks.warnings

    def _begin(self, height: int, width: int, *, alpha: bool) -> VideoEncoder:
        codec = self._codec(width, alpha=alpha)
        if width < codec.min_width:
            raise MediaError(
                f"{self._destination}: pictures {width} pixels wide; {codec.encoder} takes {codec.min_width} or more"
            )
        info = self._source.info
        whole = self._clip.start == 0 and self._clip.stride == 1
        tags = without_timecode(info.video_metadata, info.rate, whole=whole)
        info = replace(info, rate=info.rate / self._clip.stride, video_metadata=tags)
        suffix = self._destination.suffix.lower()
        square = not codec.tells_aspect(suffix)
        if square and not self._can_be_square(height, width):
            info = replace(info, sample_aspect=Fraction(1))
        pixel_format = codec.format_for(alpha=alpha, deep=info.bits > 8)
        self._report_depth(pixel_format, alpha=alpha)
        self._encoder = VideoEncoder(
            self._output,
            codec,
            self._encoding,
            info,
            width=width,
            height=height,
            pixel_format=pixel_format,
            alpha=alpha,
            square=square,
        )
        self.size = self._encoder.size
        self._report_size(height, width, self._encoder.padding)
        if not (codec.names_colours or info.colour.is_usual):
            self.warnings.append(
                f"{self._destination}: its colours ({info.colour}) cannot be named in {suffix} files and look pale"
            )
        if isinstance(self._source, VideoSource):
            self._tracks = CopiedTracks(
                info.path,
                self._output,
                destination=self._destination,
                offset=self._source.offset,
                audio=self._encoding.audio == "copy",
            )
            self._tracks.copy_chapters(whole=self._clip == Clip())
        return self._encoder

    def _codec(self, width: int, *, alpha: bool) -> Codec:
        """Return the codec that was asked for, or one that keeps the bits of the source, if it takes such pictures."""
        deep = self._encoding.choose(self._destination, alpha=alpha, deep=self._source.info.bits > 8)
        if self._encoding.codec is None and width < deep.min_width:
            return self._encoding.choose(self._destination, alpha=alpha)
        return deep

    def _report_depth(self, pixel_format: str, *, alpha: bool) -> None:
        """Warn where the file has fewer bits per channel than its source."""
        bits, kept = self._source.info.bits, 8
        if bits > 8 and pixel_format != "pal8":
            kept = max(component.bits for component in av.VideoFormat(pixel_format).components)
        if bits > kept:
            others = deep_codecs(self._destination.suffix.lower()) if kept == 8 and not alpha else []
            hint = f"; --codec {' or '.join(others)} keeps 10" if others else ""
            self.warnings.append(f"{self._destination}: {bits} bits per channel become {kept}{hint}")

    def _can_be_square(self, height: int, width: int) -> bool:
        """Return whether to stretch pictures until their pixels are square; if not, add a warning."""
        aspect = self._source.info.sample_aspect
        if can_be_square(height, width, aspect, max_pixels=media_limits().max_frame_pixels):
            return True
        self.warnings.append(
            f"{self._destination}: its pixels are said to be {aspect.numerator}:{aspect.denominator} wide, which is "
            "not credible or makes pictures too large; they are written as square"
        )
        return False

    def _report_size(self, height: int, width: int, padding: tuple[int, int]) -> None:
        """Warn where the pictures of the file have another size than the incoming ones, and why."""
        grown = f"{self._destination}: {width}x{height} became {self.size[1]}x{self.size[0]}"
        aspect = self._source.info.sample_aspect
        if self.size != (height + padding[0], width + padding[1]):
            self.warnings.append(
                f"{grown}: its pixels were {aspect.numerator}:{aspect.denominator} wide and are square now, which this "
                "kind of file needs; MP4 and MOV keep them, and so do h264 and h265 in Matroska"
            )
        elif any(padding):
            self.warnings.append(
                f"{grown}, the last line repeated; 4:2:0 video has no odd sizes in this codec (vp9 and av1 keep them)"
            )

    def _report_lost_tags(self) -> None:
        """Compare the tags of the finished file with those of its source."""
        info = self._source.info
        before = {**info.metadata, **info.video_metadata}
        if not before or self._encoder is None:
            return
        after: dict[str, str] = {}
        with contextlib.suppress(av.FFmpegError, MediaError, OSError), open_input(self._path) as result:
            after = {**result.metadata, **(result.streams.video[0].metadata if result.streams.video else {})}
        lost = lost_tags(before, after)
        if lost:
            self.warnings.append(f"{self._destination}: these tags are left out: {', '.join(lost)}")
