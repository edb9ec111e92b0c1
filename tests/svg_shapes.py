"""What an SVG of minigrad.draw shows: its rectangles and texts where a reader sees them, shared shapes put in place."""

import re
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

SVG = "{http://www.w3.org/2000/svg}"


class Box(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    kind: str
    words: str
    size: float


def shapes(text):
    """(width, height), all boxes outside of steps, and the boxes of each step of an animation."""
    root = ElementTree.fromstring(text)
    defined = {node.get("id"): node for node in root.iterfind(f"{SVG}defs/{SVG}g")}
    still, steps = [], []

    def walk(node, x, y, into):
        for child in node:
            if child.tag in (f"{SVG}defs", f"{SVG}style", f"{SVG}title"):
                continue
            if child.tag == f"{SVG}use":
                walk(defined[child.get("href")[1:]], x + float(child.get("x")), y + float(child.get("y")), into)
            elif child.tag == f"{SVG}g" and child.get("class").startswith("w"):     # words that stand for some steps
                count, length = map(int, re.findall(r"\d+", child.get("class")))
                begin = count + int(re.search(r"-\d+", child.get("style"))[0])
                words = []
                walk(child, x, y, words)
                for step in steps[begin:begin + length]:
                    step += words
            elif child.tag == f"{SVG}g":
                steps.append([])
                walk(child, x, y, steps[-1])
            elif child.tag == f"{SVG}text":
                into.append(_text(child, x, y))
            elif child.tag == f"{SVG}path":
                xs, ys = zip(*corners(child.get("d")), strict=True)
                into.append(Box(x + min(xs), y + min(ys), max(xs) - min(xs), max(ys) - min(ys),
                                f"path {child.get('class')}", "", 0))
            elif child.get("width") != "100%":
                into.append(Box(x + float(child.get("x")), y + float(child.get("y")), float(child.get("width")),
                                float(child.get("height")), child.get("class") or "image", "", 0))
    walk(root, 0, 0, still)
    width, height = map(float, root.get("viewBox").split()[2:])
    return (width, height), still, steps


def corners(path):
    """The points of straight lines."""
    x = y = 0.0
    found = []
    for letter, words in re.findall(r"([MLhvzZ])([^MLhvzZ]*)", path):
        numbers = list(map(float, words.split()))
        if letter in "ML":
            x, y = numbers
        elif letter in "hv":
            x, y = x + numbers[0] * (letter == "h"), y + numbers[0] * (letter == "v")
        found.append((x, y))
    return found


def _text(node, x, y):
    """A generous box around a text: no font at hand is wider than this."""
    size, words, kind = float(node.get("font-size")), node.text or "", node.get("class")
    letter = 0.605 if re.search(r"\bm\b", kind) else 0.61 if re.search(r"\bb\b", kind) else 0.54
    width = letter * size * len(words)
    left = x + float(node.get("x")) - {"start": 0, "middle": width / 2, "end": width}[node.get("text-anchor")]
    return Box(left, y + float(node.get("y")) - 0.75 * size, width, 0.95 * size, kind, words, size)


def inside(box, size, slack=0.51):
    """Whether a box lies in the picture."""
    return (box.x >= -slack and box.y >= -slack and box.x + box.width <= size[0] + slack
            and box.y + box.height <= size[1] + slack)


def overlapping(boxes):
    """Pairs of texts that lie on each other."""
    texts = sorted((box for box in boxes if box.words), key=lambda box: box.y)
    found = []
    for j, a in enumerate(texts):
        for b in texts[j + 1:]:
            if b.y >= a.y + a.height:
                break
            if a.x < b.x + b.width and b.x < a.x + a.width:
                found.append((a.words, b.words))
    return found
