"""Kernel tests run on every compiled variant that this machine can execute."""

import importlib
import pkgutil

import pytest

from minigrad_ext.cpu import levels


class Kernels(dict):
    """name -> Kernel of one variant."""

    def __init__(self, variant):
        super().__init__()
        self.variant = variant
        package = importlib.import_module(f"minigrad_ext.kernels.{variant}")
        for module in pkgutil.iter_modules(package.__path__):
            self.update(importlib.import_module(f"{package.__name__}.{module.name}").KERNELS)


def variants():
    """The variants that are built and that this machine can run."""
    return [name for name in levels()
            if any(pkgutil.iter_modules(importlib.import_module(f"minigrad_ext.kernels.{name}").__path__))]


@pytest.fixture(scope="session", params=variants())
def kernels(request):
    """The kernels of one variant by name; a test that takes it runs once for each variant."""
    return Kernels(request.param)
