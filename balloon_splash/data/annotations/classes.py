"""Classes of regions."""

from __future__ import annotations

import re
import reprlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.errors import UsageError


def check_class_options(
    class_names: Sequence[str] | None, class_attribute: str | None, *, labelled: bool = False
) -> None:
    """Refuse options that leave the class open; ``labelled`` if the format itself names each class.

    Raises:
        UsageError: several classes, or none, are named without the attribute that distinguishes them; or the names are
            a bare text, empty or repeated.
    """
    if isinstance(class_names, str):
        raise UsageError(f"class_names is the text {class_names!r}; expected a list of names: [{class_names!r}]")
    if class_names is not None and (not class_names or len(set(class_names)) < len(class_names)):
        raise UsageError(f"class_names is {list(class_names)}; expected one name or more, each once")
    if not labelled and class_attribute is None and (class_names is None or len(class_names) > 1):
        found = "no class_names" if class_names is None else f"{len(class_names)} class_names"
        raise UsageError(
            f"{found} and no class_attribute: name the key of region_attributes that holds the class "
            "(class_attribute), or give one class name for all regions"
        )


def alike(names: Sequence[str]) -> Iterator[str]:
    """Say which classes are one word in other spellings; training would tell them apart."""
    by_word: dict[str, list[str]] = {}
    for name in names:
        word = re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", name)).casefold()
        by_word.setdefault(word, []).append(name)
    for spellings in by_word.values():
        if len(spellings) > 1:
            yield (
                f"the classes {', '.join(map(reprlib.repr, spellings))} are told apart by their spelling alone; "
                "expected one spelling in the annotations, if they are one class"
            )


def class_of(attributes: Mapping[str, object], class_attribute: str) -> str:
    """Return the class in ``region_attributes``.

    A text field, dropdown or radio button holds a string, checkboxes an object of name to bool, of which exactly one
    must be true. Some scripts write numbers: 320 is the class "320".

    Raises:
        UnsoundError: there is no value, or more than one.
    """
    value = attributes.get(class_attribute)
    if isinstance(value, dict):
        chosen = [name for name, checked in value.items() if checked is True]
        if len(chosen) > 1:
            message = f"{class_attribute!r} has {len(chosen)} boxes checked: {reprlib.repr(chosen)}; expected one"
            raise UnsoundError(FaultKind.AMBIGUOUS_CLASS, message)
        value = chosen[0] if chosen else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value.strip()
    found = (
        f"{class_attribute!r} is {reprlib.repr(value)}" if class_attribute in attributes else f"no {class_attribute!r}"
    )
    message = f"{found}; expected a name; the region has {reprlib.repr(dict(attributes))}"
    raise UnsoundError(FaultKind.NO_CLASS, message)


def category_id(label: str | UnsoundError | None, categories: Mapping[str, int]) -> int:
    """Return the number of a label among ``categories``; 0 where there is no label.

    Raises:
        UnsoundError: the class is unclear, or not among ``categories``.
    """
    if label is None:
        return 0
    if isinstance(label, UnsoundError):
        raise label
    if label not in categories:
        message = f"class {reprlib.repr(label)}; expected one of {', '.join(categories)}"
        raise UnsoundError(FaultKind.UNKNOWN_CLASS, message)
    return categories[label]
