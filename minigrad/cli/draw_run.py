"""The pictures of `minigrad draw` that show what a run has come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from minigrad import draw, nn
from minigrad.cli.main import UsageError
from minigrad.cli.run import RunFolder
from minigrad.cli.train import run_data

if TYPE_CHECKING:
    from minigrad.draw.svg import Sheet


def curves(run: Path, accuracy: bool = False, log: bool = False) -> Sheet:
    """The losses of a run's epochs, or its accuracies in percent."""
    folder = RunFolder.open(run)
    rows = folder.read_metrics()
    if not rows:
        raise UsageError(f"draw curves: {run}: no epoch is finished yet")
    kind, scale, label = ("accuracy", 100, "% of images") if accuracy else ("loss", 1, "mean cross entropy")
    series = {part: [scale * float(row[f"{part}_{kind}"]) for row in rows] for part in ("train", "test")}
    return draw.curves(series, [int(row["epoch"]) for row in rows], f"{folder.path.name}: {kind}", label, log=log)


def filters(run: Path, layer: str | None = None, data_dir: str | None = None) -> Sheet:
    """The weights of a convolution of a run."""
    model, _ = _opened(run, data_dir)
    name, module = _layer("filters", model, layer)
    return draw.filters(module.weight, f"{name}: {type(module).__name__}")


def feature_maps(run: Path, layer: str | None = None, image: int = 0, data_dir: str | None = None) -> Sheet:
    """What a convolution makes of a test image."""
    from minigrad.report.sections import feature_maps

    model, test = _opened(run, data_dir)
    name, module = _layer("feature-maps", model, layer)
    found = feature_maps(model, {name: module}, _image("feature-maps", test, image))
    return draw.feature_maps(found[name], f"{name}: {type(module).__name__}, of test image {image}")


def confusion(run: Path, data_dir: str | None = None) -> Sheet:
    """What each class of the test part was taken for."""
    from minigrad.report import measured

    model, test = _opened(run, data_dir)
    return draw.confusion(measured(model, test).counts, test.classes, f"{len(test):,} test images")


def saliency(run: Path, image: int = 0, data_dir: str | None = None) -> Sheet:
    """The pixels that the highest score of a test image depends on."""
    model, test = _opened(run, data_dir)
    x = _image("saliency", test, image)
    guess = int(model(x.unsqueeze(0)).argmax(1).item())
    return draw.saliency(x, draw.saliency_of(model, x, guess), f"What speaks for {test.classes[guess]}")


def _opened(run: Path, data_dir: str | None) -> tuple[nn.Module, Any]:
    """The model with its newest weights, and the test part."""
    folder = RunFolder.open(run)
    _, test = run_data(folder, data_dir)
    return folder.model(test.shape, len(test.classes)), test


def _layer(picture: str, model: nn.Module, name: str | None) -> tuple[str, Any]:
    """The convolution of that name, the first one unless given."""
    found = {path: module for path, module in model.named_modules()
             if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d)}
    if not found:
        raise UsageError(f"draw {picture}: this model has no convolution")
    if name is not None and name not in found:
        raise UsageError(f"draw {picture}: --layer: got {name!r}, expected one of {', '.join(found)}")
    return (name, found[name]) if name is not None else next(iter(found.items()))


def _image(picture: str, test: Any, number: int) -> Any:
    if number >= len(test):
        raise UsageError(f"draw {picture}: --image: got {number}, expected 0 to {len(test) - 1}")
    return test[number][0]
