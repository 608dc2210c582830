"""
The service's page at /api/builtin/ui/, in a real browser: what it shows and changes, and that everybody can use it.

The screenshots that the site of the documentation shows are made on the way, in build/screenshots.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

import eas_host
from support.browser import complaints, wait
from support.build import ROOT, ProcessorBuilder
from support.host import Host
from support.service import Services, describe, services
from support.wire import command

__all__ = ["services"]

AT = "/api/builtin/ui/"
VERSION = re.escape(eas_host.__version__)
PROP = "/api/builtin/prop"
SCREENSHOTS = ROOT / "build" / "screenshots"
ANSWERED = re.compile(r"responded with a status of [45]\d\d")
"""What the console says of an answer that is an error: that is what some tests are about."""
NOTE_UPTIME = """
new MutationObserver(() => { window.shownAt ??= document.getElementById("uptime").textContent; })
    .observe(document.getElementById("failures"), { childList: true });
"""
RUN_AXE = "axe.run().then(arguments[0], (error) => arguments[0]({ violations: [String(error)] }));"


@pytest.fixture(scope="module")
def host(builder: ProcessorBuilder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    entry = builder.contract("python")
    with Host(tmp_path_factory.mktemp("page"), entry=entry, processor_type="python", model_entry="/") as running:
        yield running


def opened(browser: webdriver.Chrome, host: Host) -> webdriver.Chrome:
    browser.get("about:blank")
    complaints(browser)
    browser.get(f"http://127.0.0.1:{host.address[1]}{AT}")
    return browser


@pytest.fixture
def page(browser: webdriver.Chrome, host: Host) -> Iterator[webdriver.Chrome]:
    """The page, which is live. What it may not load, and what fails in its scripts, fails the test."""
    opened(browser, host)
    wait(browser, lambda page: text(page, "connection") == "live")
    yield browser
    assert [line for line in complaints(browser) if not ANSWERED.search(line)] == []


def element(page: webdriver.Chrome, name: str) -> WebElement:
    return page.find_element(By.ID, name)


def text(page: webdriver.Chrome, name: str) -> str:
    return str(element(page, name).get_property("textContent"))


def fill(page: webdriver.Chrome, name: str, value: str) -> None:
    field = element(page, name)
    field.clear()
    field.send_keys(value)


def field_of(page: webdriver.Chrome, name: str) -> WebElement:
    """The field of a live setting, found by its label as people find it."""
    label = f"//label[text()='{name}']"
    wait(page, lambda page: bool(page.find_elements(By.XPATH, label)))
    return element(page, str(page.find_element(By.XPATH, label).get_attribute("for")))


def test_page_shows_service_model_workers_and_version(page: webdriver.Chrome, host: Host) -> None:
    assert text(page, "service") == "contract"
    assert text(page, "ready") == "ready"
    assert re.fullmatch(rf"{host.entry}, model / · eas-host {VERSION}", text(page, "about"))
    assert page.title.startswith("contract ")
    assert text(page, "queue") == "0 of 64"
    assert text(page, "busy") == "0 of 5"
    assert re.fullmatch(r"\d+ (s|min \d+ s)", text(page, "uptime"))
    [worker] = [[cell.text for cell in row.find_elements(By.TAG_NAME, "td")] for row in rows(page, "workers")]
    assert worker[:2] == ["0", str(host.workers()[0])]
    assert re.fullmatch(r"[\d.]+ MiB", worker[2])
    assert int(worker[3]) >= 5


def rows(page: webdriver.Chrome, table: str) -> list[WebElement]:
    return element(page, table).find_elements(By.TAG_NAME, "tr")


def test_request_from_the_form_appears_with_its_answer(page: webdriver.Chrome) -> None:
    """Status, time, headers and body; and it is counted above."""
    fill(page, "body", "what is sent")
    element(page, "send").click()
    wait(page, lambda page: text(page, "answer-status").startswith("status"))
    assert re.fullmatch(r"status 200 OK, 12 B, [\d.]+ (µs|ms|s)", text(page, "answer-status"))
    assert text(page, "answer-body") == "what is sent"
    assert "content-length: 12\n" in text(page, "answer-headers")
    wait(page, lambda page: "200: " in text(page, "statuses"))
    wait(page, lambda page: len(rows(page, "latency")) > 0)
    assert "% up to" in text(page, "quantiles")


def test_curl_line_sends_the_same(page: webdriver.Chrome) -> None:
    """Quoted, whatever the body has in it."""
    fill(page, "body", 'it\'s "$HOME" `date`\\')
    words = shlex.split(text(page, "curl"))
    assert words[0] == "curl"
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.endswith('\n\nit\'s "$HOME" `date`\\')


def test_file_is_sent_as_it_is_and_a_binary_answer_is_dumped(page: webdriver.Chrome, tmp_path: Path) -> None:
    file = tmp_path / "input.bin"
    file.write_bytes(bytes(range(256)))
    element(page, "file").send_keys(str(file))
    assert "--data-binary @input.bin" in text(page, "curl").replace("'", "")
    element(page, "send").click()
    wait(page, lambda page: text(page, "answer-status").startswith("status 200 OK, 256 B"))
    assert text(page, "answer-body").startswith("00000000  00 01 02 03")
    element(page, "no-file").click()
    assert "--data-raw" in text(page, "curl")


def test_wrong_header_is_named(page: webdriver.Chrome) -> None:
    fill(page, "headers", "no colon")
    element(page, "send").click()
    wait(page, lambda page: text(page, "answer-status") == "not a header: no colon")


def test_crash_is_shown_within_two_seconds(page: webdriver.Chrome, host: Host) -> None:
    """With its cause and its frames; the host's own clock tells when."""
    page.execute_script(NOTE_UPTIME)
    assert host.call(command("die", "abort")).status == 500
    host.expect_log("SIGABRT")
    crashed = uptime(host)
    wait(page, lambda page: "SIGABRT (abort)" in text(page, "failures"))
    shown = re.fullmatch(r"(?:(\d+) min )?(\d+) s", page.execute_script("return window.shownAt"))
    assert shown is not None
    assert int(shown[1] or 0) * 60 + int(shown[2]) <= crashed + 2
    assert "at die (" in text(page, "failures")
    assert text(page, "deaths") == "crash: 1"
    assert host.call(command("throw", "no such thing")).status == 400
    host.expect_log("ValueError: no such thing")
    wait(page, lambda page: "no such thing" in text(page, "failures"))
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    panel = element(page, "failures").find_element(By.XPATH, "..")
    assert panel.screenshot(str(SCREENSHOTS / "ui-crash.png"))


