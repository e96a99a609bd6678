"""Files that the page takes or refuses: videos, several at once, broken ones; and the ways out of it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, Dialog, Page, Route, expect

from tests.serve.page.places import FIRST, HEIGHT, SECOND, WIDTH, Open
from tests.serve.page.steps import at, coloured, pressed, save, show, shown


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


def drop_files(page: Page, *files: Path) -> None:
    """Drop photos onto the page, as from a file manager."""
    parts = [[path.name, base64.b64encode(path.read_bytes()).decode()] for path in files]
    page.evaluate(
        """(parts) => {
            const dataTransfer = new DataTransfer();
            for (const [name, text] of parts) {
                const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
                dataTransfer.items.add(new File([bytes], name, { type: "image/png" }));
            }
            window.dispatchEvent(new DragEvent("drop", { dataTransfer, cancelable: true }));
        }""",
        parts,
    )


def test_of_several_files_the_page_says_which_one_it_takes(visit: Open, photo: Path) -> None:
    page = visit()
    drop_files(page, photo, photo)
    expect(page.locator("#objects button")).to_have_count(3)
    expect(page.locator("#notes")).to_contain_text("2 files, of which the page takes one: party.png")


@pytest.mark.parametrize("fault", ["not a picture", "too many pixels"])
def test_a_file_that_cannot_be_taken_leaves_the_picture_and_its_choices(
    browser: Browser, serve: Callable[..., str], photo: Path, tmp_path: Path, fault: str
) -> None:
    page = browser.new_page()
    page.goto(serve(photo_pixels=WIDTH * HEIGHT))
    show(page, photo)
    page.mouse.click(*at(page, SECOND))
    dropped = pressed(page)
    path = tmp_path / "other.png"
    if fault == "not a picture":
        path.write_text(fault)
    else:
        Image.new("RGB", (WIDTH + 20, HEIGHT)).save(path)
    page.once("dialog", lambda dialog: dialog.accept())
    page.set_input_files("#file", path)
    expect(page.locator("#notes [role=alert]")).to_contain_text("found, expected")
    expect(page.locator("#studio")).to_be_visible()
    assert pressed(page) == dropped
    assert [coloured(shown(page), point) for point in (FIRST, SECOND)] == [True, False]
    save(page)
    page.close()


def test_an_error_goes_when_the_next_file_is_right(visit: Open, photo: Path, tmp_path: Path) -> None:
    page = visit()
    show(page, photo)
    path = tmp_path / "notes.jpg"
    path.write_text("not a picture")
    page.set_input_files("#background-file", path)
    expect(page.locator("#notes [role=alert]")).to_contain_text("notes.jpg is not a picture")
    page.set_input_files("#background-file", photo)
    expect(page.locator(".tile.image input")).to_be_checked()
    expect(page.locator("#notes [role=alert]")).to_have_count(0)


def test_choices_that_are_not_saved_are_asked_about_before_they_are_lost(visit: Open, photo: Path) -> None:
    page = visit()
    show(page, photo)
    page.mouse.click(*at(page, SECOND))
    asked: list[str] = []

    def refuse(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", refuse)
    page.set_input_files("#file", photo)
    page.evaluate("location.reload()")
    expect(page.locator("#objects-kept")).to_have_text("2 of 3 in colour")
    assert asked == ["confirm", "beforeunload"]
    save(page)
    page.reload()
    expect(page.locator("#welcome")).to_be_visible()
    assert len(asked) == 2


def test_back_shows_the_first_view_and_forward_the_picture_with_its_choices(visit: Open, photo: Path) -> None:
    page = visit()
    show(page, photo)
    page.mouse.click(*at(page, SECOND))
    page.go_back()
    expect(page.locator("#welcome")).to_be_visible()
    page.keyboard.press("Control+z")  # of a picture that is not on the screen
    page.go_forward()
    expect(page.locator("#objects-kept")).to_have_text("2 of 3 in colour")
    assert not coloured(shown(page), SECOND)


def test_a_file_that_is_not_a_picture_is_named_and_the_first_view_stays(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("not a picture")
    page = browser.new_page()
    page.goto(address)
    page.set_input_files("#file", path)
    expect(page.locator("#notes [role=alert]")).to_contain_text("notes.jpg: not a picture that can be read")
    expect(page.locator("#welcome")).to_be_visible()
    page.close()
