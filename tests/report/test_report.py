"""The report says what is so: its numbers are counted again, its images read back, its HTML parsed."""

import base64
import math
import re
from html.parser import HTMLParser

import pytest
from test_draw_learned import decoded

import minigrad
from minigrad import models, nn, optim
from minigrad.cli.training import train_batch
from minigrad.data.images import ImageDataset
from minigrad.report import Facts, measured, page_of, times

VOID = {"meta", "img", "br", "rect", "path", "use", "image"}      # what needs no end


class Named(ImageDataset):
    """Images of three classes, with names that HTML would read as something else."""

    classes = ("plain", "<b>bold</b>", 'a "quoted" & co')


class Tree(HTMLParser):
    """Elements as (tag, attributes, words directly in it, elements in it); tags must be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.root = ("", {}, [], [])
        self.open = [self.root]
        self.feed(text)
        assert self.open == [self.root], "left open"

    def handle_starttag(self, tag, attrs):
        element = (tag, dict(attrs), [], [])
        self.open[-1][3].append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.open[-1][3].append((tag, dict(attrs), [], []))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.open[-1][2].append(data)

    def find(self, tag, within=None, **having):
        found = []
        for element in (within or self.root)[3]:
            if element[0] == tag and all(element[1].get(key) == value for key, value in having.items()):
                found.append(element)
            found += self.find(tag, element, **having)
        return found


def words(element):
    return ("".join(element[2]) + "".join(map(words, element[3]))).replace("\u00a0", " ")


def cells(tree, table):
    return [[words(cell) for cell in row[3]] for row in tree.find("tr", tree.find("table")[table])]


def images(count, seed, kind=Named):
    generator = minigrad.Generator().manual_seed(seed)
    pixels = minigrad.randint(0, 256, (count, 8, 8), generator=generator).to(minigrad.uint8)
    return kind(pixels, minigrad.arange(count) % len(kind.classes))


HISTORY = [{"epoch": 1.0, "lr": 0.1, "train_loss": 2.0, "train_accuracy": 0.3, "test_loss": 1.5, "test_accuracy": 0.4,
            "seconds": 1.25},
           {"epoch": 2.0, "lr": 0.2, "train_loss": math.nan, "train_accuracy": 0.5, "test_loss": 1.2,
            "test_accuracy": 0.6, "seconds": 1.5}]
SGD = lambda model: optim.SGD(model.parameters(), lr=0.1)       # noqa: E731


def facts_of(model="cnn", test=None, **changes):
    minigrad.manual_seed(1)
    test = test or images(20, 1)
    made = models.build(model, test.shape, len(test.classes)) if isinstance(model, str) else model
    facts = Facts("CNN on <random> images", made, images(30, 0), test, HISTORY,
                  {"seed": 7, "data_dir": "/tmp/<b>&"}, "minigrad train <b>", "", train_batch, SGD, 16)
    return facts._replace(**changes)


@pytest.fixture(scope="module")
def facts():
    return facts_of()


@pytest.fixture(scope="module")
def page(facts):
    return page_of(facts)


@pytest.fixture(scope="module")
def tree(page):
    return Tree(page)


@pytest.fixture(scope="module")
def one_by_one(facts):
    """(label, predicted, loss, probability) of each test image, each run alone."""
    found = []
    for j in range(len(facts.test)):
        image, label = facts.test[j]
        with minigrad.no_grad():
            scores = facts.model.eval()(image.unsqueeze(0))[0].double().tolist()
        shares = [math.exp(score) / sum(map(math.exp, scores)) for score in scores]
        found.append((label.item(), scores.index(max(scores)), -math.log(shares[label.item()]), max(shares)))
    return found


def test_measured_is_what_each_image_alone_gives(facts, one_by_one):
    facts.model.train()
    found = measured(facts.model, facts.test, batch_size=7)
    assert facts.model.training and facts.model.features[1].training
    assert (found.labels, found.predicted) == ([row[0] for row in one_by_one], [row[1] for row in one_by_one])
    assert found.losses == pytest.approx([row[2] for row in one_by_one], abs=1e-5)
    assert found.probability == pytest.approx([row[3] for row in one_by_one], abs=1e-5)
    counts = [[0] * 3 for _ in range(3)]
    for label, guess, *_ in one_by_one:
        counts[label][guess] += 1
    assert found.counts == counts and found.right == sum(counts[j][j] for j in range(3))
    wrong = sorted((row[2], j) for j, row in enumerate(one_by_one) if row[0] != row[1])[::-1]
    assert found.mistakes == [j for _, j in wrong] and len(wrong) > 3


def test_classes_in_numbers(tree, one_by_one):
    head, *rows = cells(tree, 0)
    assert head == ["class", "images", "recall", "precision", "mostly taken for"]
    for j, (name, row) in enumerate(zip(Named.classes, rows, strict=True)):
        own = [guess for label, guess, *_ in one_by_one if label == j]
        called = [label for label, guess, *_ in one_by_one if guess == j]
        precision = f"{100 * called.count(j) / len(called):.1f} %" if called else "–"
        assert row[:4] == [name, str(len(own)), f"{100 * own.count(j) / len(own):.1f} %", precision]
        for other, kind in enumerate(Named.classes):
            if other != j and own.count(other):
                assert f"{kind} ({own.count(other)})" in row[4]
    right = sum(label == guess for label, guess, *_ in one_by_one)
    (abstract,) = tree.find("p", **{"class": "abstract"})
    assert f"right about {right} of 20 test images: {5 * right:.2f} %" in words(abstract)


def test_the_confusion_matrix_holds_the_counts(tree, one_by_one):
    (drawing,) = [svg for svg in tree.find("svg") if words(tree.find("title", svg)[0]) == "Confusion matrix"]
    numbers = sorted(int(words(text)) for text in tree.find("text", drawing) if words(text).isdecimal())
    pairs = [(label, guess) for label, guess, *_ in one_by_one]
    assert numbers == sorted(pairs.count((t, p)) for t in range(3) for p in range(3))


def test_the_worst_mistakes_are_shown_with_their_pixels(facts, tree, one_by_one):
    wrong = sorted(((-loss, j) for j, (label, guess, loss, _) in enumerate(one_by_one) if label != guess))
    shown = tree.find("div", tree.find("div", **{"class": "images"})[0])
    assert len(shown) == len(wrong)
    for (_, j), tile in zip(wrong, shown, strict=True):
        (image,) = tree.find("img", tile)
        pixels = decoded(base64.b64decode(image[1]["src"].removeprefix("data:image/png;base64,")))
        assert [[pixel[0] for pixel in row] for row in pixels] == facts.test.pixels[j, 0].tolist()
        label, guess, _, share = one_by_one[j]
        assert words(tile) == f"{Named.classes[label]}, not {Named.classes[guess]} ({100 * share:.0f} %)"


def test_one_file_that_fetches_nothing(page, tree):
    assert not re.search(r"https?:|<script|<link|@import|url\(", page)
    assert all(image[1]["src"].startswith("data:image/png;base64,") for image in tree.find("img"))
    assert all(image[1]["href"].startswith("data:image/png;base64,") for image in tree.find("image"))
    assert "default-src 'none'" in page and len(page) < 200_000


def test_names_are_words_and_nothing_else(page, tree):
    assert words(tree.find("h1")[0]) == "CNN on <random> images"
    assert ["data_dir", "/tmp/<b>&"] in cells(tree, 2) and words(tree.find("pre")[0]) == "minigrad train <b>"
    assert "<b>bold" not in page and "<random>" not in page
    assert all(words(bold).startswith(("Figure ", "Table ")) for bold in tree.find("b"))


def test_sections_figures_and_tables_are_numbered(tree):
    assert [words(title) for title in tree.find("h2")] == [
        f"{n}\u2002{title}" for n, title in enumerate(
            ["Result", "Training", "Mistakes", "What it has learned", "The network", "Configuration"], 1)]
    numbers = [words(bold) for bold in tree.find("b")]
    assert [name for name in numbers if "Table" in name] == ["Table 1.", "Table 2.", "Table 3."]
    assert [name for name in numbers if "Figure" in name] == [f"Figure {n}." for n in range(1, 9)]
    titles = [words(tree.find("title", svg)[0]) for svg in tree.find("svg")]
    assert titles[:4] == ["Confusion matrix", "Loss", "Accuracy", "Learning rate"]
    assert titles.count("features.0: Conv2d") == titles.count("features.4: Conv2d") == 2      # filters, feature maps
    assert sum(title.startswith("What speaks for") for title in titles) == 3


def test_layers_are_those_of_the_summary(facts, tree):
    found = nn.utils.summary(facts.model, (1, 8, 8))
    head, *rows, total = cells(tree, 1)
    assert head == ["name", "layer", "output", "parameters", "multiply-adds", "field", "stride", "forward µs",
                    "backward µs"]
    assert [row[0].strip() for row in rows] == [row.name.split(".")[-1] for row in found.rows]
    assert [row[1] for row in rows] == [row.layer for row in found.rows]
    assert total[3:5] == [f"{found.parameters:,}", f"{found.multiply_adds:,}"]
    assert rows[3][2] == "32×8×8" and rows[2][:2] == ["\u2002\u2002\u2002\u20020", "Conv2d"]
    assert float(rows[2][7].replace(",", "")) >= 0 and rows[1][7] == ""


def test_times_belong_to_layers_and_change_nothing(facts):
    model = facts.model.train()
    before = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    minigrad.manual_seed(3)
    wanted = minigrad.rand(2).tolist()
    minigrad.manual_seed(3)
    found = times(train_batch, model, SGD, *facts.train[:16])
    assert minigrad.rand(2).tolist() == wanted
    assert {name: tensor.tolist() for name, tensor in model.state_dict().items()} == before
    assert not any(module._hooks for module in model.modules())
    own = {name for name, module in model.named_modules() if not list(module.children())}
    assert set(found.layers) <= own and {"features.0", "features.1", "features.3", "classifier.2"} <= set(found.layers)
    assert min(min(found.layers["features.4"]), found.update, found.rest) > 0
    assert found.layers["features.4"][1] > 0 and found.layers.get("features.2", (0, 1))[1] > 0  # a pull of its own
    total = found.update + found.rest + sum(map(sum, found.layers.values()))
    assert 0.2 * found.call < total < 3 * found.call


class Oracle(nn.Module):
    """Knows the label: it is the first pixel."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(minigrad.tensor(100.0))

    def forward(self, x):
        first = (x[:, 0, 0, :1] * 255).round() % 3
        return -self.scale * (first - minigrad.arange(3).float()).abs()


