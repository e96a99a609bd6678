"""The table of videos in docs/splash.md is what comes out: each of its cells is a file, written by source and sink."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from balloon_splash.media.video.codecs import CODECS, Encoding
from balloon_splash.splasher.video_stream import open_video
from tests.media.clips import make_clip, read_packets
from tests.media.test_video_files import FAST, copy, with_chapters_and_attachment
from tests.media.test_video_presentation import APPLE, make_tracks, with_timecode
from tests.media.test_video_tracks import rename_last_sound, with_attachments

DOCS = Path(__file__).parents[2] / "docs" / "splash.md"
COLUMNS = {
    "MP4, M4V": (".mp4", ".m4v"),
    "MOV": (".mov",),
    "MKV": (".mkv",),
    "WebM": (".webm",),
    "GIF, WebP": (".gif", ".webp"),
    "PNG, AVIF": (".png", ".avif"),
}
SAID = "left out"
SMALL = (48, 64)
QUICK = {
    ".webm": Encoding(options={"deadline": "realtime", "cpu-used": "8"}),
    ".avif": Encoding(options={"preset": "12"}),
}
PLAIN = dict.fromkeys((".gif", ".webp", ".png"), Encoding())


class Bench:
    """Sources, made once, and what becomes of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.source = cache(self._source)

    def _source(self, make: Callable[[Path], Path], suffix: str) -> Path:
        (folder := self._folder / f"{make.__name__}{suffix}").mkdir()
        return make(folder / f"in{suffix}")

    def write(
        self, make: Callable[[Path], Path], source: str, suffix: str, codec: str | None = None
    ) -> tuple[Path, list[str]]:
        """The file that is written, and what is said."""
        result = self._folder / f"{make.__name__}{source}{codec}{suffix}"
        encoding = Encoding(codec=codec) if codec else QUICK.get(suffix) or PLAIN.get(suffix, FAST)
        return result, copy(self.source(make, source), result, encoding=encoding)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("table"))


def said(warnings: list[str], *words: str) -> str:
    return SAID if any(all(word in warning for word in words) for warning in warnings) else "lost"


def aac(path: Path) -> Path:
    return make_clip(path, frames=3, size=SMALL, audio=["aac"])


def opus(path: Path) -> Path:
    return make_clip(path, frames=3, size=SMALL, audio=["libopus"])


def adpcm(path: Path) -> Path:
    return make_clip(path, frames=3, size=SMALL, audio=["adpcm_ima_qt"])


def flac(path: Path) -> Path:
    return make_clip(path, frames=3, size=SMALL, audio=["flac"])


def sound_names(path: Path) -> list[str]:
    with av.open(path) as container:
        return [stream.codec_context.name for stream in container.streams.audio]


def sound(bench: Bench, suffix: str) -> str:
    make, source = (opus, ".mkv") if suffix == ".webm" else (aac, ".mkv")
    result, warnings = bench.write(make, source, suffix)
    if suffix in (*COLUMNS["GIF, WebP"], *COLUMNS["PNG, AVIF"]):
        return said(warnings, "sound track 1 (aac)", SAID)
    assert warnings == []
    assert [packet for _, packet in read_packets(result, "audio")[0]] == [
        packet for _, packet in read_packets(bench.source(make, source), "audio")[0]
    ]
    other, given = {".webm": (aac, ".mkv"), ".mov": (flac, ".mkv")}.get(suffix, (adpcm, ".mov"))
    result, (warning,) = bench.write(other, given, suffix)
    (name,) = sound_names(result)
    assert f"it becomes {name}" in warning.replace("libopus", "opus")
    return f"kept, else {'Opus' if name == 'opus' else name.upper()}"


def unknown_sound(path: Path) -> Path:
    return rename_last_sound(make_clip(path, frames=3, size=SMALL, audio=["aac", "aac"]))


def sound_that_nothing_can_decode(bench: Bench, suffix: str) -> str:
    return said(bench.write(unknown_sound, ".mov", suffix)[1], "sound track 2", "unknown", SAID)


def subtitled(path: Path) -> Path:
    return make_clip(path, frames=21, size=SMALL, subtitles="subrip")


def subtitled_mov(path: Path) -> Path:
    source = make_clip(path.with_name("plain.mkv"), frames=21, size=SMALL, subtitles="subrip")
    copy(source, path, encoding=FAST)
    return path


