"""The sections of a report: what is said of a training, and in which order."""

from __future__ import annotations

import math
import re
from typing import Any

from minigrad import draw
from minigrad.arithmetic import Summary, summary
from minigrad.arithmetic.support import evaluating
from minigrad.autograd import no_grad
from minigrad.data import DataLoader
from minigrad.nn import Conv1d, Conv2d, Conv3d
from minigrad.nn.module import Module
from minigrad.report.facts import Facts
from minigrad.report.measured import Measured, interval, measured
from minigrad.report.page import Page, percent
from minigrad.report.times import Times, times

CONVOLUTIONS = (Conv1d, Conv2d, Conv3d)
WORST, SALIENT, CLASSES = 24, 2, 32     # mistakes that are shown, and explained; classes that a matrix has room for


def page_of(facts: Facts) -> str:
    """The page, as HTML.  What there is nothing to say of is left out: mistakes of a model that makes none, filters of
    one without convolutions.

    >>> from minigrad.data import Digits
    >>> from minigrad.models import build
    >>> train, test = Digits(train=True), Digits(train=False)
    >>> page = page_of(Facts("An untrained network", build("mlp", test.shape, 10), train, test))
    >>> page.startswith("<!doctype html>")
    True
    """
    layers = summary(facts.model, facts.test.shape)
    page = Page(facts.title, f"{layers.parameters:,} parameters, {len(facts.train):,} images to learn from, "
                             f"{len(facts.test):,} to test on")
    if facts.note:
        page.text(facts.note, kind="note")
    found = measured(facts.model, facts.test) if facts.trained else None
    if found:
        result(page, facts, found)
    if facts.history:
        training(page, facts)
    if found:
        mistakes(page, facts, found)
        learned(page, facts, found)
    network(page, facts, layers)
    settings(page, facts)
    return page.html()


def result(page: Page, facts: Facts, found: Measured) -> None:
    """The headline, and class by class."""
    page.section("Result")
    count = len(found.labels)
    low, high = interval(found.right, count)
    epochs = len(facts.history)
    after = f"After {epochs} epoch{'s' * (epochs != 1)} the" if epochs else "The"
    page.text(f"{after} network is right about {found.right:,} of {count:,} test images: {percent(found.accuracy, 2)} "
              f"(with so many images, {percent(low)} to {percent(high)} at 95 % confidence). Its mean loss on them is "
              f"{found.loss:.4f}.", often(found), spent(facts), kind="abstract")
    rows = []
    for j, one in enumerate(found.of_class):
        taken = [f"{found.classes[p]} ({n})" for n, t, p in found.confused if t == j]
        rows.append((one.name, f"{one.images:,}", percent(one.recall), percent(one.precision), ", ".join(taken[:3])))
    page.table(("class", "images", "recall", "precision", "mostly taken for"), rows,
               "Class by class. Recall is the share of a class that was found; precision is the share of what was "
               "called so that is so.", words=(0, 4))
    if len(found.classes) <= CLASSES:
        page.figure(draw.confusion(found.counts, found.classes), "What each class, a row, was taken for, a column: "
                    "counts of test images, shaded by their share of the row.")


def often(found: Measured) -> str:
    """A sentence on the commonest mistake."""
    if not found.confused:
        return "It makes no mistake."
    count, t, p = found.confused[0]
    total = len(found.mistakes)
    if total == 1:
        return f"Its one mistake is to take {found.classes[t]} for {found.classes[p]}."
    if count == 1:
        return f"Its {total} mistakes are of {total} kinds."
    return (f"Of its {total:,} mistakes the commonest is to take {found.classes[t]} for {found.classes[p]}, {count} "
            "times.")


def spent(facts: Facts) -> str:
    """A sentence on the time of training."""
    seconds = sum(row["seconds"] for row in facts.history)
    return f"Training took {seconds:.1f} seconds." if facts.history else ""


def training(page: Page, facts: Facts) -> None:
    """Curves over the epochs, of what is finite."""
    epochs = [row["epoch"] for row in facts.history]

    def drawn(title: str, label: str, scale: float = 1, **names: str) -> Any:
        series = {name: [scale * row[key] for row in facts.history] for name, key in names.items()}
        usable = any(math.isfinite(value) for values in series.values() for value in values)
        return [draw.curves(series, epochs, title, label)] if usable else []

    drawings = [*drawn("Loss", "mean cross entropy", train="train_loss", test="test_loss"),
                *drawn("Accuracy", "% of images", 100, train="train_accuracy", test="test_accuracy"),
                *drawn("Learning rate", "at the end of the epoch", rate="lr")]
    if not drawings:
        return
    page.section("Training")
    page.figure(drawings, "Loss, accuracy and learning rate over the epochs. On the training images, loss and accuracy "
                "are means over the steps of an epoch, while the weights move and parts of the network drop out; on "
                "the test images they are those at its end.")


def mistakes(page: Page, facts: Facts, found: Measured) -> None:
    """The images of the highest loss among those that were taken for something else."""
    wrong = found.mistakes
    if not wrong:
        return
    page.section("Mistakes")
    shown = [(facts.test[j][0], f"{found.classes[found.labels[j]]}, not {found.classes[found.predicted[j]]} "
              f"({percent(found.probability[j], 0)})") for j in wrong[:WORST]]
    many = f"The {len(shown)} worst of {len(wrong):,} mistakes" if len(wrong) > len(shown) else \
        f"All {len(wrong)} mistakes" if len(wrong) > 1 else "The one mistake"
    page.images(shown, f"{many}, the highest loss first: what it is, what it was taken for, and the probability that "
                "the network gave to that.")


