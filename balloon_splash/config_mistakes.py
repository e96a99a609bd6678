"""Mistakes in configurations, in words: an unknown key with the nearest known one, a value of another kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from balloon_splash.errors import ConfigError, one_line

#: Messages of yacs, which name the key, and for a value of another kind also the known and the given one.
_UNKNOWN_KEY = re.compile(r"Non-existent (?:config )?key: (\S+)")
_OTHER_KIND = re.compile(r"Type mismatch .* vs\. (.*)\) for config key: (\S+)", re.DOTALL)

_KINDS = {bool: "True or False", int: "a whole number", float: "a number with a point", str: "text"}
_NEAR = 0.8
"""Least similarity of two keys of which one may be a misspelling; most share their beginning."""


def in_words(error: Exception, cfg: Mapping[str, object]) -> str:
    """Return what is wrong and what is expected, from an error of yacs or PyYAML.

    Args:
        error: raised when a file or an override was merged.
        cfg: the configuration into which it was merged, a ``CfgNode``.
    """
    if isinstance(error, (AttributeError, TypeError)):  # of a file with one bare word or number, or with nothing
        return "no sections found; expected KEY: VALUE pairs in sections, as in configs/"
    text = str(error.args[0]) if error.args else ""
    if unknown := _UNKNOWN_KEY.search(text):
        return no_key(unknown[1], cfg)
    if other := _OTHER_KIND.search(text):
        value, key = other.groups()
        return f"{key} is {value}; expected {_kind(value_of(cfg, key), value)}"
    return one_line(error)


def no_key(key: str, cfg: Mapping[str, object]) -> str:
    """Return that a configuration has no such key, and the known one of which it may be a misspelling."""
    known = list(_keys(cfg))
    wanted = key.upper()
    near = get_close_matches(wanted, known, n=1, cutoff=_NEAR)
    ends = {each.rpartition(".")[2]: each for each in reversed(known)}
    near = near or [ends[each] for each in get_close_matches(wanted.rpartition(".")[2], ends, n=1, cutoff=_NEAR)]
    hint = f"did you mean {near[0]}?" if near else "expected one that Detectron2 or balloon_splash/config.py defines"
    return f"{key}: no such key; {hint}"


def check_value(cfg: Mapping[str, object], key: str, choices: Iterable[object]) -> None:
    """Check that a key has one of a few values.

    Raises:
        ConfigError: it has another one; suggests the nearest one.
    """
    value, known = value_of(cfg, key), list(choices)
    if value in known:
        return
    near = get_close_matches(str(value), map(str, known), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected {', '.join(map(repr, known))}"
    raise ConfigError(f"{key} is {value!r}; {hint}")


def value_of(cfg: Mapping[str, object], key: str) -> object:
    """Return the value of a dotted key, such as ``SOLVER.MAX_ITER``; None if there is no such key."""
    found: object = cfg
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _keys(cfg: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for name, value in cfg.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{prefix}{name}.")


def _kind(known: object, value: str) -> str:
    """Return the kind of value that a key takes, with an example."""
    if isinstance(known, Mapping):
        return f"keys of this section, such as {next(iter(known))}"
    if isinstance(known, (list, tuple)):
        example = value if re.match(r"[-\d(\[]", value) else repr(value)
        return f'a list, such as "({example},)"'
    return _KINDS.get(type(known), f"a value such as {known!r}")
