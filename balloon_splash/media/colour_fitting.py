"""Colours of a picture, named as a format can name them: by numbers, by an ICC profile, or as sRGB."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from balloon_splash.media.colour_profiles import ToSrgb, chunks_mean_srgb, profile_of_chunks, profile_of_numbers
from balloon_splash.media.picture import Metadata, Picture
from balloon_splash.media.png_chunks import GAMMA

WITH_ICC = frozenset({"JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"})
WITH_NUMBERS = frozenset({"PNG", "AVIF", "HEIF"})


def fit_colours(picture: Picture, kind: str) -> tuple[Picture, list[str]]:
    """Return a picture whose colours a format can name, and notes on what had to change.

    Numbers and gamma become an ICC profile that says the same, where one can; pixels become those of sRGB where the
    format has no place for a profile. Colours of HDR, grey with a gamma, and 16 bits a channel stay as they are.

    Args:
        picture: what is to be written.
        kind: Pillow's name of the format.
    """
    about = picture.metadata
    icc = about.icc or _profile(picture, kind)
    if icc is None and chunks_mean_srgb(about.chunks):
        return _without_gamma(picture), []
    if icc is None or (picture.grey and about.icc is None):
        return picture, []
    numbers = about.numbers if kind in WITH_NUMBERS else None
    said = replace(_without_gamma(picture).metadata, icc=icc, numbers=numbers)
    if kind in WITH_ICC:
        return (picture if kind == picture.format else replace(picture, metadata=said)), []
    return _in_srgb(picture, said, kind)


def _without_gamma(picture: Picture) -> Picture:
    named = tuple(name for name in picture.metadata.only_here if name != GAMMA)
    return replace(picture, metadata=replace(picture.metadata, only_here=named))


def _profile(picture: Picture, kind: str) -> bytes | None:
    """Return a profile for colours that the picture names in a way that the format lacks."""
    about: Metadata = picture.metadata
    if about.numbers is not None:
        return None if kind in WITH_NUMBERS else profile_of_numbers(about.numbers)
    return None if kind == picture.format else profile_of_chunks(about.chunks)


def _in_srgb(picture: Picture, said: Metadata, kind: str) -> tuple[Picture, list[str]]:
    """Convert the picture to sRGB, unless it is in sRGB already or its profile is not one of RGB."""
    if picture.rgb.dtype != np.uint8 or said.icc is None:
        return picture, []
    try:
        converted = ToSrgb(said.icc)(np.asarray(picture.rgb, np.uint8))
    except ValueError:
        return picture, []
    if all(cv2.absdiff(*rows).max() <= 1 for rows in zip(converted, np.asarray(picture.rgb, np.uint8), strict=True)):
        return replace(picture, metadata=replace(said, icc=picture.metadata.icc)), []
    metadata = replace(said, icc=None)
    return replace(picture, rgb=converted, metadata=metadata, keep=None), [f"its colours became sRGB's in {kind}"]
