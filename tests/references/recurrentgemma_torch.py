"""The torch modules of recurrentgemma, imported without its other dependencies."""

import sys
from importlib.util import find_spec
from types import ModuleType


def stub_package(name: str) -> None:
    """Replace a package by an empty module, so that its submodules can be imported without its own imports."""
    spec = find_spec(name)
    assert spec is not None, f"{name} is not installed"
    assert spec.submodule_search_locations is not None
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = list(spec.submodule_search_locations)


stub_package("recurrentgemma")  # it imports JAX and flax
stub_package("recurrentgemma.torch")  # it imports a sampler and its tokenizer

from recurrentgemma.torch import layers, modules  # noqa: E402

__all__ = ["layers", "modules"]
