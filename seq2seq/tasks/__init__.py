"""Tasks: how a trained network is used, and how it is loaded."""

from seq2seq.tasks.language_modeling import LanguageModeling
from seq2seq.tasks.loading import load, load_text_generator, load_translation
from seq2seq.tasks.task import LoadedModel, Task
from seq2seq.tasks.translation import Translation

__all__ = [
    "LanguageModeling",
    "LoadedModel",
    "Task",
    "Translation",
    "load",
    "load_text_generator",
    "load_translation",
]
