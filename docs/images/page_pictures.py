"""Makes the picture of the page in README.md and docs/serve.md: a large window by day, a phone by night.

    python -m docs.images.page_pictures

The server is the command with the model that ships, the photo the page's own sample, a rendered scene.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page

from benchmarks.page import running
from tests.serve.chromium import chromium, open_browser

HERE = Path(__file__).parent
GROUND = "#cfcac4"
SAMPLE, RED, BLUE, TEAL = (1200, 800), (566, 360), (677, 240), (394, 428)  # size, and places in it (x, y)
WINDOW, PHONE = (1280, 800), (390, 780)
SHEET, MARGIN = (1200, 720), 36
QUALITY = 86


def sample(page: Page, address: str) -> None:
    """Open the sample picture."""
    page.goto(address)
    page.click("#sample")
    page.wait_for_selector("#objects button")
    page.wait_for_timeout(500)  # the tiles are drawn when nothing has changed for a while


def by_day(browser: Browser, address: str) -> Image.Image:
    """Two of the balloons in colour, a third one pointed at."""
    page = browser.new_page(viewport=dict(zip(("width", "height"), WINDOW, strict=True)), color_scheme="light")
    sample(page, address)
    page.click("#keep-none")
    for place in (RED, BLUE):
        page.mouse.click(*on_screen(page, place))
    page.mouse.move(*on_screen(page, TEAL))
    return photographed(page)


def by_night(browser: Browser, address: str) -> Image.Image:
    """A blurred background, on a phone."""
    page = browser.new_page(
        viewport=dict(zip(("width", "height"), PHONE, strict=True)),
        color_scheme="dark",
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
    )
    sample(page, address)
    page.locator(".tile.blur").tap()
    return photographed(page)


def on_screen(page: Page, place: tuple[int, int]) -> tuple[float, float]:
    """Return the position in the window of a place of the sample."""
    bounds = page.locator(".marks").bounding_box()
    assert bounds is not None
    return (
        bounds["x"] + place[0] * bounds["width"] / SAMPLE[0],
        bounds["y"] + place[1] * bounds["height"] / SAMPLE[1],
    )


def photographed(page: Page) -> Image.Image:
    """The window as it is after a moment."""
    page.wait_for_timeout(500)
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    page.close()
    return picture


def paste(sheet: Image.Image, picture: Image.Image, width: int, place: tuple[int, int], radius: int) -> None:
    """Lay a picture of this width on the sheet, its corners round."""
    size = (width, round(picture.height * width / picture.width))
    mask = Image.new("L", (4 * size[0], 4 * size[1]))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *(4 * side - 1 for side in size)), 4 * radius, fill=255)
    sheet.paste(picture.resize(size, Image.Resampling.LANCZOS), place, mask.resize(size, Image.Resampling.LANCZOS))


def main() -> None:
    """Write the picture beside this file."""
    sheet = Image.new("RGB", SHEET, GROUND)
    with running() as address, open_browser(chromium()) as browser:
        paste(sheet, by_day(browser, address), 980, (MARGIN, MARGIN), 12)
        paste(sheet, by_night(browser, address), 290, (SHEET[0] - 290 - MARGIN, 104), 28)
    sheet.save(HERE / "page.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
