"""The report as a reader meets it: in Chromium, light and dark, wide and narrow."""

import json

import pytest
from browser import chromium, media, phone
from test_report import facts_of

from minigrad.report import page_of

pytestmark = pytest.mark.browser

FOREGROUND = "return getComputedStyle(document.body).color"
WIDE = "return document.documentElement.scrollWidth"
BROKEN = "return [...document.images].filter(image => !image.complete || !image.naturalWidth).length"
HIDDEN = "return [...document.querySelectorAll('svg')].filter(drawing => !drawing.checkVisibility()).length"
SMALL = """return Math.min(...[...document.querySelectorAll('svg text')].map(text => {
    const matrix = text.getScreenCTM(); return matrix.a * parseFloat(getComputedStyle(text).fontSize)}))"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page_of(facts_of()), encoding="utf-8")
    return file.as_uri()


def test_it_is_whole_on_every_screen(page):
    with chromium(900, 900) as driver:
        media(driver, prefers_color_scheme="light")
        driver.get(page)
        assert driver.execute_script(BROKEN) == 0
        assert "Palatino" in driver.execute_script("return getComputedStyle(document.body).fontFamily")
        assert driver.execute_script(WIDE) <= 900
        folded = driver.execute_script(HIDDEN)
        driver.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert driver.execute_script(HIDDEN) == 0 < folded and driver.execute_script(WIDE) <= 900
        light = driver.execute_script(FOREGROUND)
        media(driver, prefers_color_scheme="dark")
        assert driver.execute_script(FOREGROUND) != light
        with phone(driver, 360):
            assert driver.execute_script(WIDE) <= 360
            assert driver.execute_script(SMALL) >= 6.9
        asked = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
        fetched = [message["params"]["request"]["url"] for message in asked
                   if message["method"] == "Network.requestWillBeSent"]
        assert page in fetched and not [url for url in fetched if url.startswith(("http", "ws", "ftp", "blob"))]
        assert driver.get_log("browser") == []
