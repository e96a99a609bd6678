"""Procedural renderer of balloon pictures: no photo, no asset, only a seed."""

from __future__ import annotations

from balloon_splash.data.render.scene import KINDS, Scene, render_scene

__all__ = ["KINDS", "Scene", "render_scene"]