def test_without_mistakes_and_without_convolutions():
    test = images(9, 2)
    test.pixels[:, 0, 0, 0] = (minigrad.arange(9) % 3).to(minigrad.uint8)
    text = page_of(facts_of(Oracle(), test))
    tree = Tree(text)
    assert "right about 9 of 9 test images: 100.00\u00a0%" in text and "It makes no mistake." in text
    assert [words(title)[2:] for title in tree.find("h2")] == ["Result", "Training", "What it has learned",
                                                               "The network", "Configuration"]
    titles = [words(tree.find("title", svg)[0]) for svg in tree.find("svg")]
    assert not any("Conv" in title for title in titles) and "What speaks for plain" in titles


def test_without_weights_there_is_what_there_is():
    tree = Tree(page_of(facts_of("mlp", trained=False, history=[], note="Given up in epoch 1: the loss is <nan>")))
    assert [words(title)[2:] for title in tree.find("h2")] == ["The network", "Configuration"]
    assert words(tree.find("p", **{"class": "note"})[0]) == "Given up in epoch 1: the loss is <nan>"


def test_of_a_model_and_data_alone():
    minigrad.manual_seed(0)
    test = images(20, 1)
    model = models.build("cnn", test.shape, 3)
    tree = Tree(page_of(Facts("Alone", model, images(30, 0), test)))
    assert all(module.training for module in model.modules())
    assert [words(title)[2:] for title in tree.find("h2")] == ["Result", "Mistakes", "What it has learned",
                                                               "The network"]
    assert cells(tree, 1)[0][-1] == "stride" and words(tree.find("p", **{"class": "abstract"})[0]).startswith(
        "The network is right about")


