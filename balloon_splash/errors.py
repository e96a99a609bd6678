"""Errors that a user can cause and mend.

Each carries one line that names the file, says what was found and what was expected. Commands print that line and
leave with exit code 2, or 1 where it is inputs that failed; anything else that is raised is a bug and keeps its
traceback.
"""

from __future__ import annotations


class BalloonSplashError(Exception):
    """Base of every error that a user can cause."""


class AnnotationError(BalloonSplashError):
    """An annotation file, or one of its regions, is not what the reader expects."""


class DatasetError(BalloonSplashError):
    """A dataset folder is missing, incomplete or altered."""


class DownloadError(BalloonSplashError):
    """A file could not be fetched, or what came is not what was announced."""


class ConfigError(BalloonSplashError):
    """A configuration file or override names an unknown key or a value that does not fit."""


class WeightsError(BalloonSplashError):
    """Weights are missing, unsafe to load, or do not fit the model."""


class TrainingError(BalloonSplashError):
    """A training cannot go on: it has diverged, the disk is full, a photo has vanished, a process was killed."""


class MediaError(BalloonSplashError):
    """A picture or video cannot be read or written."""


class UsageError(BalloonSplashError):
    """Options that contradict each other, or that name something which does not exist."""
