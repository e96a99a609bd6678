"""Errors that a user can cause and mend.

::

    BalloonSplashError
    |-- AnnotationError      an annotation file
    |-- ConfigError          a configuration
    |-- DatasetError         a dataset's folder
    |-- DownloadError        a file from the web
    |-- MediaError           a picture or video
    |-- OutputExistsError    a result that would be overwritten; also a FileExistsError
    |-- TrainingError        a run that cannot continue
    |-- UsageError           options
    `-- WeightsError         weights

Each has one line: the file, what was found, what was expected, and the flag that mends it if there is one. Commands
print that line and exit with code 2, or 1 where single inputs failed; any other exception is a bug and keeps its
traceback.
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
    """A file could not be fetched, or is not the one announced."""


class ConfigError(BalloonSplashError):
    """A configuration file or override names an unknown key or a value that does not fit."""


class WeightsError(BalloonSplashError):
    """Weights are missing, unsafe to load, or do not fit the model."""


class TrainingError(BalloonSplashError):
    """A run cannot continue: it has diverged, the disk is full, a photo has vanished, a process was killed."""


class MediaError(BalloonSplashError):
    """A picture or video cannot be read or written."""


class OutputExistsError(BalloonSplashError, FileExistsError):
    """A result would replace an existing file or folder without ``--overwrite``."""

    @classmethod
    def at(cls, path: str | os.PathLike[str], *, or_else: str = "") -> OutputExistsError:
        """Make the error for an existing file or folder; ``or_else`` names other remedies."""
        expected = "expected a new name, or --overwrite (in Python: overwrite) to replace it"
        return cls(f"{os.fspath(path)}: exists already; {expected}{or_else}")


class UsageError(BalloonSplashError):
    """Options contradict each other, or name something that does not exist."""


def one_line(error: BaseException) -> str:
    """Return the message of a library's error on one line, cut at 300 characters, for an error of ours to quote."""
    return " ".join(str(error).split())[:300] or type(error).__name__
