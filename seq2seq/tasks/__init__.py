"""Tasks: how a trained network is used, and how it is loaded."""

from typing import TYPE_CHECKING

from seq2seq.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from seq2seq.tasks.language_modeling import LanguageModeling
    from seq2seq.tasks.loading import load, load_text_generator, load_translation
    from seq2seq.tasks.task import LoadedModel, Task
    from seq2seq.tasks.translation import Translation

_EXPORTS = {
    "LanguageModeling": "language_modeling",
    "LoadedModel": "task",
    "Task": "task",
    "Translation": "translation",
    "load": "loading",
    "load_text_generator": "loading",
    "load_translation": "loading",
}
__all__ = [
    "LanguageModeling",
    "LoadedModel",
    "Task",
    "Translation",
    "load",
    "load_text_generator",
    "load_translation",
]

__getattr__ = lazy_exports(__name__, _EXPORTS)
