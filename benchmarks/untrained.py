"""Checkpoints of untrained models in the format of a training, since speed does not depend on the weights."""

from pathlib import Path
from typing import Any

from benchmarks import corpora


def translator(folder: Path, size: int, vocabulary: int, pairs: int = 5000) -> Path:
    """Return the checkpoint of a word-level translator with 2 + 2 layers."""
    from seq2seq.data.translation import TranslationData
    from seq2seq.tokenizers import Words
    from seq2seq.training.translator import Translator

    path = folder / f"translator-{size}-{vocabulary}.ckpt"
    if not path.exists():
        corpus = corpora.cached_pairs(folder, pairs, vocabulary)
        data = TranslationData(str(corpus), "de", "en", Words(max_size=vocabulary), batch_tokens=20)
        vocab_size = data.target_vocab_size
        train_one_step_and_save(Translator(vocab_size, vocab_size, True, size=size), data, path)
    return path


def language_model(folder: Path, size: int) -> Path:
    """Return the checkpoint of a one-layer language model of about 100 characters."""
    from seq2seq.data.language import LanguageData
    from seq2seq.tokenizers import Characters
    from seq2seq.training.language_model import LanguageModel

    path = folder / f"language-{size}.ckpt"
    if not path.exists():
        data = LanguageData(str(corpora.cached_text(folder)), Characters(), batch_size=1, steps=2)
        train_one_step_and_save(LanguageModel(data.vocab_size, size=size, depth=1, tied=False), data, path)
    return path


def train_one_step_and_save(model: Any, data: Any, path: Path) -> None:
    """Train for a single step and save the checkpoint."""
    from benchmarks.fitting import make_trainer
    from seq2seq.training.checkpoints import AtomicCheckpointIO

    trainer = make_trainer(1, plugins=[AtomicCheckpointIO()])
    trainer.fit(model, data)
    trainer.save_checkpoint(path)
