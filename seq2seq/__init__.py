"""Recurrent sequence models of text: language models and translators."""

from typing import TYPE_CHECKING

from seq2seq.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from seq2seq.data import LanguageData, TranslationData
    from seq2seq.data.translation_limits import TranslationLimits
    from seq2seq.inference import TextGenerator, TranslationPipeline
    from seq2seq.search import Beam, Greedy, Sampling
    from seq2seq.tasks import load
    from seq2seq.training import LanguageModel, Translator

__version__ = "0.1.0"

_EXPORTS = {
    "LanguageData": "data",
    "TranslationData": "data",
    "LanguageModel": "training",
    "Translator": "training",
    "Beam": "search",
    "Greedy": "search",
    "Sampling": "search",
    "TranslationLimits": "data.translation_limits",
    "TranslationPipeline": "inference",
    "TextGenerator": "inference",
    "load": "tasks",
}
__all__ = [
    "Beam",
    "Greedy",
    "LanguageData",
    "LanguageModel",
    "Sampling",
    "TextGenerator",
    "TranslationData",
    "TranslationLimits",
    "TranslationPipeline",
    "Translator",
    "load",
]

__getattr__ = lazy_exports(__name__, _EXPORTS)