def subtitles(bench: Bench, suffix: str) -> str:
    result, warnings = bench.write(subtitled, ".mkv", suffix)
    if said(warnings, "subtitle track 1 (srt)", SAID) == SAID:
        return SAID
    with av.open(result) as container:
        (name,) = (stream.codec_context.name for stream in container.streams if stream.type == "subtitle")
    if name in ("srt", "subrip"):
        assert warnings == []
        other, _ = bench.write(subtitled_mov, ".mov", suffix)
        with av.open(other) as container:
            (converted,) = (s.codec_context.name for s in container.streams if s.type == "subtitle")
        return "kept, `mov_text` as SubRip" if converted in ("srt", "subrip") else "lost"
    assert any(f"it becomes {name}" in warning for warning in warnings)
    return "as WebVTT" if name == "webvtt" else f"as `{name}`"


def chaptered(path: Path) -> Path:
    return with_chapters_and_attachment(make_clip(path.with_name("plain.mp4"), frames=26, size=SMALL), path)


def chapters(bench: Bench, suffix: str) -> str:
    result, warnings = bench.write(chaptered, ".mp4", suffix)
    if said(warnings, "chapter marks: left out") == SAID:
        return SAID
    with av.open(result) as container:
        return "kept" if container.chapters() else "lost"


def attachments(bench: Bench, suffix: str) -> str:
    result, warnings = bench.write(with_attachments, ".mkv", suffix)
    assert said(warnings, "the cover picture", SAID) == SAID
    if said(warnings, "attachment", "font.ttf", SAID) == SAID:
        return SAID
    with av.open(result) as container:
        return "kept, except pictures" if container.streams.attachments[0].data == b"letters" else "lost"


def two_tracks(path: Path) -> Path:
    return make_tracks(path, (SMALL, Disposition.default), ((96, 128), Disposition(0)))


def covered(path: Path) -> Path:
    return make_tracks(path, (SMALL, Disposition.default), (SMALL, Disposition.attached_pic))


def second_video(bench: Bench, suffix: str) -> str:
    assert said(bench.write(covered, ".mp4", suffix)[1], "the cover picture is left out") == SAID
    return said(bench.write(two_tracks, ".mkv", suffix)[1], "video track 1 (h264, 128x96)", SAID)


def timed(path: Path) -> Path:
    return with_timecode(path, "10:00:00:00")


def tags_of(path: Path) -> dict[str, str]:
    with av.open(path) as container:
        both = {**container.metadata, **(container.streams.video[0].metadata if container.streams.video else {})}
    return {name.casefold(): text for name, text in both.items()}


def time_code(bench: Bench, suffix: str) -> str:
    result, warnings = bench.write(timed, ".mov", suffix)
    if said(warnings, "timecode") == SAID:
        return SAID
    return "kept" if tags_of(result).get("timecode") == "10:00:00:00" else "lost"


def from_a_phone(path: Path) -> Path:
    return make_clip(path, frames=2, size=SMALL, metadata=APPLE, container_options={"movflags": "use_metadata_tags"})


def apple(bench: Bench, suffix: str) -> str:
    result, warnings = bench.write(from_a_phone, ".mov", suffix)
    if said(warnings, *APPLE) == SAID:
        return SAID
    found = tags_of(result)
    return "kept" if all(found.get(name.casefold()) == text for name, text in APPLE.items()) else "lost"


def anamorphic(path: Path) -> Path:
    return make_clip(path, frames=2, size=SMALL, aspect=Fraction(4, 3))


def pixel_aspect(bench: Bench, suffix: str) -> str:
    """Return the fate of the pixel aspect with all codecs that a file takes."""
    kept = set()
    for name, codec in CODECS.items():
        if suffix in codec.suffixes:
            result, warnings = bench.write(anamorphic, ".mp4", suffix, name)
            with open_video(result) as video:
                aspect, (height, width) = video.info.sample_aspect, video.info.size
            assert aspect == Fraction(4, 3) or (width in (85, 86) and said(warnings, "are square now") == SAID)
            assert height == 48
            kept |= {name} if aspect != 1 else set()
    if kept == {name for name, codec in CODECS.items() if suffix in codec.suffixes}:
        return "kept"
    if not kept:
        return "made square"
    return "kept by H.264 and H.265, else made square" if kept == {"h264", "h265"} else "lost"


