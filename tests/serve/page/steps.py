"""Steps of a person on the page, and what that person sees."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Page, expect

from tests.serve.page.places import HEIGHT, WIDTH


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
