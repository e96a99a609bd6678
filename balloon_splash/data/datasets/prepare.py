"""Preparation of the balloon dataset: download, check and unpack the official archive, all or nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from balloon_splash.data.datasets.folders import SPLITS, VIA_FILE, atomic_dataset_folder
from balloon_splash.data.datasets.unpack import unpack_splits
from balloon_splash.errors import DatasetError, DownloadError
from balloon_splash.files import cache_folder, hash_of
from balloon_splash.web.addresses import Rules, without_secrets
from balloon_splash.web.client import download, one_downloader

OFFICIAL_URL = "https://github.com/matterport/Mask_RCNN/releases/download/v2.1/balloon_dataset.zip"
# Hashes of the release's annotation files, which record each photo's size in bytes, so they also vouch for the photos.
OFFICIAL_VIA_SHA256: Mapping[str, str] = {
    "train": "51bb6efa3e72448862dfd17a6bb8b26da786425703472a586c655babf07b65ee",
    "val": "46e0297a7a0f370bcc0250d683aafe869d1709a6bb0803d658fb1333ca76a09d",
}
_RULES = Rules(max_bytes=256 * 2**20, flag="--allow-http")  # the official one has about 38 MB


def prepare_balloon(
    root: str | os.PathLike[str],
    *,
    url: str = OFFICIAL_URL,
    archive: str | os.PathLike[str] | None = None,
    sha256: str | None = None,
    via_sha256: Mapping[str, str] | None = None,
    allow_http: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Make ``root/train`` and ``root/val`` of the balloon dataset; do nothing if they exist and are sound.

    Args:
        root: the dataset's folder; a failure leaves it as it was.
        url: URL of the archive.
        archive: a local copy of the archive, used instead of ``url``.
        sha256: SHA-256 of the archive, checked if given.
        via_sha256: SHA-256 of each split's annotation file; ``None`` stands for those of the official release.
        allow_http: allow plain ``http`` to other machines.
        overwrite: replace an existing dataset, sound or not.
        progress: show a progress bar on stderr.

    Returns:
        The folder.

    Raises:
        DownloadError: the archive could not be fetched, or is not the expected one.
        DatasetError: the archive is unsafe or incomplete, or ``root`` is taken.
    """
    root = Path(root)
    with one_downloader(_lock_of(root)):
        if overwrite or not is_complete_balloon(root, via_sha256):
            _prepare(
                root, url, archive, sha256, via_sha256, allow_http=allow_http, overwrite=overwrite, progress=progress
            )
    return root


def _prepare(
    root: Path,
    url: str,
    archive: str | os.PathLike[str] | None,
    sha256: str | None,
    via_sha256: Mapping[str, str] | None,
    *,
    allow_http: bool,
    overwrite: bool,
    progress: bool,
) -> None:
    """Fetch, check, unpack and check again; the arguments are those of :func:`prepare_balloon`."""
    with atomic_dataset_folder(root, overwrite=overwrite) as folder:
        if archive is None:
            fetched = folder.parent / "balloon_dataset.zip"  # beside the new folder; removed with its parent
            _fetch(url, fetched, allow_http, progress)
        else:
            fetched = Path(archive)
            if not fetched.is_file():
                raise DatasetError(f"{fetched}: no such archive")
        if sha256 is not None and (found := hash_of(fetched)) != sha256.lower():
            raise DownloadError(f"{without_secrets(str(archive or url))}: sha256 is {found}, expected {sha256.lower()}")
        unpack_splits(fetched, folder)
        verify_balloon(folder, via_sha256)


def _lock_of(root: Path) -> Path:
    """Return the lock of processes that prepare the same folder; it is elsewhere, to keep the dataset clean."""
    digest = hashlib.sha256(str(root.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return cache_folder() / "locks" / f"{digest[:32]}.lock"


def verify_balloon(root: str | os.PathLike[str], via_sha256: Mapping[str, str] | None = None) -> None:
    """Check the annotation files by their hash, and each photo that they name by its size in bytes.

    Raises:
        DatasetError: the first file that is missing or altered.
    """
    expected = OFFICIAL_VIA_SHA256 if via_sha256 is None else via_sha256
    for split in SPLITS:
        annotations = Path(root) / split / VIA_FILE
        if not annotations.is_file():
            raise DatasetError(f"{split}/{VIA_FILE}: missing")
        if (found := hash_of(annotations)) != expected[split]:
            raise DatasetError(f"{split}/{VIA_FILE}: sha256 is {found}, expected {expected[split]}")
        for entry in json.loads(annotations.read_text(encoding="utf-8")).values():
            photo = annotations.parent / entry["filename"]
            if not photo.is_file():
                raise DatasetError(f"{split}/{photo.name}: missing")
            if photo.stat().st_size != entry["size"]:
                raise DatasetError(
                    f"{split}/{photo.name}: {photo.stat().st_size} bytes, expected {entry['size']} as {VIA_FILE} says"
                )


def is_complete_balloon(root: str | os.PathLike[str], via_sha256: Mapping[str, str] | None = None) -> bool:
    """Return whether ``root`` holds the whole dataset, unaltered."""
    try:
        verify_balloon(root, via_sha256)
    except DatasetError:
        return False
    return True


def _fetch(url: str, target: Path, allow_http: bool, progress: bool) -> None:
    rules = replace(_RULES, http="any") if allow_http else _RULES
    try:
        download(url, target, rules, progress=progress)
    except DownloadError as error:
        raise DownloadError(
            f"{error}. If this machine cannot reach it, download it on another one, bring it here and use "
            f"--archive {target.name}"
        ) from error
