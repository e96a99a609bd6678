"""Opacity of a video: carried over where the file can hold it, painted black where it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from balloon_splash.errors import UsageError
from balloon_splash.media.pixels import Pixels
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.media.video.frames import Frame


class Opacity:
    """Carrier of the opacity of frames to their results.

    Whether it is kept is decided with the first frame: a GIF that is never transparent need not become a ProRes file.

    Args:
        destination: the file to be written.
        encoding: its encoding.

    Attributes:
        warnings: one line if transparent parts were painted black.
    """

    def __init__(self, destination: Path, encoding: Encoding) -> None:
        self.warnings: list[str] = []
        self._destination = destination
        self._encoding = encoding
        self._kept: bool | None = None

    def carry(self, frame: Frame, result: Pixels) -> Pixels:
        """Return ``result``, ``(H, W, 3)`` or ``(H, W, 4)``, with the opacity of ``frame``; RGBA if that is kept."""
        if frame.alpha is None or frame.alpha.shape != result.shape[:2]:
            return result
        if self._kept is None:
            self._kept = result.shape[2] == 4 or self._worth_keeping(frame.alpha)
        if not self._kept:
            return self._on_black(result, frame.alpha)
        alpha = frame.alpha if result.shape[2] == 3 else np.minimum(result[..., 3], frame.alpha)
        return np.dstack([result[..., :3], alpha])

    def _worth_keeping(self, alpha: Pixels) -> bool:
        try:
            codec = self._encoding.choose(self._destination, alpha=True)
        except UsageError:
            return False
        return codec.pixel_format == codec.alpha_format or bool((alpha < np.iinfo(alpha.dtype).max).any())

    def _on_black(self, result: Pixels, alpha: Pixels) -> Pixels:
        opaque = int(np.iinfo(alpha.dtype).max)
        if (alpha == opaque).all():
            return result
        if not self.warnings:
            self.warnings.append(f"{self._destination}: transparent parts became black; .webm and .mov can keep them")
        return (result.astype(np.uint32) * alpha[..., None] // opaque).astype(alpha.dtype)
