"""From files to splashed files: what joins model, mattes, effects and media.

:class:`Splasher` is the one to call from Python. ``photos`` and ``videos`` do many in one go, as the command does; one
video is in ``video``.
"""

from balloon_splash.splasher.finder import Finder
from balloon_splash.splasher.splasher import Splashed, Splasher, splash, splash_picture

__all__ = ["Finder", "Splashed", "Splasher", "splash", "splash_picture"]
