"""Errors that a user can cause and mend.

::

    BalloonSplashError
    |-- AnnotationError      an annotation file
    |-- ConfigError          a configuration
    |-- DatasetError         a dataset's folder
    |-- DownloadError        a file from the web
    |-- MediaError           a picture or video
    |-- OutputExistsError    a result that would be written over; a FileExistsError, too
    |-- TrainingError        a run that cannot continue
    |-- UsageError           options
    `-- WeightsError         weights

Each carries one line: the file, what was found, what was expected, and the flag that mends it if there is one.
Commands print that line and leave with exit code 2, or 1 where it is inputs that failed; anything else that is raised
is a bug and keeps its traceback.
"""

from __future__ import annotations

import os


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
    """A run cannot continue: it has diverged, the disk is full, a photo has vanished, a process was killed."""


class MediaError(BalloonSplashError):
    """A picture or video cannot be read or written."""


class OutputExistsError(BalloonSplashError, FileExistsError):
    """A result would replace a file or folder, and nobody asked for that."""

    @classmethod
    def at(cls, path: str | os.PathLike[str], *, or_else: str = "") -> OutputExistsError:
        """The error for a file or folder that exists; ``or_else`` names what else helps."""
        return cls(f"{os.fspath(path)}: exists already; expected a new name, or --overwrite to replace it{or_else}")


class UsageError(BalloonSplashError):
    """Options that contradict each other, or that name something which does not exist."""
