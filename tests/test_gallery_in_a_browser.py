"""Drawings as Chromium shows them: texts with real fonts lie inside and apart, animations play, and stand still for
those who want no motion.
"""

import base64
import itertools
import time

import pytest
from browser import chromium, media
from test_gallery import DRAWN

from minigrad.draw import conv_steps, pool_steps, transpose_steps

pytestmark = pytest.mark.browser

# Of each text that is seen: its box on the page; and of the picture.  Where steps share a place, one step is looked at.
TEXTS = """
const seen = node => { for (let n = node; n && n.style; n = n.parentNode)
                           if (getComputedStyle(n).opacity === "0") return false;
                       return true };
const svg = document.documentElement, all = [];
const walk = (node, x, y) => {
    for (const child of node.children) {
        if (["defs", "style", "title"].includes(child.tagName)) continue;
        if (child.tagName === "g" && !seen(child)) continue;
        if (child.tagName === "use") {
            const shape = document.getElementById(child.getAttribute("href").slice(1));
            walk(shape, x + Number(child.getAttribute("x")), y + Number(child.getAttribute("y")));
        } else if (child.tagName === "text") {
            const box = child.getBBox();
            all.push([child.textContent, x + box.x, y + box.y, box.width, box.height,
                      Number(child.getAttribute("font-size"))]);
        } else walk(child, x, y);
    }
};
walk(svg, 0, 0);
return [svg.viewBox.baseVal.width, svg.viewBox.baseVal.height, all];
"""
# Of the steps, those that are seen.
STEPS = """return [...document.querySelectorAll("g[class^=t]")].map((g, j) => [j, getComputedStyle(g).opacity])
                      .filter(([_, opacity]) => opacity > 0).map(([j]) => j)"""


def address(text):
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


@pytest.fixture(scope="module")
def driver():
    with chromium() as driver:
        yield driver


def apart(a, b):
    """Whether two texts do; a line is as high as its letters, not as its font's tallest."""
    (_, x1, y1, w1, h1, size1), (_, x2, y2, w2, h2, size2) = a, b
    middle1, middle2 = y1 + h1 / 2, y2 + h2 / 2
    return x1 + w1 <= x2 + 0.5 or x2 + w2 <= x1 + 0.5 or abs(middle1 - middle2) >= 0.4 * (size1 + size2)


def test_texts_lie_inside_and_apart(driver):
    media(driver, prefers_reduced_motion="reduce")
    for name, text in DRAWN.items():
        driver.get(address(text))
        width, height, texts = driver.execute_script(TEXTS)
        assert texts, name
        for words, x, y, wide, high, size in texts:
            assert x >= -0.5 and x + wide <= width + 0.5, (name, words, x, wide, width)
            middle = y + high / 2
            assert middle - size / 2 >= 0 and middle + size / 2 <= height, (name, words)
        texts.sort(key=lambda found: found[2])
        for j, one in enumerate(texts):
            for other in texts[j + 1:]:
                if other[2] > one[2] + one[4]:
                    break
                assert apart(one, other), (name, one, other)


@pytest.mark.parametrize("steps", [pool_steps("max", 4, 2, numbers=True),
                                   transpose_steps((3,), 2, view="scatter", numbers=True)], ids=["still", "changing"])
def test_an_animation_shows_the_step_of_the_clock(driver, steps):
    media(driver)
    count = len(steps.steps)
    driver.get(address(steps.animation().svg()))
    names = driver.execute_script("return document.getAnimations().map(a => a.animationName)")
    assert names.count(f"t{count}") == count
    for moment in (0, 0.99, 1.01, count - 0.01, count + 1.5):
        driver.execute_script("for (const a of document.getAnimations()) { a.pause(); a.currentTime = arguments[0]; }",
                              1000 * moment)
        assert driver.execute_script(STEPS) == [int(moment) % count]
        shown = [words for words, *_, size in driver.execute_script(TEXTS)[2] if size == 14]
        target = steps.steps[int(moment) % count].words or steps.target.words
        kernel = steps.kernel.words if steps.kernel else []
        assert sorted(shown) == sorted(word for row in (*steps.source.words, *target, *kernel) for word in row)


def test_an_animation_plays_by_itself(driver):
    media(driver)
    driver.get(address(conv_steps(4, 3).animation().svg()))
    shown = []
    end = time.monotonic() + 8
    while len(set(shown)) < 3 and time.monotonic() < end:
        shown += driver.execute_script(STEPS)
        time.sleep(0.1)
    assert len(set(shown)) >= 3
    order = [a for a, b in zip(shown, [None, *shown], strict=False) if a != b]
    assert all(b == (a + 1) % 4 for a, b in itertools.pairwise(order)), order


def test_who_wants_no_motion_sees_the_first_step(driver):
    media(driver, prefers_reduced_motion="reduce")
    driver.get(address(conv_steps(4, 3).animation().svg()))
    first = driver.get_screenshot_as_png()
    time.sleep(1.2)
    assert driver.execute_script(STEPS) == [0] and driver.get_screenshot_as_png() == first


def test_an_animation_plays_as_an_image_of_a_page(driver):
    media(driver)
    page = f"<img src='{address(conv_steps(4, 3).animation().svg())}'>"
    driver.get("data:text/html;base64," + base64.b64encode(page.encode()).decode())
    first = driver.get_screenshot_as_png()
    time.sleep(1.2)
    assert driver.get_screenshot_as_png() != first


def test_a_picture_follows_the_theme(driver):
    driver.get(address(DRAWN["figures/gallery_curves.svg"]))
    grounds = []
    for theme in ("light", "dark"):
        media(driver, prefers_color_scheme=theme)
        grounds.append(driver.execute_script("return getComputedStyle(document.querySelector('rect')).fill"))
    assert grounds == ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]
