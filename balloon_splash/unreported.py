"""OpenVINO and NNCF without the usage reports that they send to their makers.

Both send them when they are imported and when a model is converted, unless the user has opted out in a file of theirs
or they run in a CI job. Nobody who splashes a photo has agreed to that.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterator
from typing import Any


def import_unreported(name: str) -> Any:
    """Import the module of that name without reports."""
    with unreported():
        return importlib.import_module(name)


@contextlib.contextmanager
def unreported() -> Iterator[None]:
    """Make the block look like a CI job."""
    before = os.environ.get("CI")
    os.environ["CI"] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ["CI"]
        else:
            os.environ["CI"] = before
