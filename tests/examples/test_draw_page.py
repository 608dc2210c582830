"""
The page of the image classification example, in a real browser: a digit drawn with the mouse is recognised while it is
drawn.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from support.browser import complaints, wait
from support.classifiers import start
from support.digits import EXAMPLE
from support.host import Host

PAGE = "/api/builtin/static/draw.html"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The example in Python, with its page, and a token that it wants to see."""
    folder = tmp_path_factory.mktemp("draw")
    with start("python", folder, static=EXAMPLE, token="drawn") as running:  # noqa: S106  no secret
        yield running


@pytest.fixture
def page(browser: webdriver.Chrome, host: Host) -> Iterator[webdriver.Chrome]:
    """The page, freshly loaded. What its script complains about fails the test."""
    browser.get("about:blank")
    browser.get(f"http://127.0.0.1:{host.address[1]}{PAGE}#drawn")
    yield browser
    assert [line for line in complaints(browser) if "favicon" not in line] == []


def says(page: webdriver.Chrome) -> str:
    return page.find_element(By.ID, "status").text


def pen(page: webdriver.Chrome) -> ActionChains:
    return ActionChains(page, duration=10)


def at(page: webdriver.Chrome, x: int, y: int) -> ActionChains:
    """The pen moved to a place, in pixels from the middle of the paper."""
    return pen(page).move_to_element_with_offset(page.find_element(By.ID, "paper"), x, y)


def best(page: webdriver.Chrome) -> str:
    found = page.find_elements(By.CSS_SELECTOR, "li.best span:first-child")
    return found[0].text if found else ""


def test_digit_is_recognised_while_it_is_drawn(page: webdriver.Chrome) -> None:
    """There is an answer before the pen is lifted, and the last one is right."""
    at(page, 0, -100).click_and_hold().perform()
    wait(page, lambda page: says(page).startswith("It looks like a"))
    for y in range(-90, 101, 10):
        at(page, 0, y).perform()
    wait(page, lambda page: best(page) == "1")
    pen(page).release().perform()
    scores = [cell.text for cell in page.find_elements(By.CSS_SELECTOR, ".score")]
    assert len(scores) == 10
    assert all(score.endswith(" %") for score in scores)


def test_stroke_added_to_a_one_makes_it_a_seven(page: webdriver.Chrome) -> None:
    """A one with a roof on its left."""
    for x, y in [(-60, -90), (70, -90), (10, 100)]:
        step = at(page, x, y)
        (step.click_and_hold() if x == -60 else step).perform()
    pen(page).release().perform()
    wait(page, lambda page: best(page) == "7")


def test_clear_button_empties_page_and_answer(page: webdriver.Chrome) -> None:
    at(page, 0, 0).click().perform()
    wait(page, lambda page: best(page) != "")
    page.find_element(By.ID, "clear").click()
    wait(page, lambda page: best(page) == "" and says(page).startswith("Draw"))


def test_page_without_the_token_shows_401(browser: webdriver.Chrome, host: Host) -> None:
    """The page says what the service says."""
    browser.get("about:blank")
    browser.get(f"http://127.0.0.1:{host.address[1]}{PAGE}")
    at(browser, 0, 0).click().perform()
    wait(browser, lambda page: says(page).startswith("401"))
    complaints(browser)  # of the 401, which the next test must not find
