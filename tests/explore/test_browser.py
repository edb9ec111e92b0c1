"""The page in Chromium: sliders, pointer, keys, fingers and addresses; what it shows is what the engine says."""

import json
import threading
import time
from urllib.parse import urlsplit

import pytest
from browser import chromium, media, phone

from minigrad.draw.svg import PALETTE
from minigrad.explore import answers
from minigrad.explore.server import Server
from minigrad.explore.state import parse

pytestmark = pytest.mark.browser


class Page:
    """The page in a browser: opened at a state, asked and touched."""

    def __init__(self, driver, url):
        self.driver, self.url = driver, url

    def open(self, query=""):
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}?{query}")
        self.until("return document.documentElement.dataset.ready")
        return self

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def until(self, script, *arguments, seconds=10):
        """Waits until a script returns something, and returns that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.run(script, *arguments)
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"never so: {script} {arguments}")

    def at(self, query):
        """Waits until the address is that of a state."""
        self.until("return location.search === arguments[0]", f"?{query}" if query else "")
        return self

    def texts(self, selector):
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def words(self, board):
        return self.texts(f"[data-board='{board}'] .cell .word")

    def marked(self, board, kind):
        """The cells of a board that are lit up, and what stands in their corners."""
        return {int(cell): text for cell, text in self.run(
            "return [...document.querySelectorAll(`.cell[data-board='${arguments[0]}'].is-${arguments[1]}`)]"
            ".map(e => [e.dataset.cell, e.lastChild.textContent])", board, kind)}

    def element(self, selector):
        return self.driver.find_element("css selector", selector)

    def cell(self, board, number):
        return self.element(f".cell[data-board='{board}'][data-cell='{number}']")

    def point(self, element, dx=0, dy=0):
        from selenium.webdriver import ActionChains

        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        ActionChains(self.driver, duration=0).move_to_element_with_offset(element, dx, dy).perform()

    def keys(self, *keys):
        """Keys pressed on whatever has the focus."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def choose(self, name, value):
        self.run("document.querySelector(`input[name='${arguments[0]}'][value='${arguments[1]}']`).click()", name,
                 value)

    def touch(self, *places):
        """A finger that goes down at the first place and up at the last."""
        for kind, place in (("touchStart", places[0]), *(("touchMove", place) for place in places[1:])):
            self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [
                {"x": place[0], "y": place[1]}]})
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def middle(self, element):
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        return self.run("const b = arguments[0].getBoundingClientRect(); "
                        "return [b.x + b.width / 2, b.y + b.height / 2]", element)


@pytest.fixture(scope="module")
def page():
    with Server() as server, chromium() as driver:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            page = Page(driver, server.url)
            yield page
            errors = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"
                      and "400 (Bad Request)" not in entry["message"]]
            assert errors == []
            sent = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
            asked = [urlsplit(each["params"]["request"]["url"]) for each in sent
                     if each["method"] == "Network.requestWillBeSent"]
            # (Besides, the browser asks itself for its own empty page.)
            assert {url.netloc for url in asked if url.scheme not in ("chrome", "about", "data", "chrome-untrusted")
                    } == {urlsplit(server.url).netloc}
        finally:
            server.shutdown()
            thread.join()


def shows(page, query):
    """Whether the page shows what the engine says of a state."""
    found = answers.window(parse(query))
    for number, board in enumerate(found["boards"]):
        if board is not None and not found["scatters"]:
            assert page.words(number) == board["words"]
    assert page.text("#title") == found["title"].split(": ")[0]
    assert "".join(page.texts("#code code")) == found["loop"].replace("\n", "")
    assert page.text("#structure") == found["matrix"]["structure"]
    kinds = page.run("return [...document.querySelectorAll('#table rect[class^=band]')].length")
    assert kinds == sum(map(len, found["matrix"]["rows"]))
    derived = [list(pair) for pair in zip(page.texts("#derivation dt"), page.texts("#derivation dd"), strict=True)]
    assert derived == found["sizes"]["lines"] and page.text("#relationship") == found["sizes"]["relationship"]
    return found


