"""
A headless Chromium, and what tests of pages ask of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from support import TIMEOUT
from support.build import need


@contextmanager
def open_browser(profile: Path) -> Iterator[webdriver.Chrome]:
    """A headless Chromium of its own, without a *profile* that anybody else uses."""
    options = webdriver.ChromeOptions()
    options.binary_location = need("chromium")
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={profile}"):
        options.add_argument(word)
    driver = webdriver.Chrome(options, webdriver.ChromeService(need("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def complaints(page: webdriver.Chrome) -> list[str]:
    """The errors that the browser's console shows since the last time."""
    lines: list[dict[str, str]] = page.get_log("browser")  # type: ignore[no-untyped-call]  # selenium forgot it
    return [line["message"] for line in lines if line["level"] == "SEVERE"]


def wait(page: webdriver.Chrome, what: Callable[[webdriver.Chrome], bool]) -> None:
    """Waits until *what* is true of the page."""
    WebDriverWait(page, TIMEOUT, poll_frequency=0.05).until(what)
