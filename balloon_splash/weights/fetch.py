"""Local files of weights: from a word for ``--weights`` to a file, fetched once and checked against a hash in its name.

Without Detectron2, which :mod:`balloon_splash.weights.resolve` needs for all other meanings of a word.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from balloon_splash.errors import DownloadError, WeightsError
from balloon_splash.files import cache_folder, hash_of
from balloon_splash.web.addresses import Rules, without_secrets
from balloon_splash.weights.names import PACKED_PREFIX, SHIPPED, SHORT_NAMES, absent, shipped_model
from balloon_splash.weights.packed import SUFFIX, Packed, read_about

_ZOO_PREFIX = "detectron2://"
_ZOO = "https://dl.fbaipublicfiles.com/detectron2/"
_TORCHVISION = "https://download.pytorch.org/models/"
_RULES = Rules(max_bytes=4 * 2**30)
_OF_A_RUN = ("model_best.pth", "model_final.pth")

#: Hosts that name files by the beginning of their hash: start of the URL, pattern of the name, algorithm.
_NAMED_BY_HASH = (
    (_ZOO, re.compile(r"model_final_([0-9a-f]{6})\.pkl"), "md5"),
    (_TORCHVISION, re.compile(r"[\w.]+-([0-9a-f]{8})\.pth"), "sha256"),
)


def packed_weights(word: str | None) -> Packed | None:
    """Return the packed file that a word stands for, fetched if need be; None if it stands for other weights.

    Args:
        word: see :func:`given_weights`; None stands for the model that ships.

    Raises:
        WeightsError: there are no such weights, or they cannot be fetched or read.
    """
    word = SHIPPED if word is None else given_weights(word)
    if word != SHIPPED and Path(urlsplit(word).path).suffix != SUFFIX:
        return None
    path = shipped_model() if word == SHIPPED else Path(local_weights(word))
    about = read_about(str(path))
    return None if about is None else Packed(path, about)


def given_weights(word: str) -> str:
    """Return a word for weights, a folder replaced by the model file in it.

    Args:
        word: a short name, a name of Detectron2's zoo, a path of a file or folder, or a URL.

    Raises:
        WeightsError: neither of these, or a folder without a single model.
    """
    if not (word in SHORT_NAMES or "://" in word or word.endswith((".yaml", ".py")) or Path(word).exists()):
        raise absent(word)
    return in_folder(word)


def in_folder(weights: str) -> str:
    """The model file in a folder: the one that was packed there, else the best or the final checkpoint of a run.

    Short names, files and URLs pass unchanged.

    Raises:
        WeightsError: the folder holds no model, or several packed ones.
    """
    folder = Path(weights)
    if weights in SHORT_NAMES or "://" in weights or not folder.is_dir():
        return weights
    packed = sorted(folder.glob(f"*{SUFFIX}"))
    if len(packed) > 1:
        names = ", ".join(path.name for path in packed)
        raise WeightsError(f"{weights}: holds {len(packed)} packed models ({names}); expected --weights to name one")
    found = next((path for path in (*packed, *(folder / name for name in _OF_A_RUN)) if path.is_file()), None)
    if found is None:
        raise WeightsError(f"{weights}: a folder without a model; expected *{SUFFIX}, {' or '.join(_OF_A_RUN)} in it")
    return str(found)


def local_weights(path: str) -> str:
    """Return the local copy of a path or URL (``https://``, ``detectron2://``), fetched once if need be.

    ``balloon-splash://`` names packed weights (:mod:`balloon_splash.weights.unpacked`). Copies from Detectron2's zoo
    and torchvision are where Detectron2 keeps its own, others in our cache folder. Where the name of a file contains
    the beginning of its hash, as in both places, the hash is checked each time.

    Raises:
        WeightsError: the file does not exist, cannot be fetched, or does not match its hash; says where to put a copy
            that was fetched elsewhere.
    """
    url = _address(path)
    if path.startswith(PACKED_PREFIX):
        from balloon_splash.weights.unpacked import unpacked

        return str(unpacked(path.removeprefix(PACKED_PREFIX)))
    if "://" not in url:
        if not Path(path).is_file():
            raise absent(path)
        return path
    local = cached_path(path)
    try:
        if not local.is_file():
            from balloon_splash.web.client import download, one_downloader  # a file that is here needs neither

            with one_downloader(local.with_name(f"{local.name}.lock")):
                if not local.is_file():
                    download(url, local, _RULES, check=lambda part: _check_hash(url, part))
                    return str(local)
        _check_hash(url, local)
    except DownloadError as error:
        raise WeightsError(
            f"{without_secrets(path)}: cannot be fetched ({error}); without internet, put the file at {local}"
        ) from error
    return str(local)


def cached_path(path: str) -> Path:
    """Return the place of the copy of a URL: for Detectron2's zoo and torchvision, where Detectron2 itself looks.

    The files of others lie in our cache folder, by host: nobody can put a file where one of the zoo's is looked for.
    """
    url = _address(path)
    parts = urlsplit(url)
    inside = [part for part in parts.path.split("/") if part not in ("", ".", "..")]
    place = _zoo_cache().joinpath(*inside) if url.startswith((_ZOO, _TORCHVISION)) else _foreign(parts, inside)
    if not inside:
        raise WeightsError(f"{without_secrets(path)}: not the name of a file; expected .pth, .pkl or .safetensors")
    return place


def _address(path: str) -> str:
    return _ZOO + path.removeprefix(_ZOO_PREFIX) if path.startswith(_ZOO_PREFIX) else path


def _zoo_cache() -> Path:
    from iopath.common.file_io import get_cache_dir  # comes with Detectron2, which the zoo's models need anyway

    return Path(get_cache_dir())


def _foreign(parts: SplitResult, inside: list[str]) -> Path:
    """Return the place for a URL that is neither the zoo's nor torchvision's; another query is another file."""
    host = re.sub(r"[^\w.-]", "_", parts.netloc.rpartition("@")[2])
    folder = cache_folder() / "weights" / host
    if parts.query:
        folder /= hashlib.sha256(parts.query.encode()).hexdigest()[:16]
    return Path(folder, *inside)


def _check_hash(url: str, file: Path) -> None:
    """Raise DownloadError if the file does not have the hash in its name."""
    for start, pattern, algorithm in _NAMED_BY_HASH:
        named = pattern.fullmatch(url.rpartition("/")[2]) if url.startswith(start) else None
        if named is not None and not (found := hash_of(file, algorithm)).startswith(named[1]):
            raise DownloadError(f"{file}: its {algorithm} is {found}, expected one that begins with {named[1]}")
