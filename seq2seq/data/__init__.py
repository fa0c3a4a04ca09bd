"""Text as batches of ids."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq.data.language import LanguageData
    from seq2seq.data.translation import TranslationData

_ROOMS = {"LanguageData": "language", "TranslationData": "translation"}
__all__ = ["LanguageData", "TranslationData"]


def __getattr__(name: str) -> Any:
    """Loaded when first used, since reading lines needs neither torch nor Lightning."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
