"""Procedural renderer of balloon pictures: no photo, no asset, only a seed."""

from __future__ import annotations

from balloon_splash.data.render.scene import Scene, render_scene

__all__ = ["Scene", "render_scene"]
