"""Properties of an animation as a whole: number of plays, colours, metadata."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from PIL import Image

from balloon_splash.errors import MediaError
from balloon_splash.media.colour_profiles import ToSrgb, profile_of_chunks, profile_of_numbers
from balloon_splash.media.describing import describe
from balloon_splash.media.formats import ANIMATED
from balloon_splash.media.heif_items import coded_bits, left_out
from balloon_splash.media.opening import DAMAGED, open_image, read_bytes
from balloon_splash.media.picture import Metadata
from balloon_splash.media.video.colour import Colour

_MILLISECOND = Fraction(1, 1000)
_FINEST = 2**16  # of the delays of APNG, which Pillow gives in milliseconds, as floating-point numbers


@dataclass(frozen=True)
class AboutAnimation:
    """Properties of an animation that hold for all its pictures.

    Attributes:
        plays: how many times it is played; 0 is for ever. AVIF could say so, but Pillow (13) does not pass it on.
        first: how long, in seconds, the first picture is shown.
        colour: what the pixels are to be understood in, as tags of a video.
        to_srgb: takes its pixels to sRGB, where they are to be understood otherwise.
        warnings: what does not go into a video, one line each.
    """

    plays: int = 0
    first: Fraction = Fraction(1, 10)
    colour: Colour = field(default_factory=Colour.for_rgb)
    to_srgb: ToSrgb | None = None
    warnings: tuple[str, ...] = ()


def about_animation(path: Path) -> AboutAnimation:
    """Read the properties of a GIF, PNG, WebP or AVIF file; the usual ones of a damaged or very large file."""
    try:
        with path.open("rb") as file, open_image(path, ANIMATED) as image:
            return _about(image, read_bytes(file, str(path)), path)
    except (*DAMAGED, MediaError):
        return AboutAnimation()


def shown_for(image: Image.Image) -> Fraction:
    """Return how long, in seconds, the current picture is shown; browsers take 0 for a tenth of a second."""
    milliseconds = Fraction(image.info.get("duration") or 0).limit_denominator(_FINEST)
    return (milliseconds if milliseconds > 0 else Fraction(100)) * _MILLISECOND


def loop_option(suffix: str, times: int) -> dict[str, str]:
    """Return FFmpeg's option for a file with this suffix to be played so many times, 0 for ever."""
    if suffix in (".webp", ".avif", ".avifs"):
        return {"loop": str(times)}
    if suffix in (".png", ".apng"):
        return {"plays": str(times)}
    if suffix == ".gif":
        return {"loop": "0" if times == 0 else "-1" if times == 1 else str(times - 1)}
    return {}


def _about(image: Image.Image, data: bytes, path: Path) -> AboutAnimation:
    notes: list[str] = []
    about = describe(image, data, notes)
    if image.format == "AVIF":
        notes.extend(left_out(data, moving=True))
        bits = coded_bits(data)
        if bits > 8:
            notes.append(f"{bits} bits per channel become 8")
    lost = {"EXIF": about.exif, "XMP": about.xmp, "comment": about.comment if image.format == "WEBP" else None}
    named = [*(name for name, found in lost.items() if found), *(text for text in about.only_here if "text" in text)]
    if named:
        notes.append(f"{', '.join(named)} of the animation: left out")
    to_srgb = _conversion(about, notes)
    colour = Colour.for_rgb()
    if about.numbers is not None and to_srgb is None:
        colour = replace(colour, primaries=about.numbers.primaries, transfer=about.numbers.transfer)
    if image.format == "AVIF":
        image.load()  # only then is it known how long its picture is shown
    return AboutAnimation(_plays(image), shown_for(image), colour, to_srgb, tuple(f"{path}: {note}" for note in notes))


def _plays(image: Image.Image) -> int:
    loop = image.info.get("loop")
    if image.format != "GIF":
        return int(loop or 0)
    # GIF counts the repetitions after the first time, and without a count is played once.
    return 1 if loop is None else int(loop) + 1 if loop else 0


def _conversion(about: Metadata, notes: list[str]) -> ToSrgb | None:
    icc = about.icc
    if icc is None:
        icc = profile_of_chunks(about.chunks) if about.numbers is None else profile_of_numbers(about.numbers)
    if icc is None:
        return None
    try:
        converted = ToSrgb(icc)
    except ValueError as error:
        notes.append(f"{error}: left out")
        return None
    notes.append("its colours become sRGB")
    return converted