@pytest.mark.parametrize("query", [
    "s=2&p=1", "c=2&f=4&g=2&p=1", "axes=1&i=9&d=2&p=same", "op=transposed&a=1", "op=transposed&view=matrix",
    "op=transposed&view=scatter&a=1", "op=weight-gradient", "op=max-pool&p=1", "op=avg-pool", "op=max-unpool",
    "op=avg-unpool&axes=1", "op=upsample&mode=linear", "i=16&k=5"])
def test_a_state_shows_what_the_engine_says(page, query):
    page.open(query)
    shows(page, query)


def test_sliders_change_everything_and_the_address(page):
    from selenium.webdriver import Keys

    page.open("step=0")
    page.element("input[name=k]").send_keys(Keys.LEFT)
    page.at("k=2")
    shows(page, "k=2")
    page.element("input[name=s]").send_keys(Keys.RIGHT)
    page.at("k=2&s=2")
    assert page.run("return document.activeElement.name") == "s"
    shows(page, "k=2&s=2")
    page.choose("padding", "sides")
    page.at("k=2&s=2&p=0,0")
    page.element("input[name='p.1']").send_keys(Keys.RIGHT)
    page.at("k=2&s=2&p=0,1")
    shows(page, "k=2&s=2&p=0,1")
    page.choose("padding", "same")
    page.at("k=2&s=2&p=same")
    page.choose("op", "max-pool")           # what the operations have in common stays
    page.at("op=max-pool&p=same")
    page.choose("axes", "1")
    page.at("op=max-pool&axes=1&p=same")
    shows(page, "op=max-pool&axes=1&p=same")
    page.driver.back()
    page.at("op=max-pool&p=same")
    page.until("return document.querySelectorAll('[data-board=\"0\"] [role=row]').length > 1")
    page.driver.back()
    page.at("k=2&s=2&p=same").until("return document.querySelector('#title').textContent === 'Convolution'")
    page.driver.forward()
    page.at("op=max-pool&p=same").until("return document.querySelector('#title').textContent === 'Max pooling'")
    shows(page, "op=max-pool&p=same")
    page.open("axes=1&i=30&k=12&step=0")
    page.choose("axes", "2")                # where less is possible, it becomes the most that is
    page.at("i=16&k=8")


def test_an_input_shows_its_readers_and_an_output_what_it_reads(page):
    found = shows(page.open("s=1&p=1&step=0"), "s=1&p=1&step=0")
    page.point(page.cell(0, 16))            # x[1,1] on a board of 7x7
    readers = {step["at"]: label for step in found["steps"] for cell, _, label in step["window"] if cell == 16}
    page.until("return document.querySelectorAll('[data-board=\"2\"] .is-window').length === arguments[0]",
               len(readers))
    assert page.marked(2, "window") == readers and len(readers) == 9
    assert page.marked(0, "at") == {16: ""}
    assert page.text("#says").startswith("x[1,1] = 3 is read by 9: y[0,0] with w[2,2]")
    lit = page.run("const r = document.querySelector('.lit .line'); return [+r.getAttribute('width'), "
                   "+r.getAttribute('height')]")
    assert lit[0] < lit[1]                  # a column
    page.point(page.cell(2, 12))
    page.until("return document.querySelector('#says').textContent.startsWith('y[2,2] = ')")
    step = found["steps"][12]
    assert page.marked(0, "window") == {cell: label for cell, _, label in step["window"]}
    assert page.text("#says") == step["says"]
    page.point(page.element("#title"))
    page.until("return document.querySelector('#says').textContent === arguments[0]", found["steps"][0]["says"])


def test_a_weight_shows_its_places_in_the_matrix_and_an_entry_its_cells(page):
    found = answers.window(parse("s=2&p=1&step=0"))
    page.open("s=2&p=1&step=0").point(page.cell(1, 5))
    places = [entry for row in found["matrix"]["rows"] for entry in row if entry[1] == "w[1,2]"]
    page.until("return document.querySelectorAll('.lit .same').length === arguments[0]", len(places))
    assert page.text("#says") == f"w[1,2] = 0: it stands in {len(places)} places of the matrix"
    # The first entry of row 4, at the middle of its rectangle.
    column, name, words, _ = found["matrix"]["rows"][4][0]
    rects = [len(row) for row in found["matrix"]["rows"]]
    page.point(page.driver.find_elements("css selector", "#table rect[class^=band]")[sum(rects[:4])])
    page.until("return document.querySelectorAll('.lit .line').length === 2")
    source = found["matrix"]["columns_of"][column]
    assert page.text("#says") == f"y[1,1] takes {name} = {words} times {found['boards'][0]['names'][source]}"
    assert list(page.marked(0, "window")) == [source] and list(page.marked(2, "at")) == [4]
    page.choose("entries", "numbers")
    page.at("s=2&p=1&entries=numbers")
    assert set(page.texts("#table text")) == {"0", "1", "2"}


