"""Parts of the OpenAPI document that do not follow from the types of functions."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from balloon_splash.serve.choices import PhotoChoices, VideoChoices
from balloon_splash.serve.job_files import State
from balloon_splash.serve.problems import ProblemBody

_FILE = {"type": "string", "format": "binary"}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "PhotoChoices": {"background": "blur:20", "soft": True, "confidence": 0, "instances": [1, 3]},
    "VideoChoices": {"background": "grey", "start": 1.5, "end": "0:10"},
}

PARTS: dict[str, dict[str, Any]] = {
    "photo": {**_FILE, "description": "the picture file"},
    "url": {"type": "string", "description": "address of the photo in its place, where the service allows it"},
    "video": {**_FILE, "description": "the video or animation"},
    "record": {**_FILE, "description": "record of an earlier answer for this photo; the model does not look again"},
    "strokes": {**_FILE, "description": "PNG of brush strokes over the photo: green adds, red takes away"},
    "background_image": {**_FILE, "description": 'picture for {"background": "image"}'},
    "side": {
        "type": "integer",
        "minimum": 1,
        "maximum": 20_000,
        "description": "longest side in pixels of index map, mattes and preview (default: the photo's)",
    },
    "mattes": {"type": "boolean", "default": False, "description": "send an 8-bit matte per object"},
    "preview": {"type": "boolean", "default": False, "description": "send the upright photo at that size"},
    "wait": {"type": "boolean", "default": False, "description": "keep the video until v1/videos/ID/start"},
}


class Matte(BaseModel):
    """Probability that a pixel belongs to an object, 255 for 1; 0 outside this window of the view."""

    x: int
    y: int
    width: int
    height: int
    png: str = Field(description="8-bit grey PNG in base64; empty where the window is")


class FoundObject(BaseModel):
    """One object of a photo."""

    number: int = Field(description="counted from 1, best score first; what `instances` takes")
    was: int | None = Field(description="number that it had in the record of the request, null for a new one")
    box: list[float] = Field(description="left, top, right, bottom in pixels of the photo")
    score: float = Field(description="0 to 1")
    class_: str = Field(alias="class")
    kept: bool = Field(description="whether it keeps its colour by these choices")
    matte: Matte | None = None


class Size(BaseModel):
    """Size in pixels."""

    width: int
    height: int


class Objects(BaseModel):
    """The objects of a photo."""

    width: int = Field(description="of the upright photo in pixels")
    height: int
    view: Size = Field(description="of index map, mattes and preview")
    objects: list[FoundObject]
    index_map: str = Field(description="grey PNG in base64: 0, or the number of the object at this pixel")
    preview: str | None = Field(description="the photo in base64")
    preview_type: str | None = Field(description="image/jpeg or image/png")
    record: dict[str, Any] = Field(description="COCO document that v1/splash and --detections of the command take")
    notes: list[str] = Field(description="what of the photo cannot be kept")


class VideoJob(BaseModel):
    """State of one video."""

    id: str = Field(description="known to its client alone")
    state: State
    frames: int = Field(description="written so far")
    expected: int | None = Field(description="frames in all, null if unknown")
    error: ProblemBody | None
    notes: list[str]
    result: str | None = Field(description="address of the result, once it is done")
    expires: float = Field(description="when all of it is removed, in seconds since 1970")


class Token(BaseModel):
    """Body of v1/session."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=1000)


class Ready(BaseModel):
    """Body of health and ready."""

    status: str


class Described(BaseModel):
    """Body of v1/options."""

    options: dict[str, Any]
    limits: dict[str, float]
    class_names: list[str]
    token: bool
    version: str


def multipart(choices: type[BaseModel] | None, *names: str, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the description of a multipart body.

    Args:
        choices: model of the part ``choices``; None where there is none.
        names: of the other parts.
        required: those that have to be there.
    """
    properties = {name: PARTS[name] for name in names}
    encoding = {}
    if choices is not None:
        reference = {"$ref": f"#/components/schemas/{choices.__name__}"}
        properties["choices"] = {**reference, "description": "options of the command, as JSON"}
        encoding["choices"] = {"contentType": "application/json"}
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    content = {"multipart/form-data": {"schema": schema, "encoding": encoding}}
    return {"requestBody": {"required": bool(required), "content": content}}


def answers(*statuses: int, **more: Any) -> dict[int | str, dict[str, Any]]:
    """Return the descriptions of answers that are errors."""
    texts = {
        400: "damaged request",
        401: "no token, or a wrong one",
        403: "from another site, or by another host name",
        404: "unknown address or video",
        405: "unknown method",
        408: "the body took too long",
        409: "the video is in another state",
        413: "too many bytes or pixels",
        415: "not multipart",
        422: "a part or option is invalid",
        429: "the queue is full",
        503: "not ready, or too slow",
    }
    return {status: {"model": ProblemBody, "description": texts[status]} for status in statuses}


def with_choices(document: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI document with the schemas of the choices, which only multipart bodies name."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (PhotoChoices, VideoChoices):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas[model.__name__] = {**schema, "examples": [_EXAMPLES[model.__name__]]}
    return document
