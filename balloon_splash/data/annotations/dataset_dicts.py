"""Detectron2's standard dataset dicts, as the readers make them.

See https://detectron2.readthedocs.io/en/latest/tutorials/datasets.html for their keys.
"""

from __future__ import annotations

from typing import Any, TypeAlias

DatasetDict: TypeAlias = dict[str, Any]

#: Key of a dataset dict, true where the photo shows objects that are missing from its annotations, because they were
#: unsound or crowds: the surroundings of the others are then not surely background.
INCOMPLETE = "incomplete"