def test_what_is_clicked_is_held_until_let_go(page):
    from selenium.webdriver import Keys

    page.open("step=3").point(page.cell(0, 0))
    page.cell(0, 0).click()
    page.point(page.element("#sizes h2"))
    says = "x[0,0] = 3 is read by 1: y[0,0] with w[0,0]"
    assert page.text("#says") == says
    page.at("step=3&hold=0,0").open("step=3&hold=0,0")      # and its address brings it back
    page.until("return document.querySelector('#says').textContent === arguments[0]", says)
    page.keys(Keys.ESCAPE)
    page.until("return document.querySelector('#says').textContent.startsWith('y[1,0] = ')")
    page.at("step=3")
    page.open("step=3&hold=3,4,7")
    page.until("return document.querySelector('#says').textContent.startsWith('y[1,1] takes w[0,1] = 1 times x[1,2]')")
    page.open("hold=2,99&unit=1,99")        # none of the cells, none of the units
    page.until("return document.querySelector('#says').textContent.startsWith('y[0,0] = ')")


def test_a_scatter_adds_up(page):
    query = "op=transposed&view=scatter&axes=1&k=3&s=1&p=0&step=0"
    found = answers.window(parse(query))
    page.open(query)
    shown = ["0"] * 5
    for step in found["steps"]:
        for (cell, _, _), word in zip(step["window"], step["after"], strict=True):
            shown[cell] = word
        page.until("return document.querySelector('#says').textContent === arguments[0]", step["says"])
        assert page.words(2) == shown
        assert page.marked(2, "window") == {cell: label for cell, _, label in step["window"]}
        page.run("document.querySelector('[aria-label=\"one step on\"]').click()")
    page.keys("\ue010")                     # the last step again
    assert page.words(2) == found["boards"][2]["words"]


def test_the_loop_runs_line_by_line_in_step_with_the_boards(page):
    query = "axes=1&p=1"
    page.open(f"{query}&step=1")
    page.keys("l")
    page.at(f"{query}&step=1&line=0")
    moments = answers.loop(parse(f"{query}&step=1"))["moments"]
    lines = answers.window(parse(query))["loop"].splitlines()
    for j, moment in enumerate(moments):
        page.at(f"{query}&step=1&line={j}")
        page.until("return document.querySelector('#code .ran code')?.textContent === arguments[0]",
                   lines[moment["line"]])
        assert dict(zip(page.texts("#variables dt"), page.texts("#variables dd"), strict=True)) == moment["values"]
        assert page.texts("#variables .changed dt") == moment["changed"]
        assert page.text("#code .ran .note") == moment["note"]
        for number, board in enumerate(("source", "kernel", "target")):
            assert list(page.marked(number, "now")) == ([moment[board]] if board in moment else [])
        page.keys("\ue014")                 # the right arrow
    page.at(f"{query}&step=2&line=0")
    page.keys("\ue012")
    page.at(f"{query}&step=1&line={len(moments) - 1}")
    page.keys("l")
    page.at(f"{query}&step=1")
    assert page.texts("#code .ran") == []


def test_keys_play_step_and_halt(page):
    page.open("s=2&p=1&step=0")
    page.keys("\ue014", "\ue014")
    page.at("s=2&p=1&step=2")
    page.keys("\ue012")
    page.at("s=2&p=1&step=1")
    page.keys("\ue010")                     # End
    page.at("s=2&p=1&step=8")
    page.keys("\ue011")                     # Home
    page.at("s=2&p=1&step=0")
    page.choose("speed", "4")
    page.run("document.activeElement.blur()")
    page.keys(" ")
    page.at("s=2&p=1")
    page.until("return document.querySelector('.scrub output').textContent === '3 of 9'")
    page.keys(" ")
    assert page.run("return document.querySelector('[aria-label=play]') !== null")
    step = int(page.text(".scrub output").split()[0]) - 1
    page.at(f"s=2&p=1&step={step}")
    time.sleep(0.4)
    assert page.text(".scrub output") == f"{step + 1} of 9"


