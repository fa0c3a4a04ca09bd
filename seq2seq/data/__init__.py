"""Data modules: text as batches of token ids."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq.data.language import LanguageData
    from seq2seq.data.module import TextDataModule
    from seq2seq.data.translation import TranslationData

_EXPORTS = {"LanguageData": "language", "TextDataModule": "module", "TranslationData": "translation"}
__all__ = ["LanguageData", "TextDataModule", "TranslationData"]


def __getattr__(name: str) -> Any:
    """Import a class when it is first used, since reading lines needs neither torch nor Lightning."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
