"""Options of the table (:mod:`balloon_splash.option_table`) as arguments of a command."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from balloon_splash.option_table import Kind, Option


def add_group(parser: argparse.ArgumentParser, title: str, options: Sequence[Option]) -> argparse._ArgumentGroup:
    """Add options under a title; those that contradict each other cannot be given together."""
    group = parser.add_argument_group(title)
    for option in options:
        rivals = [other for other in options if other.instead_of == option.name]
        if option.instead_of is not None:
            continue  # added with the one that it contradicts
        place = group.add_mutually_exclusive_group() if rivals else group
        for each in (option, *rivals):
            add_option(place, each)
    return group


def add_option(group: argparse._ActionsContainer, option: Option) -> None:
    """Add one option."""
    help_text = option.help_with_default.replace("%", "%%")
    if option.shape == "flag":
        group.add_argument(option.flag, action="store_true", help=help_text)
        return
    settings: dict[str, Any] = {"type": read_as(option.kind), "metavar": option.metavar, "help": help_text}
    if option.shape in ("tuple", "tuples"):
        settings["nargs"] = len(option.metavar)
    if option.shape == "tuples":
        settings["action"] = "append"
    if option.shape == "many":
        settings |= several_numbers(option.kind) if option.kind.type is not str else {"nargs": "+"}
    if option.bare is not None:
        settings |= {"nargs": "?", "const": option.bare}
    default = list(option.default) if option.shape == "tuples" else option.default  # argparse appends
    group.add_argument(option.flag, default=default, **settings)


def read_as(kind: Kind) -> Callable[[str], object]:
    """Return a function that reads one value, for argparse."""

    def read(text: str) -> object:
        try:
            return kind.read(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text} found, expected {kind.expected}") from None

    return read


def several_numbers(kind: Kind) -> dict[str, Any]:
    """Return settings of an argument with several numbers, which spaces or commas separate."""
    one = read_as(kind)

    def read(text: str) -> list[object]:
        return [one(part) for part in text.split(",")]

    return {"type": read, "nargs": "+", "action": _Joined}


class _Joined(argparse.Action):
    """Store the values of all lists as one list."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        del parser, option_string
        setattr(namespace, self.dest, [value for each in values for value in each])
