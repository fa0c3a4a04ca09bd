"""What a large corpus costs: memory of its own, beside pages of files that the kernel can drop, and time to read it."""

import itertools
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from benchmarks import corpora
from benchmarks.children import once
from benchmarks.contest import now, spread
from benchmarks.figure import Figure, Section, Target
from benchmarks.progress import tell
from benchmarks.setting import Setting
from benchmarks.watch import watched

STEPS = 20
LITTLE = Target(200, at_least=False)
NAMES = {"text": "text as bytes", "pairs": "pairs as subwords"}


class Outcome(NamedTuple):
    """A corpus, read in and trained on for some steps."""

    reading: float  # seconds until the first batch can be made
    step: float  # seconds a step, later
    read: int  # bytes at most while it was read in
    trained: int  # and while a model was trained


def measure(setting: Setting) -> Section:
    """A small corpus and a large one, each read in by a process of its own, for both kinds of model."""
    large = 100_000 if setting.quick else int(setting.corpus_gb * 1e9)
    small = min(10_000_000, large // 2)
    tokenizer = str(once(setting, learn, str(setting.scratch), 400 if setting.quick else 8000))
    figures = []
    for kind, name in NAMES.items():
        few, many = (of_size(kind, size, tokenizer, setting) for size in (small, large))
        against = f"the same with {small / 1e6:,g} MB"
        figures += [
            Figure(
                f"{name} of {large / 1e6:,g} MB, memory beyond",
                against,
                spread([(many.trained - few.trained) / 2**20]),
                unit="MiB",
                memory=(many.trained, few.trained),
                target=LITTLE,
            ),
            Figure(
                f"{name} of {large / 1e6:,g} MB, the same while it is read in",
                against,
                spread([(many.read - few.read) / 2**20]),
                unit="MiB",
                rate=f"{large / 1e6 / many.reading:,.1f} MB/s",
                memory=(many.read, few.read),
            ),
        ]
    notes = [
        "Memory is what the process holds of its own, looked at a hundred times a second. Pages of memory-mapped files "
        "are not counted: the kernel drops them as soon as anything needs their room.",
        f"Models of width 32, {STEPS} steps; the subwords were learned before, from another text.",
    ]
    return Section("Corpus memory", figures, notes)


def of_size(kind: str, size: int, tokenizer: str, setting: Setting) -> Outcome:
    """A corpus that is gone afterwards, with all that was made of it."""
    tell(f"  {NAMES[kind]} of {size / 1e6:,g} MB")
    with tempfile.TemporaryDirectory(dir=setting.scratch) as folder:
        (corpora.write_text if kind == "text" else corpora.write_pairs)(Path(folder) / "corpus", size)
        return once(setting, train, folder, tokenizer, kind)


def learn(scratch: str, size: int) -> str:
    """A tokenizer of subwords, in a file."""
    from seq2seq import tokenizers

    path = Path(scratch) / f"subwords-{size}.json"
    subwords = tokenizers.Subwords(size)
    subwords.learn(itertools.chain(*corpora.pairs(20_000)))
    tokenizers.save(subwords, path)
    return str(path)


def train(folder: str, tokenizer: str, kind: str) -> Outcome:
    """Read the corpus in a folder, whose cache is beside it, and train a tiny model on it."""
    from benchmarks.fitting import fit

    with mock.patch.dict(os.environ, SEQ2SEQ_CACHE=f"{folder}/cache"):
        data, make = opened(f"{folder}/corpus", tokenizer, kind)
        began = now()
        with watched() as read:
            data.train_dataloader()
            model = make()
        reading = now() - began
        with watched() as trained:
            seconds = fit(model, data, STEPS)
    return Outcome(reading, seconds / STEPS, read.most, trained.most)


def opened(corpus: str, tokenizer: str, kind: str) -> tuple[Any, Any]:
    """The data, not read yet, and what makes a model for it."""
    import datasets  # noqa: F401  # whose import is not reading

    from seq2seq.data.language import LanguageData
    from seq2seq.data.translation import TranslationData
    from seq2seq.models import LanguageModel, Translator
    from seq2seq.tokenizers import Bytes

    if kind == "text":
        text = LanguageData(corpus, Bytes())
        return text, lambda: LanguageModel(text.vocab_size, size=32, depth=1)
    data = TranslationData(corpus, "de", "en", tokenizer)
    return data, lambda: Translator(data.source_vocab_size, data.target_vocab_size, True, size=32, depth=1)
