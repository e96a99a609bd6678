"""OpenVINO and NNCF without the reports that they send to their makers.

Both do so when they are imported and when a model is converted, unless the user has refused in a file of theirs, or
they find themselves in a CI job. Nobody who splashes a photo has agreed to that.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from typing import Any


def import_unreported(name: str) -> Any:
    """The module of that name."""
    with unreported():
        return importlib.import_module(name)


@contextlib.contextmanager
def unreported() -> Iterator[None]:
    """Let the block look like a CI job."""
    before = os.environ.get("CI")
    os.environ["CI"] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ["CI"]
        else:
            os.environ["CI"] = before
