"""Pipelines from text to text: the only package that decodes ids to text."""

from typing import TYPE_CHECKING

from seq2seq.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from seq2seq.inference.text_generator import ScoredToken, TextGenerator
    from seq2seq.inference.translation_pipeline import (
        NO_TRANSLATION,
        Alignment,
        TranslationPipeline,
        TranslationResult,
    )

_EXPORTS = {
    "NO_TRANSLATION": "translation_pipeline",
    "Alignment": "translation_pipeline",
    "ScoredToken": "text_generator",
    "TextGenerator": "text_generator",
    "TranslationPipeline": "translation_pipeline",
    "TranslationResult": "translation_pipeline",
}
__all__ = ["NO_TRANSLATION", "Alignment", "ScoredToken", "TextGenerator", "TranslationPipeline", "TranslationResult"]

__getattr__ = lazy_exports(__name__, _EXPORTS)
