from __future__ import annotations

import pytest

from balloon_splash.data.annotations.classes import alike, category_id, check_class_options, class_of
from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.errors import UsageError


@pytest.mark.parametrize("value", ["red", " red ", {"red": True, "blue": False}], ids=["text", "spaces", "checkbox"])
def test_the_class_is_read_from_every_kind_of_widget(value):
    assert class_of({"name": "x", "colour": value}, "colour") == "red"


def test_a_number_is_a_class_by_its_digits():
    assert class_of({"track": 320}, "track") == "320"
    assert category_id("320", {"7": 0, "320": 1}) == 1


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({}, FaultKind.NO_CLASS),
        ({"colour": ""}, FaultKind.NO_CLASS),
        ({"colour": "  "}, FaultKind.NO_CLASS),
        ({"colour": 3.5}, FaultKind.NO_CLASS),
        ({"colour": True}, FaultKind.NO_CLASS),
        ({"colour": ["red"]}, FaultKind.NO_CLASS),
        ({"colour": {"red": False}}, FaultKind.NO_CLASS),
        ({"colour": {"red": "false"}}, FaultKind.NO_CLASS),
        ({"colour": {"red": True, "blue": True}}, FaultKind.AMBIGUOUS_CLASS),
        ({"colour": "green"}, FaultKind.UNKNOWN_CLASS),
    ],
)
def test_a_class_that_cannot_be_told_is_a_fault(attributes, kind):
    with pytest.raises(UnsoundError) as caught:
        category_id(class_of(attributes, "colour"), {"red": 0, "blue": 1})
    assert caught.value.kind is kind


def test_an_unknown_class_is_told_with_the_known_ones():
    with pytest.raises(UnsoundError, match="'green'; expected one of red, blue"):
        category_id("green", {"red": 0, "blue": 1})


def test_one_class_for_all_looks_at_no_attribute():
    assert category_id(None, {"balloon": 0}) == 0


@pytest.mark.parametrize(
    ("class_names", "class_attribute"),
    [(None, None), (("a", "b"), None), ((), None), (("a", "a"), "k"), ("balloon", None)],
)
def test_options_that_tell_no_class_are_refused(class_names, class_attribute):
    with pytest.raises(UsageError, match=r"expected|class_attribute"):
        check_class_options(class_names, class_attribute)


def test_one_word_in_two_spellings_is_said() -> None:
    """Half of the balloons would be wrong as "Balloon"."""
    assert list(alike(["balloon", "cup", "Cup holder"])) == []
    assert len(list(alike(["caf\u00e9", "cafe\u0301"]))) == 1, "an accent typed on another machine"
    (note,) = alike(["Hot-air balloon", "cup", "hot_air balloon"])
    assert "the classes 'Hot-air balloon', 'hot_air balloon' are told apart by their spelling alone" in note
