"""The choices of a client: the options of the command by their names, as JSON."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from balloon_splash.option_table import BACKGROUND, EDGES, QUALITY, SECONDS, SELECTION, TILES, VIDEOS, Kind, Option
from balloon_splash.serve.problems import RequestError

PHOTO_OPTIONS = (*SELECTION, *BACKGROUND, *EDGES, TILES, QUALITY)
VIDEO_OPTIONS = (*SELECTION, *BACKGROUND, *EDGES, TILES, *VIDEOS)

MOST_NUMBER = 10**6
MOST_ITEMS = 1000
MOST_TEXT = 200

BACKGROUND_IMAGE = "image"
"""Name of the background that comes as a picture of its own, in the part ``background_image``."""


def _model(name: str, options: Sequence[Option]) -> type[BaseModel]:
    make: Any = create_model  # whose types know no fields that a table names
    made = make(
        name,
        __config__=ConfigDict(extra="forbid", strict=True),
        __doc__="Options of the command by their names, with _ in place of -; all have its defaults.",
        **{option.name: (_type(option), _default(option)) for option in options},
    )
    return cast("type[BaseModel]", made)


def _type(option: Option) -> Any:
    if option.shape == "flag":
        return Annotated[bool, Field(description=_described(option))]
    one = _value(option)
    count = len(option.metavar)
    of_shape = {
        "one": one,
        "many": _list_of(one, max_length=MOST_ITEMS),
        "tuple": _list_of(one, min_length=count, max_length=count),
    }
    kind: Any = (
        _list_of(of_shape["tuple"], max_length=MOST_ITEMS) if option.shape == "tuples" else of_shape[option.shape]
    )
    kind = kind | None if option.default is None else kind
    return Annotated[kind, Field(description=_described(option))]


def _list_of(one: Any, **bounds: Any) -> Any:
    kind: Any = list
    return Annotated[kind[one], Field(**bounds)]


def _value(option: Option) -> Any:
    kind = option.kind
    if kind.type is str:
        return Annotated[str, Field(max_length=MOST_TEXT)]
    least = -MOST_NUMBER if kind.least is None else kind.least
    if option.shape == "one" and option.default is not None:
        least = min(least, option.default)
    most = MOST_NUMBER if kind.most is None else kind.most
    bounds: dict[str, Any] = {"ge": least, "le": most}
    if kind.type is float:
        bounds["allow_inf_nan"] = False
    number: Any = Annotated[kind.type, Field(**bounds)]
    if kind.word is not None:
        literal: Any = Literal
        return number | literal[kind.word]
    if kind is SECONDS:
        return number | Annotated[str, Field(pattern=r"^([0-9]{1,4}:){0,2}[0-9]{1,6}(\.[0-9]{1,6})?$"), _read_as(kind)]
    return number


def _read_as(kind: Kind) -> AfterValidator:
    return AfterValidator(kind.read)


def _default(option: Option) -> Any:
    return list(option.default) if isinstance(option.default, tuple) else option.default


def _described(option: Option) -> str:
    text = option.help
    if option.name == "background":
        text = text.replace("image:FILE", f"{BACKGROUND_IMAGE} with the part background_image")
    return f"{text} (default: {option.default_text or _default(option)})"


PhotoChoices = _model("PhotoChoices", PHOTO_OPTIONS)
VideoChoices = _model("VideoChoices", VIDEO_OPTIONS)


def read_choices(text: str, model: type[BaseModel]) -> dict[str, Any]:
    """Return the values of all options, by name.

    Args:
        text: a JSON object; empty takes the defaults.
        model: ``PhotoChoices`` or ``VideoChoices``.

    Raises:
        RequestError: names the option.
    """
    try:
        values = model.model_validate_json(text or "{}").model_dump()
    except ValidationError as error:
        raise _problem(error, model) from None
    for option in _options(model):
        if option.instead_of and values[option.name] and values[option.instead_of] is not None:
            found = f"{option.name} beside {option.instead_of}"
            raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, f"choices.{option.name}", found, "one of the two")
    return values


@cache
def _options(model: type[BaseModel]) -> tuple[Option, ...]:
    return PHOTO_OPTIONS if model is PhotoChoices else VIDEO_OPTIONS


def _problem(error: ValidationError, model: type[BaseModel]) -> RequestError:
    fault = error.errors(include_url=False)[0]
    place = [str(part) for part in fault["loc"]]
    option = next((each for each in _options(model) if place and each.name == place[0]), None)
    if option is None:
        found = f"unknown option {place[0][:80]}" if place else _short(fault["msg"])
        near = difflib.get_close_matches(place[0], [each.name for each in _options(model)], n=1) if place else []
        expected = f"{near[0]}, perhaps" if near else "a JSON object of options"
        return RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, "choices", found, expected)
    expected = _expected(option)
    return RequestError(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"choices.{option.name}", _short(json.dumps(fault["input"])), expected
    )


def _expected(option: Option) -> str:
    if option.shape == "flag":
        return "true or false"
    one = option.kind.expected
    plural = {
        "one": one,
        "many": f"a list, each {one}",
        "tuple": f"a list of {len(option.metavar)}, each {one}",
        "tuples": f"a list of lists of {len(option.metavar)}, each {one}",
    }
    return plural[option.shape]


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."


def described_options() -> dict[str, Any]:
    """Return the JSON schema of each option, with its group, for a page."""
    from balloon_splash.option_table import GROUPS

    groups = {option.name: title for title, options in GROUPS.items() for option in options}
    schema = VideoChoices.model_json_schema()["properties"] | PhotoChoices.model_json_schema()["properties"]
    return {name: {**each, "group": groups.get(name, "files")} for name, each in schema.items()}
