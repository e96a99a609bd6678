"""The page in a real browser, on a real service: clicked on, painted on, steered by keys, saved from."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from balloon_splash.cli.splash import main as splash_command
from balloon_splash.serve.app import create_app
from balloon_splash.serve.settings import Settings
from tests.fakes import PromptedSegmenter, draw_scene
from tests.serve.chromium import chromium, open_browser

PATIENCE = 30_000  # milliseconds
HEIGHT, WIDTH = 360, 480
FIRST, SECOND, THIRD = (120, 120), (360, 120), (240, 270)  # x, y in the picture: two red discs and a blue one
MISSED = (60, 300)  # a yellow one, which the model does not find unless it is pointed at
MISSED_RADIUS = 36
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

Open = Callable[..., Page]

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser(chromium()) as browser:
        yield browser


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts a service on a free port and returns its address; each ends with the module."""
    with ExitStack() as stack:

        def begin(**settings: Any) -> str:
            folder = str(tmp_path_factory.mktemp("videos"))
            app = create_app(Settings(folder=folder, **settings), PromptedSegmenter())
            server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(setattr, server, "should_exit", True)
            deadline = time.monotonic() + 10
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.01)
            return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"

        yield begin


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Open]:
    """Opens the page in a fresh profile. No script may fail, and nothing may be asked of anybody else."""
    faults: list[str] = []
    with ExitStack() as stack:

        def begin(at: str = address, **options: Any) -> Page:
            context = browser.new_context(**options)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            ours = at.split("#")[0]
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda line: faults.extend([line.text] if line.type == "error" else []))
            elsewhere = re.compile(f"(?!(blob:)?{re.escape(ours)})")
            context.on("request", lambda sent: faults.extend([sent.url] if elsewhere.match(sent.url) else []))
            page.goto(at)
            return page

        yield begin
    assert faults == []


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = draw_scene(HEIGHT, WIDTH)
    cv2.circle(image, MISSED, MISSED_RADIUS, (240, 220, 40), -1)
    path = tmp_path_factory.mktemp("photo") / "party.png"
    Image.fromarray(image).save(path)
    return path


def show(page: Page, photo: Path) -> None:
    """Choose a photo and wait for its objects."""
    page.set_input_files("#file", photo)
    expect(page.locator("#objects button")).to_have_count(3)
    expect(page.locator("#save")).to_be_enabled()


def at(page: Page, point: tuple[int, int]) -> tuple[float, float]:
    """Return the position on the screen of a point of the picture."""
    bounds = page.locator(".marks").bounding_box()
    assert bounds is not None
    return bounds["x"] + point[0] * bounds["width"] / WIDTH, bounds["y"] + point[1] * bounds["height"] / HEIGHT


def drag(page: Page, *points: tuple[int, int]) -> None:
    page.mouse.move(*at(page, points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*at(page, point), steps=4)
    page.mouse.up()


def shown(page: Page) -> npt.NDArray[np.uint8]:
    """The pixels (H, W, 4) of the picture once it is drawn."""
    text = page.evaluate(
        """() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => {
            const canvas = document.querySelector(".result");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let text = "";
            for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
            resolve(btoa(text));
        })))"""
    )
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(HEIGHT, WIDTH, 4)


def coloured(pixels: npt.NDArray[Any], point: tuple[int, int]) -> bool:
    rgb = pixels[point[1], point[0], :3].astype(int)
    return bool(rgb.max() - rgb.min() > 30)


def save(page: Page) -> bytes:
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.suggested_filename == "party_splash.png"
    return Path(download.value.path()).read_bytes()


def pressed(page: Page) -> list[bool]:
    return [button.get_attribute("aria-pressed") == "true" for button in page.locator("#objects button").all()]


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


def test_a_video_is_chosen_from_runs_and_plays(visit: Open, clip: Path) -> None:
    page = visit()
    page.set_input_files("#file", clip)
    expect(page.locator("#objects button")).to_have_count(2)
    assert page.locator("#tools label", has_text="Brush").is_hidden()
    page.locator("#objects button").first.click()
    page.click("#save")
    expect(page.locator("#finished")).to_be_visible()
    expect(page.locator("#video")).to_have_js_property("readyState", 4)  # wait_for_function polls by eval
    with page.expect_download() as download:
        page.click("#download")
    assert Path(download.value.path()).stat().st_size > 1000


@pytest.mark.parametrize("step", ["start", "events"])
def test_a_video_that_was_cancelled_is_sent_again(visit: Open, clip: Path, step: str) -> None:
    page = visit()
    page.set_input_files("#file", clip)
    expect(page.locator("#save")).to_be_enabled()
    held: list[Route] = []
    page.route(f"**/{step}", lambda route: held.append(route))
    with page.expect_request(f"**/{step}"):
        page.click("#save")
    page.click("#cancel")
    expect(page.locator("#notes")).to_contain_text("Cancelled")
    page.unroute(f"**/{step}")
    page.click("#save")
    expect(page.locator("#finished")).to_be_visible()


def test_a_video_that_the_server_has_forgotten_is_sent_again(browser: Browser, address: str, clip: Path) -> None:
    page = browser.new_page()
    page.goto(address)
    with page.expect_response("**/v1/videos") as sent:
        page.set_input_files("#file", clip)
    expect(page.locator("#save")).to_be_enabled()
    page.request.delete(f"{address}v1/videos/{sent.value.json()['id']}")
    page.click("#save")
    expect(page.locator("#finished")).to_be_visible()
    page.close()


def test_a_file_that_is_not_a_picture_is_named_and_the_first_view_stays(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("not a picture")
    page = browser.new_page()
    page.goto(address)
    page.set_input_files("#file", path)
    expect(page.locator("#notes [role=alert]")).to_contain_text("photo")
    expect(page.locator("#welcome")).to_be_visible()
    page.close()
