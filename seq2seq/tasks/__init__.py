"""Tasks: how a trained network is used, and how it is loaded."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq.tasks.language_modeling import LanguageModeling
    from seq2seq.tasks.loading import load, load_text_generator, load_translation
    from seq2seq.tasks.task import LoadedModel, Task
    from seq2seq.tasks.translation import Translation

_MODULES = {
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


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, since the command line needs the options of tasks without torch."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
