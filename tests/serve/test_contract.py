"""Requests that OpenAPI allows, and some that it does not, get an answer that it describes, and none is a fault."""

from __future__ import annotations

import os
from collections import defaultdict
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("schemathesis", reason="schemathesis is not installed")

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from balloon_splash.serve.app import create_app
from balloon_splash.serve.settings import MIB, Settings
from tests.fakes import PromptedSegmenter
from tests.serve.conftest import encoded, scene

CASES_VARIABLE = "BALLOON_SPLASH_CASES"
QUICK, LONG = 100, 10_000
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def animation() -> bytes:
    """A GIF file of two frames."""
    first, second = (Image.fromarray(pixels[::4, ::4]) for pixels in (scene(), scene()[:, ::-1]))
    buffer = BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=[second])
    return buffer.getvalue()


def check_contract(folder: str, cases: int) -> dict[str, set[int]]:
    """Send so many requests, the same number to each operation; returns the statuses of each."""
    png, jpeg = encoded(scene()[::2, ::2]), encoded(scene()[::2, ::2], "JPEG")
    files = st.sampled_from([png, jpeg, jpeg[:-200], animation()]) | st.binary(max_size=50)
    schemathesis.openapi.format("binary", files)
    app = create_app(Settings(folder=folder, videos_waiting=2, videos_bytes=64 * MIB), PromptedSegmenter())
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    results: Any = schema.get_all_operations()
    operations = [result.ok() for result in results]
    met: dict[str, set[int]] = defaultdict(set)
    for operation in operations:

        @settings(
            max_examples=-(-cases // len(operations)),
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            met[case.operation.path].add(case.call_and_validate(checks=CHECKS).status_code)

        ask()
    return met


def test_answers_are_those_that_are_described(tmp_path_factory: pytest.TempPathFactory) -> None:
    met = check_contract(str(tmp_path_factory.mktemp("videos")), QUICK)
    assert 422 in met["/v1/splash"]


@pytest.mark.slow
def test_ten_thousand_answers_are_those_that_are_described(tmp_path_factory: pytest.TempPathFactory) -> None:
    cases = int(os.environ.get(CASES_VARIABLE, LONG))
    met = check_contract(str(tmp_path_factory.mktemp("videos")), cases)
    assert {200, 422} <= met["/v1/splash"]