def test_page_updates_under_load(page: webdriver.Chrome, host: Host) -> None:
    """Requests of four connections, one after the other on each."""
    over = Event()

    def send() -> None:
        with host.connect() as client:
            while not over.is_set():
                assert client.call(b"load").status == 200

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        seen: set[float] = set()
        while len(seen) < 3:
            wait(page, lambda page: rate(page) > 10 and rate(page) not in seen)
            seen.add(rate(page))
    finally:
        over.set()
        for thread in threads:
            thread.join()


def rate(page: webdriver.Chrome) -> float:
    """The requests a second that it shows; 0 while it does not know."""
    shown = text(page, "rate").replace(",", "")
    return float(shown) if shown[:1].isdigit() else 0.0


def test_changed_setting_is_live(page: webdriver.Chrome, host: Host) -> None:
    """Also where another has changed it; and a wrong value is refused with its reason."""
    field = field_of(page, "rpc.keepalive")
    field.clear()
    field.send_keys("7000", Keys.ENTER)
    wait(page, lambda page: text(page, "property-status") == "rpc.keepalive is now 7000")
    assert host.call(None, f"{PROP}?name=rpc.keepalive", "GET").text.strip() == "7000"
    host.call(b"", f"{PROP}?name=rpc.keepalive&value=8000")
    wait(page, lambda _: field.get_property("value") == "8000")
    field.clear()
    field.send_keys("soon", Keys.ENTER)
    wait(page, lambda page: text(page, "property-status").startswith("rpc.keepalive: 'soon' is wrong"))
    fill(page, "property-name", "my.own")
    fill(page, "property-value", "1")
    element(page, "property-value").send_keys(Keys.ENTER)
    assert field_of(page, "my.own").get_property("value") == "1"


