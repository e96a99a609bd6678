"""Documentation page made from OpenAPI: no script, no font, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

Json = Mapping[str, Any]


def docs_page(document: Json) -> str:
    """Return a page of HTML.

    Args:
        document: as ``openapi.json`` has it.
    """
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>{escape(info['title'])} {escape(info['version'])}</title>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{escape(info['description'])}</p>",
        "<p>The same for programs: <a href='openapi.json'>openapi.json</a></p>",
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts += _operation(path, method, operation, document)
    for name, schema in document["components"]["schemas"].items():
        parts.append(f"<h2 id='{escape(name)}'>{escape(name)}</h2>{_table(schema)}")
    return "\n".join(parts)


def _operation(path: str, method: str, operation: Json, document: Json) -> Iterator[str]:
    yield f"<h2>{method.upper()} {escape(path)}</h2><p>{escape(operation.get('description', ''))}</p>"
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<h3>Request: {escape(media_type)}</h3>{_table(content['schema'])}"
    yield "<h3>Answers</h3><dl>"
    for status, answer in operation["responses"].items():
        kinds = ", ".join(
            f"{escape(kind)} {_type(content.get('schema', {}))}" for kind, content in answer.get("content", {}).items()
        )
        yield f"<dt>{escape(status)}</dt><dd>{escape(answer.get('description', ''))} {kinds}</dd>"
    yield "</dl>"


def _table(schema: Json) -> str:
    if "$ref" in schema:
        return _type(schema)
    rows = [
        f"<tr><th scope=row>{escape(name)}<td>{_type(each)}<td>{escape(str(each.get('description', '')))}"
        for name, each in schema.get("properties", {}).items()
    ]
    text = f"<p>{escape(schema['description'])}</p>" if "description" in schema else ""
    return f"{text}<table><tr><th>name<th>type<th>meaning{''.join(rows)}</table>"


def _type(schema: Json) -> str:
    """Return the type in words; of another schema, a link to it."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#{name}'>{name}</a>"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "const" in schema or "enum" in schema:
        return escape(", ".join(map(str, schema.get("enum", [schema.get("const")]))))
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return escape(" ".join([str(schema.get("type", "")), *bounds]))
