"""Lightning modules: ids in and ids out, never text."""

from seq2seq.models.language_model import LanguageModel
from seq2seq.models.translator import Translator

__all__ = ["LanguageModel", "Translator"]