def turned(path: Path) -> Path:
    return make_clip(path, frames=2, size=SMALL, rotation=(90.0, False))


def display_matrix(bench: Bench, suffix: str) -> str:
    result, _ = bench.write(turned, ".mp4", suffix)
    with open_video(result) as video:
        return "turned upright" if video.info.size == (64, 48) else "lost"


def deep(path: Path) -> Path:
    return make_clip(path, frames=6, size=(64, 64), codec="libx265", pixel_format="yuv420p10le")


def depth(bench: Bench, suffix: str) -> str:
    result, warnings = bench.write(deep, ".mp4", suffix)
    if said(warnings, "10 bits per channel become 8") == SAID:
        return "8 bits"
    with av.open(result) as container:
        components = container.streams.video[0].codec_context.format.components
        return "kept" if max(component.bits for component in components) >= 10 else "lost"


def hlg(path: Path) -> Path:
    return make_clip(path, frames=2, size=SMALL, colour=(9, 1, 9, 18))


def hdr(bench: Bench, suffix: str) -> str:
    result, warnings = bench.write(hlg, ".mp4", suffix)
    if said(warnings, "BT.2020, HLG (HDR)", "cannot be named") == SAID:
        return "noted"
    with open_video(result) as video:
        found = video.info.colour
    assert warnings == []
    return "kept" if (found.primaries, found.transfer) == (9, 18) else "lost"


def message(kind: int, body: bytes) -> bytes:
    """A message (SEI) of H.264, in a unit of its own."""
    return b"\0\0\0\1\x06" + bytes([kind, len(body)]) + body + b"\x80"


CAPTION = b"\xb5\0\x31GA94\3\xc1\xff\xfc\x94\x2c\xff"


def with_captions(path: Path) -> Path:
    """Captions (ATSC A/53) in each picture, as American broadcasts and some cameras have them."""
    with av.open(path, "w") as output:
        stream = output.add_stream("libx264", rate=25, width=64, height=48, options={"preset": "ultrafast"})
        stream.pix_fmt = "yuv420p"
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 60 * index, np.uint8), "rgb24")
            for packet in [*stream.encode(frame), *(stream.encode(None) if index == 2 else [])]:
                whole = av.Packet(message(4, CAPTION) + bytes(packet))
                whole.pts, whole.dts, whole.time_base = packet.pts, packet.dts, packet.time_base
                whole.duration, whole.is_keyframe, whole.stream = packet.duration, packet.is_keyframe, stream
                output.mux(whole)
    return path


def beside_the_pixels(bench: Bench, suffix: str) -> str:
    return said(bench.write(with_captions, ".mkv", suffix)[1], "captions in the picture", SAID)


ROWS: dict[str, Callable[[Bench, str], str]] = {
    "sound": sound,
    "sound that cannot be decoded (APAC)": sound_that_nothing_can_decode,
    "text subtitles": subtitles,
    "captions in the picture": beside_the_pixels,
    "chapters, of the whole video": chapters,
    "attachments": attachments,
    "second video track, cover picture": second_video,
    "time code, of the whole video": time_code,
    "Apple's place, local time, camera": apple,
    "pixels that are not square": pixel_aspect,
    "display matrix": display_matrix,
    "more than 8 bits per channel": depth,
    "colours of HDR and BT.2020": hdr,
}


def table() -> dict[tuple[str, str], str]:
    """Cells of the table in the docs, by row and column."""
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| |") and "MP4" in line)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start : start + 2 + len(ROWS)]]
    assert [row[0] for row in rows[2:]] == list(ROWS)
    assert rows[0][1:] == list(COLUMNS)
    return {(row[0], name): cell for row in rows[2:] for name, cell in zip(rows[0][1:], row[1:], strict=True)}


@pytest.mark.parametrize("column", list(COLUMNS))
@pytest.mark.parametrize("row", list(ROWS))
def test_each_cell_of_the_table_is_what_comes_out(bench: Bench, row: str, column: str) -> None:
    assert [ROWS[row](bench, suffix) for suffix in COLUMNS[column]] == [table()[row, column]] * len(COLUMNS[column])
