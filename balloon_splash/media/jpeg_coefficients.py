"""Coefficients of a JPEG file, changed in place by libjpeg-turbo: decoded and coded again without loss.

The TurboJPEG interface (libjpeg-turbo.org, ``tjTransform`` with a custom filter) runs from bytes to bytes in any thread
and returns an error where the older interface ends the process. The library comes from the wheel of
``pylibjxl``, whose module is never imported, or from the system.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable
from functools import cache
from importlib import metadata

import numpy as np
import numpy.typing as npt

Blocks = npt.NDArray[np.int16]
Change = Callable[[int, int, Blocks], None]
"""Function of the numbers of a component and of a row of blocks, and ``(N, 8, 8)`` quantised coefficients to change."""

PACKAGE, MODULE = "pylibjxl", "_pylibjxl."
"""The wheel whose extension module holds libjpeg-turbo, and how the name of that module begins."""

PROGRESSIVE, WITHOUT_SEGMENTS, OPTIMISED = 32, 64, 256  # of a transform
STOP_ON_WARNING, LIMIT_SCANS = 8192, 32768  # of a call


class _Region(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("x", "y", "width", "height")]


class _Transform(ctypes.Structure):
    pass


_Filter = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_short),
    _Region,
    _Region,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(_Transform),
)
_Transform._fields_ = [
    ("region", _Region),
    ("operation", ctypes.c_int),
    ("options", ctypes.c_int),
    ("data", ctypes.c_void_p),
    ("filter", _Filter),
]


def is_available() -> bool:
    """Return whether the library is available."""
    return _library() is not None


def change_coefficients(
    data: bytes, change: Change, *, progressive: bool = False, optimised: bool = True
) -> bytes | None:
    """Change the quantised coefficients of a JPEG file; application segments and comments are dropped.

    Args:
        data: the file.
        change: function called for every row of blocks of every component.
        progressive: write scan by scan.
        optimised: choose the Huffman codes for this picture.

    Returns:
        the file, or None where the library is missing or finds a fault in the file.
    """
    library = _library()
    if library is None:
        return None
    raised: list[BaseException] = []

    def filtered(
        coefficients: ctypes._Pointer[ctypes.c_short],
        part: _Region,
        plane: _Region,
        component: int,
        number: int,
        transform: ctypes._Pointer[_Transform],
    ) -> int:
        if part.y >= plane.height:
            return 0  # rows that only pad the last unit
        try:
            change(component, part.y // 8, np.ctypeslib.as_array(coefficients, (part.width // 8, 8, 8)))
        except BaseException as error:  # an exception must not cross the library
            raised.append(error)
            return -1
        return 0

    options = WITHOUT_SEGMENTS | (PROGRESSIVE if progressive else 0) | (OPTIMISED if optimised else 0)
    transform = _Transform(options=options, filter=_Filter(filtered))
    handle = library.tjInitTransform()
    if not handle:
        return None
    result, size = ctypes.c_void_p(), ctypes.c_ulong()
    try:
        status = library.tjTransform(
            handle,
            data,
            len(data),
            1,
            ctypes.byref(result),
            ctypes.byref(size),
            ctypes.byref(transform),
            STOP_ON_WARNING | LIMIT_SCANS,
        )
        if raised:
            raise raised[0]
        return ctypes.string_at(result.value, size.value) if status == 0 and result.value is not None else None
    finally:
        if result.value is not None:
            library.tjFree(result)
        library.tjDestroy(handle)


@cache
def _library() -> ctypes.CDLL | None:
    for place in (_in_package(), ctypes.util.find_library("turbojpeg")):
        if place is None:
            continue
        try:
            library = ctypes.CDLL(place)
            library.tjInitTransform.restype = ctypes.c_void_p
            library.tjTransform.argtypes = [
                ctypes.c_void_p,
                ctypes.c_char_p,
                ctypes.c_ulong,
                ctypes.c_int,
                ctypes.POINTER(ctypes.c_void_p),
                ctypes.POINTER(ctypes.c_ulong),
                ctypes.POINTER(_Transform),
                ctypes.c_int,
            ]
            library.tjFree.argtypes = [ctypes.c_void_p]
            library.tjDestroy.argtypes = [ctypes.c_void_p]
        except (OSError, AttributeError):  # a library of another system, or without transforms
            continue
        return library
    return None


def _in_package() -> str | None:
    """Return the library that a wheel carries beside its module."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    return next((str(file.locate()) for file in files if file.name.startswith(MODULE)), None)