def test_page_watches_only_while_it_is_shown(page: webdriver.Chrome, host: Host) -> None:
    """While its window is minimized it gets no update, though the host goes on; then it gets the next one at once."""
    page.minimize_window()
    wait(page, lambda page: bool(page.execute_script("return document.hidden")))
    before, hidden = text(page, "uptime"), uptime(host)
    wait(page, lambda _: uptime(host) > hidden + 2)
    assert text(page, "uptime") == before
    page.set_window_size(1280, 900)
    wait(page, lambda page: text(page, "connection") == "live" and text(page, "uptime") != before)


def uptime(host: Host) -> float:
    return float(json.loads(host.call(None, "/api/builtin/monitor", "GET").body)["uptime_seconds"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_no_violation(page: webdriver.Chrome, width: int, scheme: str) -> None:
    """On a phone and on a desk, by day and by night, with all parts of the page filled."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    element(page, "send").click()
    wait(page, lambda page: text(page, "answer-status").startswith("status"))
    wait(page, lambda page: len(rows(page, "latency")) > 0 and "SIGABRT" in text(page, "failures"))
    assert axe(page) == []
    page.execute_script("scrollTo(0, 0)")
    inside = "return document.documentElement.scrollWidth <= window.innerWidth"
    assert page.execute_script(inside), "the page is wider than the screen"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    assert page.save_screenshot(str(SCREENSHOTS / f"ui-{scheme}-{width}.png"))


def axe(page: webdriver.Chrome) -> list[Any]:
    """What axe-core finds: the rule, and where it is broken."""
    spec = importlib.util.find_spec("axe_core_python")
    assert spec is not None
    assert spec.origin is not None
    page.execute_script(Path(spec.origin).with_name("axe.min.js").read_text(encoding="utf-8"))
    found = page.execute_async_script(RUN_AXE)["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]]) if isinstance(one, dict) else one for one in found]


def test_all_is_reached_and_named_with_the_keyboard_alone(page: webdriver.Chrome) -> None:
    """The first stop leads past the header; the setting that has the focus keeps it when an update comes."""
    element(page, "main").send_keys(Keys.SHIFT + Keys.TAB)
    assert page.switch_to.active_element.text == "Skip to the content"
    select = element(page, "latency-span")
    select.send_keys("t")
    assert Select(select).first_selected_option.text == "the time since the start"
    field = field_of(page, "rpc.rate_limit")
    field.send_keys("5")
    before = text(page, "uptime")
    wait(page, lambda page: text(page, "uptime") != before)
    assert page.switch_to.active_element == field
    assert field.get_property("value") == "05"


def test_page_asks_for_the_token_and_uses_it(
    browser: webdriver.Chrome, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    """It says that a token is wrong, forgets it with the page, and never writes it into the curl line."""
    entry = builder.contract("cpp")
    with Host(tmp_path, entry=entry, processor_type="cpp", token="only-we-know") as host:  # noqa: S106  no secret
        page = opened(browser, host)
        wait(page, lambda page: element(page, "token").is_displayed())
        assert page.switch_to.active_element == element(page, "token")
        assert axe(page) == []
        element(page, "token").send_keys("another", Keys.ENTER)
        wait(page, lambda page: "token" in text(page, "token-error"))
        element(page, "token").send_keys("only-we-know", Keys.ENTER)
        wait(page, lambda page: text(page, "connection") == "live")
        assert not element(page, "token-form").is_displayed()
        element(page, "send").click()
        wait(page, lambda page: text(page, "answer-status").startswith("status 200"))
        assert '-H "Authorization: $TOKEN"' in text(page, "curl")
        assert "only-we-know" not in page.page_source
        field = field_of(page, "rpc.keepalive")
        field.clear()
        field.send_keys("9000", Keys.ENTER)
        wait(page, lambda page: text(page, "property-status") == "rpc.keepalive is now 9000")
        page.refresh()
        wait(page, lambda page: element(page, "token").is_displayed())
    assert [line for line in complaints(browser) if not ANSWERED.search(line)] == []


def test_service_of_a_description_counts_its_models(
    browser: webdriver.Chrome, services: Services, builder: ProcessorBuilder, tmp_path: Path
) -> None:
    described = describe(tmp_path / "one", name="one", processor_path=str(builder.contract("python")))
    page = opened(browser, services.start(described))
    wait(page, lambda page: text(page, "connection") == "live")
    assert re.fullmatch(rf"1 model · eas-host {VERSION}", text(page, "about"))
