"""Sound, subtitles and attachments, copied or converted from one file to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import AttachmentStream, Disposition, Stream

from balloon_splash.media.video.conversion import ConvertedSound, ConvertedText, is_text
from balloon_splash.media.video.opening import media_errors, open_input
from balloon_splash.media.video.selection import main_video
from balloon_splash.media.video.sound import MUXERS, codec_name, held_tracks
from balloon_splash.media.video.tags import lasting_tags, named_language
from balloon_splash.media.video.timeline import Timeline, may_jump, timed_streams

_EARLIER = 1  # second before the clip at which to start reading packets: tracks are not interleaved exactly

_Handle: TypeAlias = Callable[["Packet[Stream] | None"], "list[Packet[Stream]]"]


@dataclass(frozen=True)
class _Copy:
    """Track whose packets are copied."""

    track: Stream

    def __call__(self, packet: Packet[Stream] | None) -> list[Packet[Stream]]:
        if packet is None:
            return []
        packet.stream = self.track
        return [packet]


class CopiedTracks:
    """Other tracks of a video, in sync with it: copied bit for bit where the file can hold them.

    Sound and text that it cannot hold are converted, and warnings name tracks that cannot be kept. The source is opened
    again for them: however its tracks are interleaved, packets need not pile up while the video waits for a model.

    Args:
        source: the file that they come from.
        output: the file being written; its header has not been written yet.
        destination: that file's name in messages.
        offset: the source's own time, in seconds, that becomes 0.
        audio: whether to keep the sound.

    Attributes:
        copied: names of the codecs of the tracks written.
        warnings: tracks that were converted or left out, one line each.

    Raises:
        MediaError: the source cannot be read.
    """

    def __init__(
        self, source: Path, output: OutputContainer, *, destination: Path, offset: Fraction, audio: bool = True
    ) -> None:
        self.warnings: list[str] = []
        self._source = source
        self._output = output
        self._destination = destination
        self._holds_tracks = destination.suffix.lower() in MUXERS
        self._offset = offset
        with media_errors(source, "cannot be read as a video"):
            self._input = open_input(source)
        try:
            self._handlers = self._pair_up(audio)
        except BaseException:
            self._input.close()
            raise
        self.copied = tuple(
            handler.name if isinstance(handler, (ConvertedSound, ConvertedText)) else codec_name(handler.track)
            for handler in self._handlers.values()
        )
        self._timeline = Timeline(jumps_ahead=may_jump(self._input))
        self._packets = self._input.demux(*self._wanted_streams())
        self._pending = self._next()

    def copy_chapters(self, *, whole: bool) -> None:
        """Copy the chapter marks; to be called before the first packet.

        Args:
            whole: whether the whole file is copied; the marks would not fit a part of it.
        """
        marks = self._input.chapters()
        if not marks:
            return
        if not self._holds_tracks:
            self.warnings.append(f"{self._source}: {len(marks)} chapter marks: left out")
        elif whole:
            self._output.set_chapters(marks)
        else:
            self.warnings.append(f"{self._source}: the chapter marks are left out: only a part is written")

    def close(self) -> None:
        """Close the file that they come from."""
        self._input.close()

    def copy_until(self, time: Fraction | None) -> None:
        """Copy packets that begin before ``time`` seconds of the clip, or all the rest."""
        while self._pending is not None and (time is None or self._time(self._pending) < time):
            packet = self._pending
            shift = round(self._offset / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            self._output.mux(self._handlers[packet.stream_index](packet))
            self._pending = self._next()

    def finish(self) -> None:
        """Write the packets that the converters still hold; to be called once, at the end."""
        for handler in self._handlers.values():
            self._output.mux(handler(None))

    def _pair_up(self, audio: bool) -> dict[int, _Copy | ConvertedSound | ConvertedText]:
        """Add a track to the output for each one that is kept, by its index; warn about all others."""
        video = main_video(self._input)
        others = [stream for stream in self._input.streams if video is None or stream.index != video.index]
        suffix = self._destination.suffix.lower()
        wanted = [stream for stream in others if stream.type != "audio" or audio]
        candidates = [s.index for s in wanted if s.type in ("audio", "subtitle") and self._holds_tracks]
        held = held_tracks(suffix, self._source, candidates)
        handlers: dict[int, _Copy | ConvertedSound | ConvertedText] = {}
        for stream in wanted:
            if stream.index in candidates:
                handler = self._handler(stream, suffix, held=stream.index in held)
                if handler is not None:
                    handler.track.metadata.update(lasting_tags(stream.metadata))
                    handler.track.disposition = stream.disposition
                    handlers[stream.index] = handler
            elif not self._attached(stream, suffix):
                self._report(stream)
        return handlers

    def _handler(self, stream: Stream, suffix: str, *, held: bool) -> _Copy | ConvertedSound | ConvertedText | None:
        if held:
            return _Copy(self._output.add_stream_from_template(stream))
        kind = "sound" if stream.type == "audio" else "subtitle"
        found = f"{self._source}: {kind} track {stream.index} is {codec_name(stream)}"
        if stream.codec_context is None:
            self.warnings.append(f"{found}, which nothing here can read; it is left out")
            return None
        converted: ConvertedSound | ConvertedText
        if isinstance(stream, av.AudioStream):
            converted = ConvertedSound(stream, self._output, suffix)
            more = "; --no-audio leaves the sound out"
        elif is_text(stream):
            converted, more = ConvertedText(stream, self._output, suffix), ""
        else:
            self.warnings.append(f"{found}, which {suffix} files cannot hold; it is left out")
            return None
        self.warnings.append(f"{found}, which {suffix} files cannot hold; it becomes {converted.name}{more}")
        return converted

    def _attached(self, stream: Stream, suffix: str) -> bool:
        """Attach everything but pictures (fonts, notes) to a Matroska file again; return whether that was possible."""
        if not isinstance(stream, AttachmentStream) or suffix != ".mkv":
            return False
        kind = stream.mimetype or "application/octet-stream"
        if kind.startswith("image/"):
            return False
        self._output.add_attachment(stream.metadata.get("filename", f"attachment {stream.index}"), kind, stream.data)
        return True

    def _report(self, stream: Stream) -> None:
        if Disposition.attached_pic in stream.disposition or _is_picture(stream):
            self.warnings.append(f"{self._source}: the cover picture is left out: it shows the original")
            return
        if stream.type == "data" and (stream.metadata.get("timecode") or self._input.chapters()):
            return  # muxers make these anew
        what = stream.metadata.get("filename") or stream.metadata.get("handler_name", "").strip() or codec_name(stream)
        if isinstance(stream, av.VideoStream) and stream.codec_context:
            what = f"{codec_name(stream)}, {stream.width}x{stream.height}"
        elif stream.type in ("audio", "subtitle"):
            what = ", ".join(filter(None, (codec_name(stream), named_language(stream.language))))
        kind = "sound" if stream.type == "audio" else stream.type
        self.warnings.append(f"{self._source}: {kind} track {stream.index} ({what}) is left out")

    def _wanted_streams(self) -> list[Stream]:
        """Return the tracks to read; where the clock may jump, also those that show when it does."""
        kept = [self._input.streams[index] for index in self._handlers]
        if not kept or not may_jump(self._input):
            if kept and self._offset > _EARLIER:
                self._input.seek(int((self._offset - _EARLIER) * av.time_base))
            return kept
        return timed_streams(self._input, *kept)

    def _next(self) -> Packet[Stream] | None:
        """Return the next packet that is not before the clip."""
        if not self._handlers:
            return None
        try:
            for packet in self._packets:
                self._timeline.place(packet)
                # An empty packet without times marks the end of a track.
                if packet.stream_index not in self._handlers or packet.dts is None:
                    continue
                if self._offset == 0 or self._time(packet) >= 0:
                    return packet
        except av.FFmpegError as error:
            self.warnings.append(f"{self._source}: sound and subtitles end early ({error.strerror})")
        return None

    def _time(self, packet: Packet[Stream]) -> Fraction:
        ticks = packet.dts if packet.pts is None else packet.pts
        assert ticks is not None
        return ticks * packet.time_base - self._offset


def _is_picture(stream: Stream) -> bool:
    return isinstance(stream, AttachmentStream) and (stream.mimetype or "").startswith("image/")
