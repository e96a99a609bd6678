"""Deinterlacing of frames of two half pictures, as cameras once took them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
from av.filter import Graph

FILTER = ("bwdif", "mode=send_frame:deint=interlaced")  # one frame for each; progressive ones pass as they are


def deinterlaced(frames: Iterable[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Yield the same frames, without the comb at moving edges from the first one that is flagged as interlaced.

    Times stay, in another time base.
    """
    graph: Graph | None = None
    for frame in frames:
        if graph is None and frame.interlaced_frame:
            graph = _graph(frame)
        if graph is None:
            yield frame
        else:
            graph.push(frame)
            yield from ready_frames(graph)
    if graph is not None:
        graph.push(None)
        yield from ready_frames(graph)


def ready_frames(graph: Graph) -> Iterator[av.VideoFrame]:
    """Yield the frames that a filter graph has ready without further input."""
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        assert isinstance(frame, av.VideoFrame)
        yield frame


def _graph(frame: av.VideoFrame) -> Graph:
    graph = Graph()
    entry = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    deinterlace = graph.add(*FILTER)
    entry.link_to(deinterlace)
    deinterlace.link_to(graph.add("buffersink"))
    graph.configure()
    return graph