class Twice(nn.Module):
    """A layer that is called twice, and one that is a function."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 1, 3, padding=1), nn.Linear(64, 3)

    def forward(self, x):
        return self.head(self.conv(self.conv(x)).tanh().flatten(1))


def test_times_of_a_layer_that_is_called_twice_stand_once():
    facts = facts_of(Twice())
    found = times(train_batch, facts.model, SGD, *facts.train[:16])
    assert set(found.layers) == {"conv", "head", "model"}                  # the whole, for its tanh
    _, *rows, foot = cells(Tree(page_of(facts)), 1)
    assert [row[0].strip() for row in rows] == ["model", "conv", "conv", "head"]
    assert rows[1][-1] and rows[2][-2:] == ["", ""] and foot[0] == "total"


def test_numbers_that_are_none(facts):
    """Weights of a run that diverged: every loss is nan."""
    facts = facts_of("mlp", history=[dict.fromkeys(HISTORY[0], math.nan)])
    with minigrad.no_grad():
        next(facts.model.parameters()).fill_(math.nan)
    tree = Tree(page_of(facts))
    assert "mean loss on them is nan" in words(tree.find("p", **{"class": "abstract"})[0])
    assert [words(title)[2:] for title in tree.find("h2")] == ["Result", "Mistakes", "What it has learned",
                                                               "The network", "Configuration"]