def test_it_plays_by_itself_unless_less_motion_is_wanted(page):
    page.open()
    assert page.run("return document.querySelector('[aria-label=pause]') !== null")
    page.until("return document.querySelector('.scrub output').textContent === '2 of 9'")
    media(page.driver, prefers_reduced_motion="reduce")
    try:
        page.open()
        assert page.run("return document.querySelector('[aria-label=play]') !== null")
        assert page.run("return getComputedStyle(document.querySelector('.cell')).transitionDuration") == "0s"
        time.sleep(1.2)
        assert page.text(".scrub output") == "1 of 9"
    finally:
        media(page.driver)


def test_cells_are_reached_by_arrows(page):
    page.open("step=0")
    page.run("document.querySelector('.cell').focus()")
    page.keys("\ue014", "\ue015", "\ue015")         # right, down, down
    assert page.run("return document.activeElement.getAttribute('aria-label')") == "x[2,1]: 1"
    page.until("return document.querySelector('#says').textContent.startsWith('x[2,1] = 1 is read by 6')")
    page.keys("\ue013", "\ue012", "\ue012")         # up, left, and not beyond the edge
    assert page.run("return document.activeElement.dataset.cell") == "5"
    roles = page.run("return ['grid', 'row', 'gridcell'].map(r => document.querySelectorAll(`[role=${r}]`).length)")
    assert roles == [3, 5 + 3 + 3, 25 + 9 + 9]
    assert page.run("return document.querySelectorAll('.grid [tabindex=\"0\"]').length") == 3
    unnamed = page.run("""return [...document.querySelectorAll('button, input')].filter(e => !(e.ariaLabel
        || e.textContent || e.closest('label')?.textContent)).map(e => e.outerHTML)""")
    assert unnamed == []
    assert page.run("return getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_a_state_that_is_none_is_told_and_one_without_sizes_shows_its_arithmetic(page):
    page.open("k=banana")
    assert page.text("#problem").startswith("k: got 'banana', expected a whole number from 1 to 8")
    page.element("#problem a").click()
    page.at("").until("return document.documentElement.dataset.ready && document.querySelector('#title').textContent"
                      " === 'Convolution'")
    page.open("i=3&k=5")
    assert page.text("#problem") == answers.window(parse("i=3&k=5"))["problem"]
    assert not page.element("#shown").is_displayed()
    page.element("input[name=k]").send_keys("\ue012", "\ue012")
    page.at("i=3").until("return document.querySelector('#problem').hidden")
    shows(page, "i=3")


def test_the_link_is_copied(page):
    page.driver.execute_cdp_cmd("Browser.grantPermissions", {
        "origin": page.url.rstrip("/"), "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
    page.open("s=2&step=1")
    page.element("#copy").click()
    page.until("return document.querySelector('#status').textContent === 'copied'")
    copied = page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == f"{page.url}?s=2&step=1"


def test_the_stack_is_edited_and_traced(page):
    page.open("n=15&layers=3,1,1,0_3,1,2,0&step=0")
    found = answers.layers(parse("n=15&layers=3,1,1,0_3,1,2,0"))

    def sees(level):
        return page.run("return [...document.querySelectorAll(`.unit.sees[data-level='${arguments[0]}']`)]"
                        ".map(e => +e.dataset.unit)", level)
    page.point(page.element(".unit[data-level='2'][data-unit='3']"))
    page.until("return document.querySelector('.unit.here').dataset.unit === '3'")
    assert sees(1) == found["levels"][1]["reads"][3] == [3, 5, 7] and sees(0) == list(range(3, 10))
    assert page.run("return document.querySelectorAll('.bars rect').length") == 7
    assert page.text("#stack-says").startswith("Unit 3 of layer 2 sees the 7 positions from 3 on")
    page.element(".unit[data-level='1'][data-unit='6']").click()
    page.at("n=15&layers=3,1,1,0_3,1,2,0&step=0&unit=1,6")
    page.open("n=15&layers=3,1,1,0_3,1,2,0&step=0&unit=1,6")
    assert sees(0) == [6, 7, 8]
    page.point(page.element(".unit[data-level='0'][data-unit='0']"))
    page.until("return document.querySelector('#stack-says').textContent === "
               "'Input 0 is seen by 1 of layer 1, 1 of layer 2.'")
    page.run("document.querySelector(`.unit[data-level='0'][data-unit='0']`).focus()")
    page.keys("\ue014", "\ue013")
    assert page.run("return document.activeElement.getAttribute('aria-label')") == "unit 1 of layer 1"
    page.element("#add").click()
    page.at("n=15&layers=3,1,1,0_3,1,2,0_3,1,1,0&step=0")
    page.until("return document.querySelectorAll('.layer .field').length === 3")
    assert "r = 7 + 1*(3 - 1)*1 = 9" in page.text("[data-layer='2'] .field")
    box = page.element("input[name='s.0']")
    box.clear()
    box.send_keys("2\t")
    page.at("n=15&layers=3,2,1,0_3,1,2,0_3,1,1,0&step=0")
    fields = answers.layers(parse("n=15&layers=3,2,1,0_3,1,2,0_3,1,1,0"))["levels"]
    page.until("return document.querySelector(`[data-layer='2'] .field`).textContent.includes(arguments[0])",
               fields[2]["says"])
    page.element("[aria-label='remove layer 1']").click()
    page.at("n=15&layers=3,1,2,0_3,1,1,0&step=0")
    box = page.element("input[name=n]")
    box.clear()
    box.send_keys("4\t")
    page.until("return document.querySelector('#stack-problem').textContent.startsWith('layer 1: kernel 3')")


def test_on_a_phone_nothing_overflows_and_fingers_do(page):
    with phone(page.driver):
        for query in ("step=0", "c=4&f=4&k=2&step=0", "op=transposed&a=1&step=0&line=4", "axes=1&i=32&step=0",
                      "i=16&k=5&step=0", "k=8", "op=upsample&i=8"):
            page.open(query)
            assert page.run("return document.documentElement.scrollWidth") <= 360, query
            small = page.run("""return [...document.querySelectorAll(`button, .choice label, input[type=range],
                input[type=number]`)].filter(e => e.offsetParent && e.getBoundingClientRect().height < 40)
                .map(e => e.outerHTML)""")
            assert small == [], query
        page.open("step=0")
        page.touch(page.middle(page.cell(0, 7)))
        page.until("return document.querySelector('#says').textContent.startsWith('x[1,2] = 0 is read by 6')")
        x, y = page.middle(page.cell(0, 12))
        page.touch((x + 60, y), (x, y), (x - 60, y))
        page.at("step=1")
        page.touch((x - 60, y), (x, y), (x + 60, y))
        page.at("step=0")
        bar = page.run("return document.querySelector('#player').getBoundingClientRect().bottom")
        assert bar <= page.run("return innerHeight") + 1        # the buttons are within reach


def test_it_is_dark_where_dark_is_wanted(page):
    def colours():
        return page.run("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")

    def rgb(name, side):
        return "rgb({}, {}, {})".format(*bytes.fromhex(PALETTE[name][side][1:]))
    for side, scheme in enumerate(("light", "dark")):
        media(page.driver, prefers_color_scheme=scheme)
        assert page.open("step=0") and colours() == [rgb("ground", side), rgb("ink", side)]
        faint = page.run("""
            const lum = (c) => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(n => n / 255)
                .map(n => n <= .04045 ? n / 12.92 : ((n + .055) / 1.055) ** 2.4);
                return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
            const ground = (e) => { while (e && getComputedStyle(e).backgroundColor === 'rgba(0, 0, 0, 0)')
                e = e.parentElement; return lum(getComputedStyle(e ?? document.body).backgroundColor); };
            return [...document.querySelectorAll('p, span, dt, dd, legend, h1, h2, code, output, button, figcaption')]
                .filter(e => e.offsetParent && e.textContent.trim() && !e.disabled).map(e => {
                    const a = lum(getComputedStyle(e).color), b = ground(e);
                    return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.outerHTML.slice(0, 90)]; })
                .filter(([ratio]) => ratio < 4.5)""")
        assert faint == []
    media(page.driver)
