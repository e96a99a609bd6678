"""Reading of videos frame by frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av

from balloon_splash.errors import MediaError
from balloon_splash.media.limits import media_limits
from balloon_splash.media.picture import to_8_bit
from balloon_splash.media.video.about_animation import AboutAnimation, about_animation
from balloon_splash.media.video.clip import Clip, Timed
from balloon_splash.media.video.colour import Colour, RgbReader
from balloon_splash.media.video.cut_off import is_cut_off
from balloon_splash.media.video.deinterlace import deinterlaced
from balloon_splash.media.video.frames import Frame, VideoInfo
from balloon_splash.media.video.opening import media_errors, open_input
from balloon_splash.media.video.orientation import Orientation
from balloon_splash.media.video.selection import main_video
from balloon_splash.media.video.side_data import kinds_not_carried, kinds_of_track
from balloon_splash.media.video.tags import lasting_tags
from balloon_splash.media.video.timeline import Timeline, may_jump, packets_before, timed_streams

FALLBACK_RATE = Fraction(25)
"""Frames per second of a video that does not give them."""

ANIMATIONS = frozenset({"gif", "apng"})
"""FFmpeg's names of the formats whose colours become sRGB's, in 8 bits."""

_FINEST_RATE = 1000  # "frame rates" above are time bases in disguise
_TICKS_PER_SECOND = 10_000  # least denominator where a time base has to be invented
_BACK_OFF = (0, 1, 4, 16)  # seconds before the wanted time at which to look for a picture that is not too late
_MISSING_SECONDS = Fraction(1, 5)  # share of the announced length by which a video that was cut off ends early


class VideoSource:
    """Video track of a file, as upright RGB frames with exact times, which can be read once.

    Args:
        path: the file.

    Attributes:
        info: information available without reading all frames.
        warnings: faults of the file, one line each; complete once the frames have been read.
        offset: the file's own time, in seconds, at time 0 of the clip; known once the first frame has been read.

    Raises:
        MediaError: the file cannot be read, is not a video, or not one frame of it can be decoded.
    """

    def __init__(self, path: Path) -> None:
        self.warnings: list[str] = []
        self._path = path
        self._limits = media_limits()
        self._damaged = 0
        self._interlaced = False
        self._beside: set[str] = set()
        self._jumps = 0
        self._open()
        try:
            self._about = self._about_animation()
            self.offset = self._origin = self._start_of_tracks()
            self._rate = self._find_rate()
            self._grid = self._find_grid()
            self._decoded = self._decode(0)
            self._first = self._first_frame()
            self._orientation = Orientation.of(self._first.content)
            self.info = self._describe()
            self._beside |= kinds_of_track(self._stream)
            if not self.info.colour.is_computed:
                self.warnings.append(
                    f"{self._path}: its colours are coded by matrix {self.info.colour.matrix} (ITU-T H.273), which is "
                    "not computed here; they come out changed"
                )
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> VideoSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def frames(self, clip: Clip) -> Iterator[Frame]:
        """Read the frames of ``clip``; the first one has time 0 if the clip has a start.

        Raises:
            MediaError: the clip holds no frame.
        """
        read = RgbReader(self.info.colour, deep=self.info.bits > 8)
        shift: Fraction | None = None
        end = Fraction(0)
        for picture in clip.pick(self._from(clip.start)):
            end = picture.end
            if shift is None:
                shift = picture.time if clip.start else Fraction(0)
                self.offset = self._origin + shift
            rgb, alpha = read(picture.content)
            rgb = rgb if self._about.to_srgb is None else self._about.to_srgb(to_8_bit(rgb))
            turn = self._orientation.apply
            opacity = None if alpha is None else turn(alpha)
            yield Frame(turn(rgb), opacity, picture.time - shift, picture.duration, picture.time)
        self._report_at_end(end if clip.runs_to_the_end else None)
        if shift is None:
            seconds = self.info.seconds
            ends = "earlier" if seconds is None else f"after {float(seconds):.2f} s"
            raise MediaError(f"{self._path}: no frame from {clip.start:g} s on; the video ends {ends} (--start)")

    def _open(self) -> None:
        """Open, or reopen, the file at its beginning."""
        with media_errors(self._path, "cannot be read as a video"):
            self._container = open_input(self._path)
        try:
            self._stream = self._find_stream()
        except BaseException:
            self._container.close()
            raise
        self._decoder = _decoder(self._stream)
        # The size may change on the way; FFmpeg checks this limit before it allocates a frame.
        self._decoder.options = {**self._decoder.options, "max_pixels": str(self._limits.max_frame_pixels)}

    def _find_stream(self) -> av.VideoStream:
        stream = main_video(self._container)
        if stream is None:
            kinds = ", ".join(sorted({stream.type for stream in self._container.streams})) or "nothing"
            raise MediaError(f"{self._path}: found {kinds}; expected a video track that can be decoded")
        self._check_size(stream.width, stream.height)
        stream.thread_type = "AUTO"
        return stream

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._limits.max_frame_pixels:
            raise MediaError(
                f"{self._path}: frames of {width}x{height} pixels; "
                f"at most {self._limits.max_frame_pixels} are read (BALLOON_SPLASH_MAX_FRAME_PIXELS)"
            )

    def _start_of_tracks(self) -> Fraction:
        """Return the start of the file's first track in its own time; broadcast streams do not begin at 0."""
        starts = [
            stream.start_time * stream.time_base
            for stream in self._container.streams
            if stream.type in ("video", "audio") and stream.start_time is not None and stream.time_base is not None
        ]
        # Sound may begin before 0 with samples that only prime its decoder.
        return max(Fraction(0), min(starts, default=Fraction(0)))

    def _find_rate(self) -> Fraction:
        for rate in (self._stream.average_rate, self._stream.guessed_rate):
            if rate is not None and 0 < rate <= _FINEST_RATE:
                return rate
        if self._container.format.name == "apng":
            return 1 / self._about.first
        self.warnings.append(f"{self._path}: has no frame rate; {FALLBACK_RATE} frames per second are assumed")
        return FALLBACK_RATE

    def _about_animation(self) -> AboutAnimation:
        if self._container.format.name not in ANIMATIONS:
            return AboutAnimation()
        about = about_animation(self._path)
        self.warnings += about.warnings
        return about

    def _find_grid(self) -> Fraction | None:
        """Return the exact frame interval if the file's clock is too coarse (Matroska's milliseconds), else None."""
        interval = 1 / self._rate
        return None if (interval / self._tick).denominator == 1 or self._tick < Fraction(1, 2000) else interval

    @property
    def _tick(self) -> Fraction:
        return self._stream.time_base or 1 / self._rate

    def _first_frame(self) -> Timed[av.VideoFrame]:
        first = next(self._decoded, None)
        if first is None:
            raise MediaError(f"{self._path}: not one video frame can be decoded; expected at least one")
        return first

    def _describe(self) -> VideoInfo:
        seconds = None
        if self._stream.duration is not None:
            seconds = self._stream.duration * self._tick
        elif self._container.duration is not None:
            seconds = Fraction(self._container.duration, av.time_base)
        tick = self._tick
        if self._grid is not None:
            numerator = self._rate.numerator
            tick = Fraction(1, numerator * math.ceil(_TICKS_PER_SECOND / numerator))
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        return VideoInfo(
            path=self._path,
            rate=self._rate,
            time_base=tick,
            seconds=seconds,
            size=(self._stream.height, self._stream.width),
            colour=self._about.colour if self._stream.format.is_rgb else Colour.of(self._stream),
            sample_aspect=1 / aspect if self._orientation.transpose else aspect,
            metadata=lasting_tags(self._container.metadata),
            video_metadata=lasting_tags(self._stream.metadata),
            plays=self._about.plays,
            bits=self._bits(),
        )

    def _bits(self) -> int:
        """Return the bits per channel of the frames to be read: those of the file, but 8 of animations."""
        bits = max(component.bits for component in self._first.content.format.components)
        if bits <= 8 or self._container.format.name not in ANIMATIONS:
            return bits
        self.warnings.append(f"{self._path}: {bits} bits per channel become 8")
        return 8

    def _from(self, start: float) -> Iterator[Timed[av.VideoFrame]]:
        """Yield the frames from ``start`` on, and perhaps some before, but none missing."""
        if start <= 0:
            yield self._first
            yield from self._decoded
            return
        target = Fraction(start)
        if may_jump(self._container):
            packets = packets_before(self._path, self._stream.index, target + self._origin)
            self._begin_anew()
            yield from self._decode(packets)
            return
        for earlier in _BACK_OFF:
            found = self._sought(target - earlier)
            first = next(found, None)
            if first is not None and first.time <= target:
                yield first
                yield from found
                return
        self._begin_anew()
        yield from self._decode(0)

    def _sought(self, time: Fraction) -> Iterator[Timed[av.VideoFrame]]:
        """Yield the frames from the seek position for ``time``, which may be too late; none before the beginning."""
        if time <= 0:
            return
        try:
            self._container.seek(int((time + self._origin) / self._tick), stream=self._stream)
        except av.FFmpegError:
            return  # no index
        self._decoder.flush_buffers()
        yield from self._decode(0)

    def _begin_anew(self) -> None:
        self._container.close()
        self._damaged = 0
        self._open()

    def _decode(self, skip: int) -> Iterator[Timed[av.VideoFrame]]:
        """Yield the frames after the first ``skip`` packets from the file's position."""
        previous: Timed[av.VideoFrame] | None = None
        for number, frame in enumerate(deinterlaced(self._decoded_frames(skip))):
            if number == self._limits.max_frames:
                raise MediaError(
                    f"{self._path}: more than {number} frames, at most so many are read (BALLOON_SPLASH_MAX_FRAMES)"
                )
            tick = frame.time_base or self._tick
            duration = frame.duration * tick or 1 / self._rate
            if frame.pts is not None:
                time = self._exact(frame.pts * tick - self._origin)
            else:
                time = previous.end if previous else Fraction(0)
            if previous is not None and time <= previous.time:
                time = previous.time + self._tick  # encoders need times that grow
            previous = Timed(frame, time, duration)
            yield previous

    def _decoded_frames(self, skip: int) -> Iterator[av.VideoFrame]:
        jumping = may_jump(self._container)
        timeline = Timeline(jumps_ahead=jumping)
        streams = timed_streams(self._container) if jumping else [self._stream]
        try:
            for packet in self._container.demux(*streams):
                timeline.place(packet)
                self._jumps = max(self._jumps, timeline.jumps)
                if packet.stream.index != self._stream.index:  # the last, empty packets have no number
                    continue
                if skip:
                    skip -= 1
                    continue
                self._damaged += packet.is_corrupt
                try:
                    for frame in self._decoder.decode(packet):
                        self._interlaced = self._interlaced or frame.interlaced_frame
                        self._beside |= kinds_not_carried(frame)
                        yield frame
                except av.FFmpegError:
                    self._damaged += 1
        except av.FFmpegError as error:
            self.warnings.append(f"{self._path}: cannot be read to its end ({error.strerror}); the part before is kept")

    def _exact(self, time: Fraction) -> Fraction:
        """Return ``time`` before the file's clock rounded it."""
        if self._grid is None:
            return time
        nearest = round(time / self._grid) * self._grid
        return nearest if abs(nearest - time) <= self._tick else time

    def _announced(self) -> Fraction | None:
        """Return the length of the video track, if known: a file's overall length may be that of another track.

        The tag comes first: of a track without a length of its own, FFmpeg gives that of the file.
        """
        tagged = _tagged_seconds(self._stream)
        if tagged is not None:
            return tagged - self._origin
        alone = self._stream.duration is not None or len(self._container.streams) == 1
        return self.info.seconds if alone else None

    def _report_at_end(self, end: Fraction | None) -> None:
        if self._interlaced:
            self.warnings.append(f"{self._path}: is interlaced; each pair of half pictures becomes one whole frame")
        if self._beside:
            self.warnings.append(f"{self._path}: {', '.join(sorted(self._beside))}: left out")
        if self._jumps:
            self.warnings.append(
                f"{self._path}: its clock starts anew, {self._jumps}x, as where recordings were joined; "
                "the parts follow one another"
            )
        if self._damaged:
            self.warnings.append(
                f"{self._path}: {self._damaged} damaged packets; the parts that can be decoded are kept"
            )
        if end is None:
            return
        announced = self._announced()
        if announced is not None and end < announced - _MISSING_SECONDS:
            self.warnings.append(
                f"{self._path}: ends after {float(end):.2f} s; its header announces {float(announced):.2f} s"
            )
        elif is_cut_off(self._path, self._container.format.name):
            self.warnings.append(f"{self._path}: is cut off; the part before is kept")


def _tagged_seconds(stream: av.VideoStream) -> Fraction | None:
    """Return the length in Matroska's statistics of a track, ``h:mm:ss.fraction``."""
    text = next((value for name, value in stream.metadata.items() if name.upper().startswith("DURATION")), "")
    try:
        hours, minutes, seconds = (Fraction(part) for part in text.split(":"))
    except (ValueError, ZeroDivisionError):
        return None
    return hours * 3600 + minutes * 60 + seconds


def _decoder(stream: av.VideoStream) -> av.VideoCodecContext:
    """Return the stream's own decoder, except for VP9 with alpha, which FFmpeg's own decoder ignores."""
    if stream.codec_context.name != "vp9" or stream.metadata.get("alpha_mode") != "1":
        return stream.codec_context
    decoder = av.CodecContext.create("libvpx-vp9", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    return decoder
