"""Continuous times where a file's clock jumps: recordings that were joined, or a clock that was reset."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.stream import Stream

from balloon_splash.media.video.opening import open_input
from balloon_splash.media.video.selection import main_video

_BACK = Fraction(1, 10)  # seconds by which packets of one track may go backwards
_AHEAD = 10  # seconds without a packet that count as a jump, in formats for broadcasting
_MEET = 1  # seconds within which tracks count as one part


def may_jump(container: InputContainer) -> bool:
    """Return whether the clock of the format may jump, so that places in it cannot be found by time."""
    return bool(Flags(container.format.flags) & Flags.ts_discont)


class Timeline:
    """Timeline that places packets, given in the order of the file, at times that never jump.

    Where a track jumps, a new part begins, and the other tracks follow with the same shift, so they stay in sync.

    Args:
        jumps_ahead: whether a long gap is a jump in this format.

    Attributes:
        jumps: number of new parts.
    """

    def __init__(self, *, jumps_ahead: bool) -> None:
        self._jumps_ahead = jumps_ahead
        self._last: dict[int, Fraction] = {}
        self._end: dict[int, Fraction] = {}
        self._part: dict[int, int] = {}
        self._shift: dict[int, Fraction] = {}
        self._shifts = [Fraction(0)]

    @property
    def jumps(self) -> int:
        """Number of new parts."""
        return len(self._shifts) - 1

    def place(self, packet: Packet[Stream]) -> None:
        """Set the times of a packet to its place."""
        if packet.dts is None:
            return
        index = packet.stream_index
        time = packet.dts * packet.time_base
        if packet.stream.type not in ("audio", "video"):  # too sparse to say where a part begins
            self._shift[index] = self._shifts[-1]
        elif index not in self._last:
            self._part[index], self._shift[index] = self.jumps, self._shifts[-1]
        elif self._is_jump(index, time + self._shift[index]):
            self._begin_part(index, time)
        placed = time + self._shift[index]
        step = (packet.duration or 0) * packet.time_base or max(Fraction(0), placed - self._last.get(index, placed))
        self._last[index], self._end[index] = placed, placed + step
        ticks = round(self._shift[index] / packet.time_base)
        if ticks:
            packet.dts += ticks
            packet.pts = None if packet.pts is None else packet.pts + ticks

    def _is_jump(self, index: int, time: Fraction) -> bool:
        return time + _BACK < self._last[index] or (self._jumps_ahead and time - self._end[index] > _AHEAD)

    def _begin_part(self, index: int, time: Fraction) -> None:
        self._part[index] += 1
        if self._part[index] > self.jumps:
            self._part[index] = len(self._shifts)
            self._shifts.append(max(self._end.values()) - time)
        shift = self._shifts[self._part[index]]
        alone = self._end[index] - time
        self._shift[index] = shift if abs(shift - alone) < _MEET else alone


def timed_streams(container: InputContainer, *others: Stream) -> list[Stream]:
    """Return the tracks by which a :class:`Timeline` notices jumps, the same for all readers, and ``others``."""
    main = main_video(container)
    streams = {stream.index: stream for stream in (*container.streams.audio, *others)}
    if main is not None:
        streams[main.index] = main
    return list(streams.values())


def packets_before(path: Path, index: int, time: Fraction) -> int:
    """Count the packets of a track before the last one, not later than ``time``, at which decoding can begin.

    For formats whose clock may jump, and whose pictures cannot be found by time: the file is read up to there, without
    decoding.

    Args:
        path: the file.
        index: index of the track.
        time: time in seconds, on the file's :class:`Timeline`.
    """
    with open_input(path) as container:
        timeline = Timeline(jumps_ahead=may_jump(container))
        count = found = 0
        for packet in container.demux(*timed_streams(container)):
            timeline.place(packet)
            if packet.stream_index != index or packet.dts is None:
                continue
            if packet.dts * packet.time_base > time:
                break
            if packet.is_keyframe and packet.pts is not None and packet.pts * packet.time_base <= time:
                found = count
            count += 1
    return found
