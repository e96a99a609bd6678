"""Files of formats that have one for each photo: a damaged one costs its photo alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.records import RawPhoto
from balloon_splash.errors import AnnotationError, DatasetError


def files_at(path: Path, suffix: str, tool: str, *, but: str | None = None) -> list[Path]:
    """Return a file itself; of a folder, the files with this suffix in it and below it, in order of name.

    Args:
        path: the file or folder.
        suffix: the suffix with its dot; hidden files are left out.
        tool: the name of the tool that writes them, for the error.
        but: the name of files that are not of a photo.

    Raises:
        DatasetError: there is none.
    """
    files = [path] if path.is_file() else sorted(path.rglob(f"[!.]*{suffix}"))
    files = [each for each in files if each.name != but]
    if not files:
        kind = suffix.removeprefix(".").upper()
        raise DatasetError(f"{path}: no {kind} file found; expected one of {tool} for each photo")
    return files


def read_each(
    files: Sequence[Path], read: Callable[[Path, int], RawPhoto], faults: FaultLog, *, named: str | None = None
) -> list[RawPhoto]:
    """Read the photo of each file; log those that are damaged.

    Args:
        files: the files.
        read: function that takes a file and its position.
        faults: log for the faults.
        named: the name of the format, where each such fault is one of an entry that is not of this format.

    Raises:
        AnnotationError: any fault if the log is strict.
    """
    photos = []
    for index, file in enumerate(files):
        try:
            photos.append(read(file, index))
        except (AnnotationError, UnsoundError) as error:
            kind = error.kind if isinstance(error, UnsoundError) else FaultKind.BAD_ENTRY
            message = str(error).removeprefix(f"{file}: ")
            if named is not None:
                kind, message = FaultKind.BAD_ENTRY, f"not a {named} file: {message}"
            faults.add(kind, message, dropped=True, file=str(file))
    return photos
