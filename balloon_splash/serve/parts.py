"""The parts of a multipart request, read within bounds and called by their names."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection
from http import HTTPStatus

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from balloon_splash.serve.photos import Upload
from balloon_splash.serve.problems import RequestError

MOST_PARTS = 12
MOST_TEXT = 16 * 2**20
"""Bytes of a part that is not a file, such as a record."""

_SHOWN = 80


class Parts:
    """Parts of one request by name; each once.

    Args:
        form: as the framework has read it.
        known: names of all parts that may come.

    Raises:
        RequestError: a part that nobody asked for, or one that came twice.
    """

    def __init__(self, form: FormData, known: Collection[str]) -> None:
        self._parts: dict[str, str | UploadFile] = {}
        for name, value in form.multi_items():
            if name not in known:
                raise _problem(name[:_SHOWN], "a part of this name", f"one of {', '.join(known)}")
            if name in self._parts:
                raise _problem(name, "this part twice", "it once")
            self._parts[name] = value

    def file(self, name: str, expected: str = "a file") -> UploadFile:
        """Return a file that has to be there.

        Raises:
            RequestError: it is not.
        """
        found = self.optional_file(name)
        if found is None:
            raise _problem(name, "nothing", expected)
        return found

    def optional_file(self, name: str) -> UploadFile | None:
        """Return a file, if there is one.

        Raises:
            RequestError: there is a text instead.
        """
        found = self._parts.get(name)
        if isinstance(found, str):
            raise _problem(name, "a text", "a file (with a file name, as curl's -F name=@file sends it)")
        return found

    def text(self, name: str, default: str = "") -> str:
        """Return a text; a file in its place is read, too.

        Raises:
            RequestError: a file that is not UTF-8 text, or too large.
        """
        found = self._parts.get(name, default)
        if isinstance(found, str):
            return found
        try:
            return self._small(name, found).decode("utf-8")
        except UnicodeDecodeError:
            raise _problem(name, "bytes that are not text", "UTF-8 text") from None

    def data(self, name: str) -> bytes | None:
        """Return the bytes of a text or file, if there is one.

        Raises:
            RequestError: it is too large.
        """
        found = self._parts.get(name)
        if found is None:
            return None
        return found.encode("utf-8", "surrogatepass") if isinstance(found, str) else self._small(name, found)

    def flag(self, name: str) -> bool:
        """Return whether a switch is on; it is off where nothing is said.

        Raises:
            RequestError: neither true nor false.
        """
        text = self.text(name, "false")
        if text not in ("true", "false"):
            raise _problem(name, text[:_SHOWN], "true or false")
        return text == "true"

    def whole(self, name: str, least: int, most: int) -> int | None:
        """Return a whole number, if there is one.

        Raises:
            RequestError: another thing, or out of range.
        """
        text = self.text(name)
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            raise _problem(name, text[:_SHOWN], f"a whole number from {least} to {most}")
        return int(text)

    @staticmethod
    def _small(name: str, file: UploadFile) -> bytes:
        data = file.file.read(MOST_TEXT + 1)
        if len(data) > MOST_TEXT:
            found, expected = f"more than {MOST_TEXT} bytes", f"at most {MOST_TEXT}"
            raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, name, found, expected)
        return data


@contextlib.asynccontextmanager
async def parts_of(request: Request, known: Collection[str], *, needed: bool = True) -> AsyncIterator[Parts]:
    """Return the parts of a request, as long as the block lasts.

    Args:
        request: its body has not been read.
        known: names of all parts that may come.
        needed: a request without a body is refused.

    Raises:
        RequestError: not multipart, damaged, or a part that nobody asked for.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind and not needed:
        yield Parts(FormData(), known)
        return
    if kind != "multipart/form-data":
        raise RequestError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, None, kind[:_SHOWN] or "no Content-Type", "multipart/form-data"
        )
    try:
        form = await request.form(max_files=MOST_PARTS, max_fields=MOST_PARTS, max_part_size=MOST_TEXT)
    except HTTPException as error:
        if error.status_code != HTTPStatus.BAD_REQUEST:
            raise
        raise RequestError(HTTPStatus.BAD_REQUEST, None, str(error.detail)[:200], "whole multipart/form-data") from None
    try:
        yield Parts(form, known)
    finally:
        await form.close()


def upload_of(name: str, file: UploadFile) -> Upload:
    """Return a picture file in memory; to be called where reading may take its time."""
    return Upload(name, file.filename or "", file.file.read())


def _problem(field: str, found: str, expected: str) -> RequestError:
    return RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, field, found, expected)
