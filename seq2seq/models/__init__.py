"""Networks, and Lightning modules that train them: ids in and ids out, never text."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq.models.language_model import LanguageModel
    from seq2seq.models.translator import Translator

_MODULES = {"LanguageModel": "language_model", "Translator": "translator"}
__all__ = ["LanguageModel", "Translator"]


def __getattr__(name: str) -> Any:
    """Import a class when it is first used, since using a trained network needs no Lightning."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
