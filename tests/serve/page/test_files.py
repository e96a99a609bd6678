"""Files that the page takes or refuses: videos, several at once, broken ones; and the ways out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")
pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, Route, expect

from tests.serve.page.places import Open


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
