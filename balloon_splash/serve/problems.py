"""Answers to invalid requests: a status and one sentence that names field, found and expected."""

from __future__ import annotations

import re
from http import HTTPStatus

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from balloon_splash.errors import BalloonSplashError

_OF_AN_OPTION = re.compile(r"(?:--)?(?P<name>[a-z][a-z_-]*)(?P<found>[^;]*); expected (?P<expected>.+)", re.DOTALL)
_FLAGS = re.compile(r" \(--[a-z, -]+\)$")


class ProblemBody(BaseModel):
    """Body of every answer that is an error."""

    field: str | None = Field(description="the invalid part or option; null where it is the whole request")
    found: str = Field(description="what was found there")
    expected: str = Field(description="what was expected")
    message: str = Field(description="both in one sentence")

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "field": "choices.feather",
                    "found": "-1",
                    "expected": "a number of pixels, 0 or more",
                    "message": "choices.feather: -1 found, expected a number of pixels, 0 or more",
                }
            ]
        }
    }


class RequestError(Exception):
    """A request that cannot be answered.

    Args:
        status: of the answer.
        field: part or option; None is the whole request.
        found: what was found there.
        expected: what was expected.
        retry_after: seconds after which the same request may succeed.
        sentence: both in one; None joins them.
    """

    def __init__(
        self,
        status: int,
        field: str | None,
        found: str,
        expected: str,
        *,
        retry_after: int | None = None,
        sentence: str | None = None,
    ) -> None:
        found = found.encode(errors="replace").decode()  # JSON may hold half a letter, which no answer can
        joined = f"{found} found, expected {expected}" if found else f"expected {expected}"
        where = "" if field is None else f"{field}: "
        super().__init__(f"{where}{joined if sentence is None else sentence.encode(errors='replace').decode()}")
        self.status = status
        self.body = ProblemBody(field=field, found=found, expected=expected, message=str(self))
        self.headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        if status == HTTPStatus.UNAUTHORIZED:
            self.headers["WWW-Authenticate"] = "Bearer"

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(self.body.model_dump(), self.status, self.headers)


def problem_of(error: BalloonSplashError, field: str, *, option_prefix: str = "choices.") -> RequestError:
    """Return an error of the package as an answer.

    Args:
        error: one line; an option is called as the command calls it.
        field: what is invalid, where the error names no option.
        option_prefix: before the name of an option.
    """
    text = _FLAGS.sub("", " ".join(str(error).split()).removeprefix(f"{field}: "))
    if text.startswith("--") and (match := _OF_AN_OPTION.fullmatch(text)):
        field = option_prefix + match["name"].replace("-", "_")
        return RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, field, match["found"].strip(), match["expected"])
    between = next((mark for mark in ("; expected ", ", expected ") if mark in text), "; ")
    found, _, expected = text.partition(between)
    return RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, field, found, expected or "something else", sentence=text)


def problem_of_http(error: HTTPException) -> RequestError:
    """Return an answer of the framework itself, such as 404, in our form."""
    texts = {
        HTTPStatus.NOT_FOUND: ("an address that is not there", "one that /docs lists"),
        HTTPStatus.METHOD_NOT_ALLOWED: ("another method", (error.headers or {}).get("Allow", "one that /docs lists")),
    }
    status = HTTPStatus(error.status_code)
    found, expected = texts.get(status, (status.phrase.lower(), str(error.detail)))
    problem = RequestError(status, None, found, expected)
    problem.headers |= dict(error.headers or {})
    return problem
