"""Checkpoints of models that have learned nothing, written as a training writes them: speed does not depend on it."""

from pathlib import Path
from typing import Any

from benchmarks import corpora


def translator(folder: Path, size: int, vocabulary: int, pairs: int = 5000) -> Path:
    """A checkpoint of a translator of words, with 2 + 2 layers."""
    from seq2seq.data.translation import TranslationData
    from seq2seq.models import Translator
    from seq2seq.tokenizers import Words

    path = folder / f"translator-{size}-{vocabulary}.ckpt"
    if not path.exists():
        corpus = corpora.pair_files(folder, pairs, vocabulary)
        data = TranslationData(str(corpus), "de", "en", Words(max_size=vocabulary), batch_tokens=20)
        words = data.target_vocab_size
        save(Translator(words, words, True, size=size), data, path)
    return path


def language_model(folder: Path, size: int) -> Path:
    """A checkpoint of a language model of about 100 characters, with one layer."""
    from seq2seq.data.language import LanguageData
    from seq2seq.models import LanguageModel
    from seq2seq.tokenizers import Characters

    path = folder / f"language-{size}.ckpt"
    if not path.exists():
        data = LanguageData(str(corpora.text_file(folder)), Characters(), batch_size=1, steps=2)
        save(LanguageModel(data.vocab_size, size=size, depth=1, tied=False), data, path)
    return path


def save(model: Any, data: Any, path: Path) -> None:
    """Train for a single step, and keep what came of it."""
    from benchmarks.fitting import trainer
    from seq2seq.training.checkpoints import AtomicCheckpointIO

    once = trainer(1, plugins=[AtomicCheckpointIO()])
    once.fit(model, data)
    once.save_checkpoint(path)
