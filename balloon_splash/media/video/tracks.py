"""Sound and subtitles that go from one file to another as they are."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

from balloon_splash.errors import MediaError
from balloon_splash.media.video.opening import media_errors, open_input
from balloon_splash.media.video.sound import codec_name, holds_sound

_SUGGESTED = (".mp4", ".mov", ".mkv")


class CopiedTracks:
    """The sound and subtitle tracks of a file, copied packet by packet, bit for bit, in step with the video.

    The file is opened once more for them: whatever way its tracks are interleaved, packets need not pile up while
    the video waits for the model.

    Args:
        source: the file that they come from.
        output: the file being written; its header has not been written yet.
        destination: how that file is called in messages.
        offset: the source's own time, in seconds, that becomes 0.
        audio: whether sound is wanted.

    Attributes:
        copied: names of the copied tracks' codecs.
        warnings: tracks that had to stay behind, one line each.

    Raises:
        MediaError: the destination's format cannot hold a sound track.
    """

    def __init__(
        self, source: Path, output: OutputContainer, *, destination: Path, offset: Fraction, audio: bool = True
    ) -> None:
        self.warnings: list[str] = []
        self._source = source
        self._output = output
        self._offset = offset
        self._done = False
        with media_errors(source, "cannot be read as a video"):
            self._input = open_input(source)
        try:
            if audio:
                self._check_sound(destination)
            self._pairs = self._pair_up(destination, audio)
        except BaseException:
            self._input.close()
            raise
        self.copied = tuple(codec_name(self._input.streams[index]) for index in self._pairs)
        if offset > 0 and self._pairs:
            self._input.seek(int(offset * av.time_base))
        self._packets = self._input.demux(*(self._input.streams[index] for index in self._pairs))
        self._pending = self._next()

    def copy_chapters(self, *, whole: bool) -> None:
        """Copy the chapter marks; to be called before the first packet.

        Args:
            whole: whether the whole file is copied; the marks would not fit a part of it.
        """
        if whole:
            self._output.set_chapters(self._input.chapters())
        elif self._input.chapters():
            self.warnings.append(f"{self._source}: the chapter marks are left out, since only a part is written")

    def close(self) -> None:
        """Close the file that they come from."""
        self._input.close()

    def copy_until(self, time: Fraction | None) -> None:
        """Copy what begins before ``time`` seconds of the clip, or all that is left."""
        while self._pending is not None and (time is None or self._time(self._pending) < time):
            packet = self._pending
            shift = round(self._offset / packet.time_base)
            packet.stream = self._pairs[packet.stream_index]
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            self._output.mux_one(packet)
            self._pending = self._next()

    def _check_sound(self, destination: Path) -> None:
        if holds_sound(destination.suffix, self._source):
            return
        names = ", ".join(codec_name(stream) for stream in self._input.streams.audio)
        fitting = [suffix for suffix in _SUGGESTED if holds_sound(suffix, self._source)]
        expected = f"a file with the suffix {' or '.join(fitting)}, or " if fitting else ""
        raise MediaError(
            f"{self._source}: its sound is {names}, which {destination.suffix} files cannot hold; "
            f"expected {expected}to leave the sound out"
        )

    def _pair_up(self, destination: Path, audio: bool) -> dict[int, Stream]:
        """Add a track to the output for each one that can be copied; index in the source to new track."""
        pairs: dict[int, Stream] = {}
        for stream in self._input.streams:
            # MP4 keeps the titles of chapters, which are copied as such, in a data track.
            if stream.type == "attachment" or (stream.type == "data" and not self._input.chapters()):
                self.warnings.append(f"{self._source}: {stream.type} track {stream.index} is left out")
            if stream.type not in ("audio", "subtitle") or (stream.type == "audio" and not audio):
                continue
            try:
                copy = self._output.add_stream_from_template(stream)
            except ValueError:  # the format does not take this kind of subtitles
                found = f"{self._source}: {stream.type} track {stream.index} is {codec_name(stream)}"
                self.warnings.append(f"{found}, which {destination.suffix} files cannot hold; it is left out")
                continue
            copy.metadata.update(lasting_tags(stream.metadata))
            copy.disposition = stream.disposition
            pairs[stream.index] = copy
        return pairs

    def _next(self) -> Packet[Stream] | None:
        """The next packet that is not before the clip."""
        if not self._pairs:
            return None
        try:
            for packet in self._packets:
                # An empty packet without times marks the end of a track.
                if packet.dts is not None and (self._offset == 0 or self._time(packet) >= 0):
                    return packet
        except av.FFmpegError as error:
            self.warnings.append(f"{self._source}: sound and subtitles end early ({error.strerror})")
        return None

    def _time(self, packet: Packet[Stream]) -> Fraction:
        ticks = packet.dts if packet.pts is None else packet.pts
        assert ticks is not None
        return ticks * packet.time_base - self._offset


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
