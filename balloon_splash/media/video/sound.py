"""Which files can hold the sound of a video as it is."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream

from balloon_splash.media.video.opening import open_input

_MUXERS = {".mp4": "mp4", ".m4v": "ipod", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}


def codec_name(stream: Stream) -> str:
    """FFmpeg's name of the stream's codec; ``unknown`` if there is no decoder for it."""
    return stream.codec_context.name if stream.codec_context else "unknown"


def holds_sound(suffix: str, source: Path) -> bool:
    """Whether files with this suffix take the sound tracks of ``source``, or have none by nature.

    Tried rather than looked up, with one packet of each track: what FFmpeg's formats announce is more than they take.

    Raises:
        av.FFmpegError: the source cannot be read.
    """
    muxer = _MUXERS.get(suffix.lower())
    with open_input(source) as file:
        tracks = file.streams.audio
        if muxer is None or not tracks:
            return True
        packets: dict[int, Packet[av.AudioStream]] = {}
        for packet in file.demux(*tracks):
            if packet.dts is not None:
                packets.setdefault(packet.stream_index, packet)
            if len(packets) == len(tracks):
                break
        try:
            with av.open(BytesIO(), "w", format=muxer) as trial:
                copies = {track.index: trial.add_stream_from_template(track) for track in tracks}
                for index, packet in packets.items():
                    packet.stream = copies[index]
                    trial.mux_one(packet)
        except (ValueError, av.FFmpegError):
            return False
    return True
