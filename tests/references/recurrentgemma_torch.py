"""The part of recurrentgemma that needs torch alone, without what its packages import beside it."""

import sys
from importlib.util import find_spec
from types import ModuleType


def emptied(name: str) -> None:
    """Put an empty module in the place of a package, so that its parts can be imported without what it imports."""
    spec = find_spec(name)
    assert spec is not None, f"{name} is not installed"
    assert spec.submodule_search_locations is not None
    sys.modules[name] = ModuleType(name)
    sys.modules[name].__path__ = list(spec.submodule_search_locations)


emptied("recurrentgemma")  # it imports JAX and flax
emptied("recurrentgemma.torch")  # it imports a sampler and its tokenizer

from recurrentgemma.torch import layers, modules  # noqa: E402

__all__ = ["layers", "modules"]
