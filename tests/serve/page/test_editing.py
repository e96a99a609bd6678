"""The page in a real browser, on a real service: clicked on, painted on, steered by keys, saved from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Route, expect

from balloon_splash.cli.splash import main as splash_command
from tests.serve.page.places import FIRST, HEIGHT, MISSED, MISSED_RADIUS, PHONE, SECOND, THIRD, WIDTH, Open
from tests.serve.page.steps import at, coloured, drag, pressed, save, show, shown


def test_a_click_drops_an_object_and_the_saved_file_is_the_commands(visit: Open, photo: Path, tmp_path: Path) -> None:
    page = visit()
    with page.expect_response("**/v1/objects") as answer:
        show(page, photo)
    assert [coloured(shown(page), point) for point in (FIRST, SECOND, THIRD, MISSED)] == [True, True, True, False]
    page.mouse.click(*at(page, SECOND))
    assert [coloured(shown(page), point) for point in (FIRST, SECOND, THIRD)] == [True, False, True]
    dropped = pressed(page)
    assert dropped.count(False) == 1
    page.keyboard.press("Control+z")
    assert all(pressed(page))
    assert coloured(shown(page), SECOND)
    page.keyboard.press("Control+Shift+z")
    assert pressed(page) == dropped

    record = tmp_path / "record.json"
    record.write_text(json.dumps(answer.value.json()["record"]))
    kept = [str(number) for number, keeps in enumerate(dropped, start=1) if keeps]
    arguments = ["--input", str(photo), "--detections", str(record), "--confidence", "0", "--instances", *kept]
    assert splash_command([*arguments, "--output", f"{tmp_path}/made.png", "--quiet"]) == 0
    assert save(page) == (tmp_path / "made.png").read_bytes()


@dataclass(frozen=True)
class Shown:
    """Choices, and how far apart, in levels on average, what the page shows and what is saved may be."""

    background: str
    levels: float
    softness: int = 0
    grow: int = 0
    swapped: bool = False


LOOKS = [
    Shown("grey", 1.5, softness=9, grow=5),
    Shown("desaturate", 1.5, grow=-4, swapped=True),
    Shown("blur", 1.5),
    Shown("pixelate", 2.5),  # a canvas cuts blocks that are no whole number of pixels elsewhere
]


def test_nobody_is_asked_to_click_before_there_is_something_to_click_on(visit: Open, photo: Path) -> None:
    page = visit()
    held: list[Route] = []
    page.route("**/v1/objects", lambda route: held.append(route))
    page.set_input_files("#file", photo)
    expect(page.locator("#busy")).to_contain_text("Looking for objects")
    expect(page.locator("#hint")).to_have_css("opacity", "0")
    (request,) = held
    request.continue_()
    expect(page.locator("#hint")).to_have_css("opacity", "1")


def test_one_of_three_is_kept_and_saved_by_three_clicks_whose_words_say_what_they_do(visit: Open, photo: Path) -> None:
    page = visit()
    show(page, photo)
    expect(page.locator("#hint")).to_have_text("Click an object to turn it grey or back to colour")
    page.get_by_role("button", name="None in colour").click()
    page.mouse.click(*at(page, FIRST))
    expect(page.locator("#objects-kept")).to_have_text("1 of 3 in colour")
    save(page)
    expect(page.locator("#notes")).to_contain_text("party_splash.png among your downloads")


@pytest.mark.parametrize(("device", "said", "unsaid"), [({}, "click", "tap"), (PHONE, "tap", "click")])
def test_the_page_says_click_with_a_mouse_and_tap_without(
    visit: Open, photo: Path, device: dict[str, Any], said: str, unsaid: str
) -> None:
    page = visit(**device)
    words = page.locator("#welcome").inner_text().lower()
    show(page, photo)
    words += page.locator("#hint").inner_text().lower()
    assert words.count(said) == 3
    assert unsaid not in words
    assert ("drop" in words) == (said == "click")  # nobody drops a file on a phone


def test_what_the_page_shows_is_what_the_server_saves(visit: Open, photo: Path) -> None:
    page = visit()
    show(page, photo)
    for look in LOOKS:
        page.locator(f".tile.{look.background} input").check()
        page.locator("#softness").fill(str(look.softness))
        page.locator("#grow").fill(str(look.grow))
        page.locator("#invert").set_checked(look.swapped)
        before = shown(page)[..., :3].astype(int)
        saved = np.asarray(Image.open(BytesIO(save(page))).convert("RGB")).astype(int)
        apart = np.abs(before - saved).mean()
        assert apart < look.levels, f"{look}: {apart:.2f} levels apart"


def test_a_box_adds_what_was_missed_and_the_brush_paints(visit: Open, photo: Path) -> None:
    page = visit()
    show(page, photo)
    page.keyboard.press("b")
    x, y = MISSED
    drag(page, (x - MISSED_RADIUS, y - MISSED_RADIUS), (x + MISSED_RADIUS, y + MISSED_RADIUS))
    expect(page.locator("#objects button")).to_have_count(4)
    assert all(pressed(page))
    assert coloured(shown(page), MISSED)

    meadow = (420, 300)
    page.keyboard.press("p")
    drag(page, meadow, (meadow[0], meadow[1] + 30))
    page.keyboard.press("e")
    drag(page, FIRST, (FIRST[0] + 10, FIRST[1]))
    expected = [True, False, True]
    assert [coloured(shown(page), point) for point in (meadow, FIRST, MISSED)] == expected
    saved = np.asarray(Image.open(BytesIO(save(page))))
    assert [coloured(saved, point) for point in (meadow, FIRST, MISSED)] == expected
    for _ in range(3):
        page.click("#undo")
    expect(page.locator("#objects button")).to_have_count(3)
    assert [coloured(shown(page), point) for point in (meadow, FIRST, MISSED)] == [False, True, False]


def test_keys_alone_choose_draw_and_compare(visit: Open, photo: Path) -> None:
    page = visit()
    show(page, photo)
    page.locator("#objects button").first.focus()
    page.keyboard.press("Space")
    assert pressed(page) == [False, True, True]
    expect(page.locator("#live")).to_contain_text("turns grey")
    page.locator(".marks").focus()
    for _ in range(8):  # from the centre down, on to the third disc
        page.keyboard.press("ArrowDown")
    expect(page.locator("#live")).to_contain_text("On blue")
    page.keyboard.press("Enter")
    assert not coloured(shown(page), THIRD)
    page.keyboard.press("p")
    for key in ("Enter", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    assert coloured(shown(page), (THIRD[0], int(HEIGHT / 2 + 9 * 0.02 * WIDTH)))
    page.keyboard.press("c")
    divider = page.locator(".divider")
    expect(divider).to_be_focused()
    page.keyboard.press("End")
    expect(divider).to_have_attribute("aria-valuenow", "100")


def test_words_and_thumbnails_follow_the_colours_when_inside_and_outside_are_swapped(visit: Open, photo: Path) -> None:
    page = visit()
    show(page, photo)
    page.mouse.click(*at(page, SECOND))
    page.keyboard.press("i")
    expect(page.locator("#objects-kept")).to_have_text("1 of 3 in colour")
    page.mouse.click(*at(page, FIRST))
    expect(page.locator("#live")).to_contain_text("keeps its colour")
    assert [coloured(shown(page), point) for point in (FIRST, SECOND, THIRD)] == [True, True, False]
    assert pressed(page).count(True) == 2
    page.get_by_role("button", name="None in colour").click()
    assert [coloured(shown(page), point) for point in (FIRST, SECOND, THIRD)] == [False] * 3
    assert not any(pressed(page))


def test_escape_gives_up_a_box_and_nothing_is_undone_where_nothing_was_done(visit: Open, photo: Path) -> None:
    page = visit()
    show(page, photo)
    before = page.locator("#live").inner_text()
    page.keyboard.press("Control+z")
    assert page.locator("#live").inner_text() == before
    page.keyboard.press("b")
    page.mouse.move(*at(page, (10, 250)))
    page.mouse.down()
    page.mouse.move(*at(page, (110, 350)))
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator("#busy")).to_be_hidden()
    assert page.locator("#undo").is_disabled()


def test_the_list_of_keys_names_those_that_work_on_the_picture(visit: Open, photo: Path) -> None:
    page = visit()
    show(page, photo)
    page.keyboard.press("?")
    for words in ("Move a cross over the picture", "begin and end a box"):
        expect(page.locator("#shortcuts")).to_contain_text(words)


LINES = 30  # pixels: less than two of them


def test_a_narrow_window_shows_what_is_going_on_in_one_line(visit: Open, photo: Path, clip: Path) -> None:
    page = visit(viewport={"width": 360, "height": 740})
    page.route("**/v1/objects", lambda route: None)
    page.set_input_files("#file", photo)
    words = page.locator("#busy p")
    expect(words).to_have_text("Looking for objects…")
    assert words.evaluate("(line) => line.offsetHeight") < LINES

    page.set_input_files("#file", clip)
    expect(page.locator("#save")).to_be_enabled()
    page.route("**/start", lambda route: None)
    page.click("#save")
    expect(words).to_have_text("Waiting for its turn…")
    for line in (words, page.locator("#save span")):
        assert line.evaluate("(line) => line.offsetHeight") < LINES
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_axe_finds_no_fault_by_day_or_night(visit: Open, photo: Path) -> None:
    page = visit(color_scheme="light", reduced_motion="reduce")
    for view in ("welcome", "studio"):
        if view == "studio":
            show(page, photo)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = Axe().run(page)
            assert found.violations_count == 0, f"{view}, {scheme}: {found.generate_report()}"


def test_a_phone_with_the_token_in_its_address_shows_all_and_takes_a_tap(
    visit: Open, serve: Callable[..., str], photo: Path
) -> None:
    page = visit(f"{serve(token='secret')}#token=secret", **PHONE)
    assert page.locator("#photograph").is_visible()
    show(page, photo)
    assert page.evaluate("location.hash") == ""
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.touchscreen.tap(*at(page, THIRD))
    assert not coloured(shown(page), THIRD)
    expect(page.locator("#objects-kept")).to_have_text("2 of 3 in colour")
