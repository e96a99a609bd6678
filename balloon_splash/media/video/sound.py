"""Tracks that a file can hold as they are, and the kind of sound that it takes instead."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from io import BytesIO
from itertools import islice
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream

from balloon_splash.media.video.opening import open_input

MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
"""FFmpeg's names of the formats that hold sound, by suffix."""

_MOST_PACKETS = 10_000  # packets to search for the first one of each sound track


def codec_name(stream: Stream) -> str:
    """Return FFmpeg's name of the stream's codec; ``unknown`` if there is no decoder for it."""
    return stream.codec_context.name if stream.codec_context else "unknown"


def holds_sound(suffix: str, source: Path) -> bool:
    """Return whether files with this suffix take the sound tracks of ``source`` as they are, or never have any.

    Tracks without a known decoder do not count: no file holds them.

    Raises:
        av.FFmpegError: the source cannot be read.
    """
    if suffix.lower() not in MUXERS:
        return True
    with open_input(source) as file:
        tracks = {track.index for track in file.streams.audio if track.codec_context}
    return held_tracks(suffix, source, tracks) == tracks


def held_tracks(suffix: str, source: Path, indices: Collection[int]) -> set[int]:
    """Return the sound and subtitle tracks of ``source`` that files with this suffix take as they are.

    They are tried, with one packet of each sound track, not looked up: FFmpeg's formats take less than they announce.

    Raises:
        av.FFmpegError: the source cannot be read.
    """
    muxer = MUXERS.get(suffix.lower())
    with open_input(source) as file:
        tracks = [stream for stream in file.streams if stream.index in indices and stream.codec_context]
        if muxer is None or not tracks:
            return set()
        packets = _first_packets(file.demux(*(t for t in tracks if t.type == "audio")), tracks)
        return {track.index for track in tracks if _takes(muxer, track, packets.get(track.index))}


def _first_packets(packets: Iterable[Packet[Stream]], tracks: Sequence[Stream]) -> dict[int, Packet[Stream]]:
    found: dict[int, Packet[Stream]] = {}
    wanted = sum(track.type == "audio" for track in tracks)
    if not wanted:
        return found
    for packet in islice(packets, _MOST_PACKETS):
        if packet.dts is not None:
            found.setdefault(packet.stream_index, packet)
        if len(found) == wanted:
            break
    return found


def _takes(muxer: str, track: Stream, packet: Packet[Stream] | None) -> bool:
    try:
        with av.open(BytesIO(), "w", format=muxer) as trial:
            copy = trial.add_stream_from_template(track)
            if packet is None:
                trial.start_encoding()
            else:
                packet.stream = copy
                trial.mux_one(packet)
    except (ValueError, av.FFmpegError):
        return False
    return True
