"""Codecs of each file format, and their options."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from balloon_splash.errors import UsageError


@dataclass(frozen=True)
class Codec:
    """Encoder of pictures with its properties.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        pixel_format: format for opaque pictures.
        alpha_format: format for pictures with alpha, None if the codec has none.
        deep_format: format for opaque pictures of more than 8 bits per channel, None if the codec has none.
        suffixes: suffixes of the files that take it.
        quality_option: the encoder's option for quality, None if it has none.
        quality: its default, and its range of values.
        options: further options of the encoder.
        even_size: whether width and height must be even: 4:2:0 in H.264 and H.265 has no odd sizes, not even
            by cropping, which is counted in pairs.
        tag: four letters that Apple's players expect in MP4 and MOV.
        min_width: least width of the pictures, in pixels: below 50, libx265 writes beyond its memory.
        own_aspect: whether the coded pictures themselves store the aspect of their pixels.
        limited_range: whether the codec cannot signal full range, so that values have to use limited range.
        names_colours: whether the file can name the colours of its values.
    """

    encoder: str
    pixel_format: str
    alpha_format: str | None
    suffixes: frozenset[str]
    quality_option: str | None = None
    quality: tuple[int, range] = (0, range(0))
    options: dict[str, str] = field(default_factory=dict)
    even_size: bool = False
    tag: str | None = None
    min_width: int = 1
    own_aspect: bool = False
    limited_range: bool = False
    names_colours: bool = True
    deep_format: str | None = None

    def format_for(self, *, alpha: bool, deep: bool) -> str:
        """Return the pixel format for pictures with or without ``alpha``, of more than 8 bits (``deep``) or not."""
        if alpha and self.alpha_format is not None:
            return self.alpha_format
        return self.deep_format if deep and self.deep_format is not None else self.pixel_format

    def tells_aspect(self, suffix: str) -> bool:
        """Return whether a file with this suffix can store that its pixels are not square.

        Matroska and WebM could, but PyAV (18.1) cannot set it.
        """
        return self.own_aspect or suffix.lower() in _ASPECT_SUFFIXES


# With frames out of order, MP4 takes the length from one in the middle where durations differ.
_NO_B_FRAMES = {"bf": "0"}
_MP4 = {".mp4", ".m4v", ".mov", ".mkv"}
_ASPECT_SUFFIXES = _MP4 - {".mkv"}

CODECS = {
    "h264": Codec(
        "libx264",
        "yuv420p",
        None,
        frozenset(_MP4),
        quality_option="crf",
        quality=(18, range(52)),
        options={**_NO_B_FRAMES, "preset": "faster"},  # 0.4 of the time of the usual one, for 1 % more bytes
        even_size=True,
        own_aspect=True,
    ),
    "h265": Codec(
        "libx265",
        "yuv420p",
        None,
        frozenset(_MP4),
        quality_option="crf",
        quality=(22, range(52)),
        options={**_NO_B_FRAMES, "x265-params": "log-level=error"},
        even_size=True,
        own_aspect=True,
        min_width=64,
        tag="hvc1",
        deep_format="yuv420p10le",
    ),
    "vp9": Codec(
        "libvpx-vp9",
        "yuv420p",
        "yuva420p",
        frozenset({".webm", ".mkv", ".mp4"}),
        quality_option="crf",
        quality=(30, range(64)),
        options={"deadline": "good", "cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0"},
    ),
    "av1": Codec(
        "libsvtav1",
        "yuv420p",
        None,
        frozenset({".mp4", ".webm", ".mkv", ".avif", ".avifs"}),
        quality_option="crf",
        quality=(30, range(64)),
        options={"preset": "8"},
        deep_format="yuv420p10le",
    ),
    "prores": Codec(
        "prores_ks",
        "yuv422p10le",
        "yuva444p10le",
        frozenset({".mov", ".mkv"}),
        options={"vendor": "apl0"},
        limited_range=True,
        deep_format="yuv422p10le",
    ),
    "gif": Codec("gif", "pal8", "pal8", frozenset({".gif"}), names_colours=False),
    "apng": Codec("apng", "rgb24", "rgba", frozenset({".png", ".apng"}), deep_format="rgb48be"),
    "webp": Codec(
        "libwebp_anim",
        "bgra",
        "bgra",
        frozenset({".webp"}),
        quality_option="quality",
        quality=(80, range(101)),
        names_colours=False,
    ),
}

_DEFAULTS = {
    **dict.fromkeys(_MP4, "h264"),
    ".webm": "vp9",
    ".gif": "gif",
    ".webp": "webp",
    **dict.fromkeys((".png", ".apng"), "apng"),
    **dict.fromkeys((".avif", ".avifs"), "av1"),
}
_DEEP_DEFAULTS = {**_DEFAULTS, **dict.fromkeys(_MP4, "h265")}
_ALPHA_DEFAULTS = {**_DEFAULTS, ".mov": "prores", ".mkv": "vp9"}

WRITABLE_SUFFIXES = frozenset(_DEFAULTS)
"""Suffixes of the files that can be written."""

ALPHA_SUFFIXES = frozenset(suffix for suffix, name in _ALPHA_DEFAULTS.items() if CODECS[name].alpha_format is not None)
"""Suffixes of the files that can be transparent, with their usual codec."""


@dataclass(frozen=True)
class Encoding:
    """Encoding of a video.

    Attributes:
        codec: a key of ``CODECS``; None takes the file's usual one, which every browser plays: H.264, VP9 in WebM; for
            pictures of more than 8 bits H.265, since no browser plays H.264 of 10.
        quality: the codec's own scale: CRF (lower is better), for WebP 0 to 100 (higher is better); None takes a good
            one.
        options: further options of the encoder by FFmpeg's names, such as ``{"preset": "veryfast"}``.
        audio: ``"copy"`` keeps the sound as it is, ``"drop"`` leaves it out.

    Raises:
        UsageError: an unknown codec.
    """

    codec: str | None = None
    quality: int | None = None
    options: dict[str, str] = field(default_factory=dict)
    audio: Literal["copy", "drop"] = "copy"

    def __post_init__(self) -> None:
        """Refuse an unknown codec, even in a run that meets no video."""
        if self.codec is not None and self.codec not in CODECS:
            near = get_close_matches(self.codec, CODECS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(f"codec {self.codec} is unknown; {hint}expected one of {_list(CODECS)} (--codec)")

    def choose(self, path: Path, *, alpha: bool, deep: bool = False) -> Codec:
        """Choose the codec for a file named ``path``, for pictures with or without ``alpha``, of 8 bits or more.

        Raises:
            UsageError: file, codec, quality and alpha contradict each other.
        """
        suffix = path.suffix.lower()
        if suffix not in WRITABLE_SUFFIXES:
            raise UsageError(f"{path}: videos cannot be written as {suffix or 'that'}; {_list(WRITABLE_SUFFIXES)} can")
        name = self.codec or (_ALPHA_DEFAULTS if alpha else _DEEP_DEFAULTS if deep else _DEFAULTS)[suffix]
        codec = CODECS[name]
        if suffix not in codec.suffixes:
            raise UsageError(f"{path}: {name} does not go into {suffix}; expected {_list(codec.suffixes)}")
        if alpha and codec.alpha_format is None:
            raise UsageError(f"{path}: {name} cannot be transparent; expected .webm, .mov, .webp or .gif")
        if self.quality is not None and self.quality not in codec.quality[1]:
            raise UsageError(
                f"quality {self.quality} does not fit {name}; expected {_scale(codec.quality[1])} (--video-quality)"
            )
        return codec

    def fits(self, suffix: str, *, alpha: bool) -> bool:
        """Return whether :meth:`choose` finds a codec for files with this suffix."""
        try:
            self.choose(Path(f"video{suffix}"), alpha=alpha)
        except UsageError:
            return False
        return True

    def encoder_options(self, codec: Codec, *, alpha: bool) -> dict[str, str]:
        """Return the options with which to open the encoder of ``codec``."""
        options = dict(codec.options)
        if codec.quality_option is not None:
            options[codec.quality_option] = str(codec.quality[0] if self.quality is None else self.quality)
        if codec.encoder == "prores_ks":
            options["profile"] = "4444" if alpha else "hq"
        return options | self.options


def deep_codecs(suffix: str) -> list[str]:
    """Return the names of the codecs that keep more than 8 bits per channel in files with this suffix."""
    return [name for name, codec in CODECS.items() if codec.deep_format is not None and suffix in codec.suffixes]


def _list(names: object) -> str:
    return ", ".join(sorted(names))  # type: ignore[call-overload]


def _scale(values: range) -> str:
    return f"{values[0]} to {values[-1]}" if values else "none, it has no such setting"
