"""Data modules: text as batches of token ids."""

from typing import TYPE_CHECKING

from seq2seq.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from seq2seq.data.language import LanguageData
    from seq2seq.data.module import TextDataModule
    from seq2seq.data.translation import TranslationData

_EXPORTS = {"LanguageData": "language", "TextDataModule": "module", "TranslationData": "translation"}
__all__ = ["LanguageData", "TextDataModule", "TranslationData"]

__getattr__ = lazy_exports(__name__, _EXPORTS)
