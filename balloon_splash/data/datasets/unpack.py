"""Unpacking of a dataset from a ZIP archive that may be damaged or hostile."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from balloon_splash.data.datasets.folders import SPLITS
from balloon_splash.errors import DatasetError


@dataclass(frozen=True)
class ArchiveLimits:
    """Bounds well above the balloon dataset (76 files, 39 MB, JPEG that does not shrink).

    Attributes:
        max_files: entries in the archive.
        max_bytes: size of all files together, unpacked.
        max_ratio: unpacked to packed size of one file; JSON reaches about 20, a bomb 1000.
    """

    max_files: int = 5_000
    max_bytes: int = 512 * 2**20
    max_ratio: float = 100


ARCHIVE_LIMITS = ArchiveLimits()


def unpack_splits(archive: Path, target: Path, limits: ArchiveLimits = ARCHIVE_LIMITS) -> None:
    """Unpack the files in ``train`` and ``val`` of a ZIP archive into ``target/train`` and ``target/val``.

    The two may be at the top of the archive or in one folder. Additions of macOS (``__MACOSX``, ``._*``) and everything
    elsewhere are left out.

    Args:
        archive: the ZIP file.
        target: an empty folder. After an error it may hold a part: the caller removes it.
        limits: bounds on the archive.

    Raises:
        DatasetError: not a ZIP, damaged, encrypted, beyond the limits, or an entry that is a link or leaves the folder.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            _check_entries(archive, entries, limits)
            for entry, inside in _dataset_files(entries):
                path = target / inside
                path.parent.mkdir(parents=True, exist_ok=True)
                # zipfile reads no more than the announced size, and checks it and the CRC at the end.
                with opened.open(entry) as source, path.open("xb") as sink:
                    shutil.copyfileobj(source, sink)
    except FileExistsError as error:
        raise DatasetError(f"{archive}: holds {Path(error.filename).name} twice") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DatasetError(f"{archive}: not a sound ZIP archive ({error})") from error


def _check_entries(archive: Path, entries: list[zipfile.ZipInfo], limits: ArchiveLimits) -> None:
    if len(entries) > limits.max_files:
        raise DatasetError(f"{archive}: {len(entries)} files, expected at most {limits.max_files}")
    total = sum(entry.file_size for entry in entries)
    if total > limits.max_bytes:
        raise DatasetError(f"{archive}: {total} bytes unpacked, expected at most {limits.max_bytes}")
    for entry in entries:
        fault = _fault_of(entry, limits)
        if fault:
            raise DatasetError(f"{archive}: entry {entry.filename!r} {fault}; nothing was unpacked")


def _fault_of(entry: zipfile.ZipInfo, limits: ArchiveLimits) -> str | None:
    name = entry.filename
    file_type = stat.S_IFMT(entry.external_attr >> 16)  # 0 where the archive was not made on Unix
    if name.startswith("/") or "\\" in name or ":" in name or ".." in PurePosixPath(name).parts:
        return "leads out of the archive's folder"
    if file_type not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a special file"
    if entry.flag_bits & 1:
        return "is encrypted"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is packed in another way than ZIP's usual one"
    if entry.file_size > limits.max_ratio * max(entry.compress_size, 1):
        return f"grows more than {limits.max_ratio:g} times when unpacked"
    return None


def _dataset_files(entries: list[zipfile.ZipInfo]) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """Return the files of the splits, each with its path in the dataset's folder."""
    for entry in entries:
        path = PurePosixPath(entry.filename)
        ignored = path.parts[:1] == ("__MACOSX",) or path.name.startswith("._")
        if entry.is_dir() or ignored or len(path.parts) not in (2, 3) or path.parts[-2] not in SPLITS:
            continue
        yield entry, PurePosixPath(*path.parts[-2:])
