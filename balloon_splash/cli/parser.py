"""Argument parser of all commands: one name for one thing, options in any order, errors of one line."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import itertools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

EXIT_USAGE = 2

_NEAR = 0.7
"""Least similarity of a known option to an unknown one, of which it may be a misspelling; --input is not --output."""


class Parser(argparse.ArgumentParser):
    """Parser, an :class:`argparse.ArgumentParser`, that names the program as it was started.

    Options may also follow a trailing ``KEY VALUE``; an unknown option is an error of one line that suggests the
    nearest known one.

    Args:
        description: one or two sentences.
        epilog: further help, examples first; ``%(prog)s`` stands for the program.
        elsewhere: options that other programs have for the same, and what this one has: the hint where they are used.
    """

    def __init__(self, description: str, epilog: str = "", elsewhere: Mapping[str, str] | None = None) -> None:
        super().__init__(
            prog=Path(sys.argv[0]).name,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self._elsewhere = dict(elsewhere or {})

    def add_overrides(self) -> None:
        """Add ``--opts KEY VALUE ...`` and, as in Detectron2's tools, a trailing ``KEY VALUE ...``."""
        add_opts(self)
        self.add_argument(
            "trailing",
            nargs="*",
            metavar="KEY VALUE",
            help="overrides of the configuration, as with --opts (default: none)",
        )

    def add_alias(self, old: str, new: str, **options: Any) -> None:
        """Keep the old spelling of an option for one version, out of ``--help``."""
        self.add_argument(old, dest=new.removeprefix("--").replace("-", "_"), help=argparse.SUPPRESS, **options)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse options and trailing values in any order; the latter join ``opts``.

        A misspelt option is reported before one that is missing, because the missing one is often the one misspelt.
        """
        misspelt = self._misspelt(sys.argv[1:] if args is None else args)
        if misspelt:
            self.error(self._unknown(misspelt))
        with self._nothing_required():
            _, unknown = self.parse_known_intermixed_args(args)
        if unknown:
            self.error(self._unknown(unknown))
        parsed = self.parse_intermixed_args(args, namespace)
        if hasattr(parsed, "trailing"):
            parsed.opts = [*parsed.opts, *parsed.trailing]
            del parsed.trailing
        return parsed

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2; where values are missing, the line shows what they look like."""
        lacking = re.fullmatch(r"argument (\S+): expected (\d+|at least one) arguments?", message)
        action = self._option_string_actions.get(lacking.group(1)) if lacking else None
        if action is not None:
            message += f": {self._shape_of(action)}"
        self.exit(EXIT_USAGE, f"error: {message}; see {self.prog} --help\n")

    def _shape_of(self, action: argparse.Action) -> str:
        formatter = self._get_formatter()
        return f"{action.option_strings[0]} {formatter._format_args(action, action.dest.upper())}"

    @contextlib.contextmanager
    def _nothing_required(self) -> Iterator[None]:
        """Make all options optional meanwhile, so that what nobody asked for is found before what is missing."""
        required = [action for action in self._actions if action.required]
        for action in required:
            action.required = False
        try:
            yield
        finally:
            for action in required:
                action.required = True

    def _misspelt(self, arguments: Sequence[str]) -> list[str]:
        """Return the arguments that look like an option and begin none; argparse takes the beginning of a name, too."""
        before_separator = itertools.takewhile(lambda argument: argument != "--", arguments)
        options = [argument for argument in before_separator if argument.startswith("--") and " " not in argument]
        known = [name for action in self._actions for name in action.option_strings]
        begun = {option: option.partition("=")[0] for option in options}
        return [
            option
            for option, name in begun.items()
            if name in self._elsewhere or not any(each.startswith(name) for each in known)
        ]

    def _unknown(self, arguments: Sequence[str]) -> str:
        option = next((argument for argument in arguments if argument.startswith("-")), arguments[0])
        known = [name for action in self._actions if action.help != argparse.SUPPRESS for name in action.option_strings]
        if not option.startswith("-"):
            inputs = "--input" in known
            return f"{option} stands without an option{f'; did you mean --input {option}?' if inputs else ''}"
        name = option.partition("=")[0]
        meant = self._elsewhere.get(name)
        near = [meant] if meant else difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
        return f"unknown argument {option}{f'; did you mean {near[0]}?' if near else ''}"


def add_device(
    group: argparse._ActionsContainer, help_text: str = "cpu, cuda, cuda:1, ... (default: a GPU if there is one)"
) -> None:
    """Add ``--device``."""
    group.add_argument("--device", help=help_text)


def add_training_set(group: argparse._ActionsContainer) -> None:
    """Add ``--dataset`` of a run of training, and the options that say which classes it has."""
    group.add_argument(
        "--dataset",
        metavar="WHAT",
        help="folder with train/ and val/ in it, or a dataset file (YAML), to use as balloon_train and balloon_val "
        "(default: datasets/balloon)",
    )
    add_classes(group)


def add_classes(group: argparse._ActionsContainer) -> None:
    """Add the options that say which classes ``--dataset`` has."""
    group.add_argument(
        "--class-names",
        type=names,
        metavar="NAME,NAME",
        help="classes of --dataset in the order of their numbers, separated by commas; others are left out "
        "(default: those of the annotations)",
    )
    group.add_argument(
        "--class-attribute",
        metavar="KEY",
        help="attribute of VIA regions that holds the class (default: one class for all regions)",
    )


def add_report(parser: argparse.ArgumentParser) -> None:
    """Add where a report is written, and what is printed meanwhile."""
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the report")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing report (default: refuse)")
    parser.add_argument(
        "--quiet", action="store_true", help="print errors only (default: also progress and a closing line)"
    )


def names(text: str) -> list[str]:
    """Read names separated by commas, for argparse."""
    found = [name.strip() for name in text.split(",")]
    if not all(found) or len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"{text!r} found, expected different names with commas between them")
    return found


def as_arguments(args: argparse.Namespace, *options: str) -> list[str]:
    """Return arguments that give another command the same values for those of ``options`` that have one."""
    given = {option: getattr(args, option) for option in options if getattr(args, option)}
    texts = {option: ",".join(value) if isinstance(value, list) else value for option, value in given.items()}
    return [part for option, text in texts.items() for part in (f"--{option.replace('_', '-')}", text)]


def add_opts(group: argparse._ActionsContainer) -> None:
    """Add ``--opts KEY VALUE ...`` alone, for commands whose other options would swallow a trailing one."""
    group.add_argument(
        "--opts", nargs="+", default=[], metavar="KEY VALUE", help="overrides of the configuration (default: none)"
    )
