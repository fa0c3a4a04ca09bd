"""Pipelines from text to text: the only package that decodes ids to text."""

from seq2seq.inference.text_generator import ScoredToken, TextGenerator
from seq2seq.inference.translation_pipeline import NO_TRANSLATION, Alignment, TranslationPipeline, TranslationResult

__all__ = [
    "NO_TRANSLATION",
    "Alignment",
    "ScoredToken",
    "TextGenerator",
    "TranslationPipeline",
    "TranslationResult",
]
