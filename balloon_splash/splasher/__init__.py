"""From files to splashed files: finder, mattes, effects and media, joined.

:class:`Splasher` is for Python; :func:`~balloon_splash.splasher.run.splash_inputs` does what the command does.
"""

from balloon_splash.splasher.finder import Finder
from balloon_splash.splasher.splasher import Splashed, Splasher, splash, splash_picture

__all__ = ["Finder", "Splashed", "Splasher", "splash", "splash_picture"]
