"""Conversion of sound and subtitles that a file cannot hold as they are."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.codeccontext import SubtitleCodecContext

_BITS_PER_CHANNEL = 96_000  # bits per second, more than enough for both AAC and Opus
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 5: "5.0", 6: "5.1", 8: "7.1"}  # others are mixed to stereo
_MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class _Sound:
    encoder: str
    rates: frozenset[int]  # empty: any


_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_AAC = _Sound("aac", frozenset(_RATES))
_SOUND = {
    ".mp4": _AAC,
    ".m4v": _AAC,
    ".mov": _AAC,
    ".mkv": _Sound("flac", frozenset()),
    ".webm": _Sound("libopus", frozenset({48000})),
}
_USUAL_RATE = 48000

_TEXT = frozenset({"srt", "subrip", "ass", "ssa", "mov_text", "webvtt", "text"})
_SUBTITLES = {".mp4": "mov_text", ".m4v": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}


def is_text(stream: Stream) -> bool:
    """Return whether a subtitle track is text rather than pictures."""
    return stream.codec_context is not None and stream.codec_context.name in _TEXT


class ConvertedSound:
    """Sound track, decoded and encoded again.

    Args:
        source: the track.
        output: the file being written; a track is added to it.
        suffix: the suffix of that file.

    Attributes:
        track: the new track.
    """

    def __init__(self, source: av.AudioStream, output: OutputContainer, suffix: str) -> None:
        sound = _SOUND[suffix]
        self._decoder = source.codec_context
        rate = source.rate if not sound.rates or source.rate in sound.rates else _USUAL_RATE
        layout = _LAYOUTS.get(source.channels, "stereo")
        track = output.add_stream(sound.encoder, rate=rate, layout=layout)
        assert isinstance(track, av.AudioStream)
        if sound.encoder != "flac":
            track.bit_rate = _BITS_PER_CHANNEL * track.layout.nb_channels
        self.track: Stream = track
        self._encoder = track
        self._resampler: av.AudioResampler | None = None

    @property
    def name(self) -> str:
        """FFmpeg's name of the new codec."""
        return self._encoder.codec_context.name

    def __call__(self, packet: Packet[Stream] | None) -> list[Packet[Stream]]:
        """Return the packets that are ready after a packet, or at the end (None); leave out damaged packets."""
        ready: list[Packet[Stream]] = []
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            frames = []
        for frame in frames:
            ready += self._encode(frame)
        if packet is None and self._resampler is not None:
            ready += self._flush()
            ready += self._encoder.encode(None)
        return ready

    def _encode(self, frame: av.AudioFrame) -> list[Packet[Stream]]:
        if self._resampler is None:
            self._resampler = self._new_resampler()
        try:
            parts = self._resampler.resample(frame)
        except ValueError:  # rate or channels changed on the way
            ready = self._flush()
            self._resampler = self._new_resampler()
            return ready + self._encode_all(self._resampler.resample(frame))
        return self._encode_all(parts)

    def _flush(self) -> list[Packet[Stream]]:
        assert self._resampler is not None
        return self._encode_all(self._resampler.resample(None))

    def _encode_all(self, frames: list[av.AudioFrame]) -> list[Packet[Stream]]:
        return [packet for frame in frames for packet in self._encoder.encode(frame)]

    def _new_resampler(self) -> av.AudioResampler:
        track = self._encoder
        with contextlib.suppress(av.FFmpegError):
            track.codec_context.open(strict=False)  # only then is its frame size known
        return av.AudioResampler(track.format, track.layout, track.rate, frame_size=track.frame_size or None)


class ConvertedText:
    """Subtitle track of text, converted without its fonts and positions.

    Args:
        source: the track.
        output: the file being written; a track is added to it.
        suffix: the suffix of that file.

    Attributes:
        track: the new track.
    """

    def __init__(self, source: Stream, output: OutputContainer, suffix: str) -> None:
        decoder = source.codec_context
        assert isinstance(decoder, SubtitleCodecContext)
        self._decoder = decoder
        decoder.open(strict=False)
        self.name = _SUBTITLES[suffix]
        self.track: Stream = output.add_stream(self.name)
        encoder = self.track.codec_context
        assert isinstance(encoder, SubtitleCodecContext)
        encoder.subtitle_header = decoder.subtitle_header
        encoder.time_base = _MILLISECOND
        self._encoder = encoder

    def __call__(self, packet: Packet[Stream] | None) -> list[Packet[Stream]]:
        """Return the packet in its new form; none for one that is empty or damaged."""
        if packet is None or packet.pts is None:
            return []
        try:
            shown = self._decoder.decode2(packet)
            if shown is None or not len(shown):
                return []
            converted = self._encoder.encode_subtitle(shown)
        except (av.FFmpegError, ValueError):
            return []
        converted.time_base = packet.time_base
        converted.pts = converted.dts = packet.pts
        converted.duration = packet.duration
        converted.stream = self.track
        return [converted]
