"""The page in a browser: on a phone, in the dark, on paper, and without a network."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.report import reports

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(reports.page(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def loaded(browser: Browser, file: Path) -> Page:
    page = browser.new_page()
    page.goto(file.as_uri())
    return page


@pytest.fixture
def page(loaded: Page) -> Page:
    """The page on a wide light screen, as it was when it was opened."""
    loaded.emulate_media(media="screen", color_scheme="light")
    loaded.set_viewport_size({"width": 1200, "height": 800})
    return loaded


def brightness(page: Page, property_: str) -> float:
    """Mean of red, green and blue of the body's colour, 0 .. 255."""
    found = page.evaluate(f"getComputedStyle(document.body).{property_}")
    return sum(map(float, re.findall(r"[\d.]+", found)[:3])) / 3


def test_nothing_is_asked_for_but_the_page_and_nothing_is_complained_about(browser: Browser, file: Path) -> None:
    asked: list[str] = []
    said: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(file.as_uri(), wait_until="networkidle")
    assert [url for url in asked if url != "data:,"] == [file.as_uri()]
    assert said == []
    page.close()


@pytest.mark.parametrize("width", [375, 640, 700, 1200])
def test_no_width_makes_the_page_scroll_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [375, 700, 1200])
def test_text_in_charts_can_be_read(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    sizes = page.evaluate(
        """[...document.querySelectorAll('svg')].filter(svg => svg.checkVisibility()).map(
            svg => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width * Math.min(
                ...[...svg.querySelectorAll('text')].map(text => parseFloat(getComputedStyle(text).fontSize))))"""
    )
    assert len(sizes) == 11  # of two for different widths, one is shown
    assert min(sizes) >= 8.5


def test_text_of_charts_stays_within_them(page: Page) -> None:
    outside = page.evaluate(
        """[...document.querySelectorAll('svg')].filter(svg => svg.checkVisibility()).flatMap(svg => {
            const frame = svg.getBoundingClientRect();
            return [...svg.querySelectorAll('text')].filter(text => {
                const box = text.getBoundingClientRect();
                return box.left < frame.left - 2 || box.right > frame.right + 2 || box.bottom > frame.bottom + 4;
            }).map(text => svg.ariaLabel + ': ' + text.textContent);
        })"""
    )
    assert outside == []


def test_a_dark_screen_has_light_text_and_a_light_one_dark(page: Page) -> None:
    inks = []
    for screen in ("dark", "light"):
        page.emulate_media(color_scheme=screen)
        dim, bright = ("backgroundColor", "color") if screen == "dark" else ("color", "backgroundColor")
        assert brightness(page, dim) < 50
        assert brightness(page, bright) > 200
        inks.append(page.evaluate("getComputedStyle(document.querySelector('svg text')).fill"))
    assert inks[0] != inks[1]


def test_paper_is_light_whatever_the_screen_and_has_several_pages(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert brightness(page, "backgroundColor") > 200
    assert brightness(page, "color") < 50
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 1


def test_the_tables_behind_a_click_open_and_are_printed(page: Page) -> None:
    hidden = page.locator("details table").first
    assert not hidden.is_visible()
    page.locator("summary").first.click()
    assert hidden.is_visible()