def learned(page: Page, facts: Facts, found: Measured) -> None:
    """Filters and feature maps of the convolutions, and what scores depend on."""
    page.section("What it has learned")
    layers: dict[str, Module] = {path: module for path, module in facts.model.named_modules()
                                 if isinstance(module, CONVOLUTIONS)}
    right = next((j for j, (a, b) in enumerate(zip(found.labels, found.predicted, strict=True)) if a == b), 0)
    image = facts.test[right][0]
    name = found.classes[found.labels[right]]
    if layers:
        first, *others = [draw.filters(module.weight, f"{path}: {type(module).__name__}")
                          for path, module in layers.items()]
        page.figure(first, "The filters of the first convolution, which see the image itself.")
        if others:
            page.figure(others, "The filters of the later convolutions, which see what the layer before them gives: y "
                        "is the channel that a filter makes, x the one that it reads.", "Filters of later layers")
        maps = feature_maps(facts.model, layers, image)
        page.figure([draw.feature_maps(map, f"{path}: {type(layers[path]).__name__}") for path, map in maps.items()],
                    f"What the convolutions make of test image {right}, of class {name}: their outputs, before "
                    "what follows them.")
    chosen = [right, *[j for j in found.mistakes[:SALIENT] if j != right]]
    if facts.test.shape[0] in (1, 3):
        page.figure([draw.saliency(image, draw.saliency_of(facts.model, image, found.predicted[j]), why(found, j))
                     for j in chosen for image in [facts.test[j][0]]],
                    "Which pixels decide: the gradient of the score of the predicted class by the pixels"
                    f"{', for an image that it is right about and for its worst mistakes' * (len(chosen) > 1)}. Where "
                    "it is large, a small change of the pixel changes the score most.")


def why(found: Measured, j: int) -> str:
    truth, guess = found.classes[found.labels[j]], found.classes[found.predicted[j]]
    return f"What speaks for {guess}" + f", though it is {truth}" * (truth != guess)


def feature_maps(model: Module, layers: dict[str, Module], image: Any) -> dict[str, Any]:
    """What some modules of a model make of one image (C, H, W), by their names; of several calls the last."""
    found: dict[str, Any] = {}

    def note(path: str) -> Any:
        return lambda module, args, output: found.__setitem__(path, output[0])

    handles = [module.register_forward_hook(note(path)) for path, module in layers.items()]
    try:
        with evaluating(model), no_grad():
            model(image.unsqueeze(0))
    finally:
        for handle in handles:
            handle.remove()
    return found


def network(page: Page, facts: Facts, layers: Summary) -> None:
    """Layers with what they cost and see, and the graph of a step."""
    page.section("The network")
    count = min(facts.batch_size, len(facts.train))
    spent = None
    if facts.step and facts.optimizer:
        x, y = next(iter(DataLoader(facts.train, batch_size=count)))
        spent = times(facts.step, facts.model, facts.optimizer, x, y)
    head, *cells, total = layers.cells()
    place = {name: at for at, name in enumerate(head)}
    columns = [place[name] for name in head if name not in ("bytes", "offset")]
    rows = [[times_sign(cell[at]) for at in columns] for cell in cells]
    names, foot = [head[at] for at in columns], [total[at] for at in columns]
    if spent:
        seen: set[str] = set()          # of a layer that is called twice the time stands in its first row
        for row, shown in zip(layers.rows, rows, strict=True):
            both = (0.0, 0.0) if row.name in seen else spent.layers.get(row.name, (0.0, 0.0))
            seen.add(row.name)
            shown += map(micro, both)
        names += ["forward µs", "backward µs"]
        foot += map(micro, [sum(each) for each in zip((0.0, 0.0), *spent.layers.values(), strict=True)])
    page.table(names, rows,
               "The layers in the order in which they are called: the shape of what they give, what they cost for one "
               "image, how many pixels one output reads along each axis, padding included, and how far the next one "
               "lies from it (0: all read the same).", words=(0, 1, 2),
               foot=foot)
    if spent is None:
        return
    page.text(measured_how(spent, count))
    page.figure(draw.graph(spent.graph, f"A step of training: {type(facts.model).__name__}"),
                f"A step of training on {count} images as the graph that is replayed: forward from top to bottom, "
                "beside each line what computes its gradients, then the updates.", "The graph of a training step")


def measured_how(spent: Times, count: int) -> str:
    """How the times of layers came about."""
    calls = f"{spent.runs} call{'s' * (spent.runs != 1)}"
    return (f"Times are those of a captured step of training on {count} images, a clock at each of its kernels: "
            f"medians over {calls} after the training, on the machine that wrote this page. A step takes "
            f"{spent.call * 1e6:,.0f} µs, of which the optimiser takes {spent.update * 1e6:,.0f}, and the "
            f"loss and all that belongs to no layer {spent.rest * 1e6:,.0f}. What is fused into the loop of another "
            "layer, as a ReLU into the convolution before it, counts there.")


def times_sign(cell: str) -> str:
    """6x28x28 as it is printed: 6×28×28."""
    return re.sub(r"(?<=\d)x(?=-?\d)", "×", cell)


def micro(seconds: float) -> str:
    """Microseconds; nothing for none."""
    return f"{seconds * 1e6:,.0f}" if seconds else ""


def settings(page: Page, facts: Facts) -> None:
    """All that decides the result, and how to have it again."""
    if not facts.settings:
        return
    page.section("Configuration")
    page.table(("setting", "value"), [(name, str(value)) for name, value in facts.settings.items()],
               "All settings. Two runs with the same settings and data end with the same weights, to the bit, whatever "
               "the number of threads.", words=(0, 1))
    if facts.command:
        page.text("The same training again:")
        page.code(facts.command)
