"""Measure the anonymous memory (without pages of mapped files) and the load time of a large corpus."""

import itertools
import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from benchmarks import corpora
from benchmarks.children import run_in_process
from benchmarks.figure import Measurement, Section, Target
from benchmarks.interleaved import now, spread
from benchmarks.progress import print_progress
from benchmarks.setting import Setting
from benchmarks.watch import track_memory

STEPS = 20
MAX_EXTRA_MEMORY = Target(200, at_least=False)
CORPUS_NAMES = {"text": "text as bytes", "pairs": "pairs as subwords"}


class CorpusCost(NamedTuple):
    """Cost of loading a corpus and of training on it for some steps."""

    load_seconds: float  # until the first batch can be made
    step_seconds: float  # after loading
    load_memory: int  # peak bytes while loading
    training_memory: int  # peak bytes while training


def measure(setting: Setting) -> Section:
    """Load a small and a large corpus in separate processes, for both kinds of model."""
    large = 100_000 if setting.quick else int(setting.corpus_gb * 1e9)
    small = min(10_000_000, large // 2)
    tokenizer = str(run_in_process(setting, learn_subwords, str(setting.scratch), 400 if setting.quick else 8000))
    measurements = []
    for kind, name in CORPUS_NAMES.items():
        small_cost, large_cost = (measure_corpus(kind, size, tokenizer, setting) for size in (small, large))
        baseline = f"the same with {small / 1e6:,g} MB"
        measurements += [
            Measurement(
                f"{name} of {large / 1e6:,g} MB, memory beyond",
                baseline,
                spread([(large_cost.training_memory - small_cost.training_memory) / 2**20]),
                unit="MiB",
                memory=(large_cost.training_memory, small_cost.training_memory),
                target=MAX_EXTRA_MEMORY,
            ),
            Measurement(
                f"{name} of {large / 1e6:,g} MB, the same while it is read in",
                baseline,
                spread([(large_cost.load_memory - small_cost.load_memory) / 2**20]),
                unit="MiB",
                absolute=f"{large / 1e6 / large_cost.load_seconds:,.1f} MB/s",
                memory=(large_cost.load_memory, small_cost.load_memory),
            ),
        ]
    notes = [
        "Memory is the anonymous memory of the process, sampled a hundred times a second. Pages of memory-mapped files "
        "are not counted: the kernel drops them as soon as anything needs their memory.",
        f"Models of width 32, {STEPS} steps; the subwords were learned from another text in advance.",
    ]
    return Section("Corpus memory", measurements, notes)


def measure_corpus(kind: str, size: int, tokenizer: str, setting: Setting) -> CorpusCost:
    """Measure a generated corpus, which is deleted afterwards together with its cache."""
    print_progress(f"  {CORPUS_NAMES[kind]} of {size / 1e6:,g} MB")
    with tempfile.TemporaryDirectory(dir=setting.scratch) as folder:
        (corpora.write_text if kind == "text" else corpora.write_pairs)(Path(folder) / "corpus", size)
        return run_in_process(setting, load_and_train, folder, tokenizer, kind)


def learn_subwords(scratch: str, size: int) -> str:
    """Learn a subword tokenizer and return the path of its file."""
    from seq2seq import tokenizers

    path = Path(scratch) / f"subwords-{size}.json"
    subwords = tokenizers.Subwords(size)
    subwords.learn(itertools.chain(*corpora.make_pairs(20_000)))
    tokenizers.save(subwords, path)
    return str(path)


def load_and_train(folder: str, tokenizer: str, kind: str) -> CorpusCost:
    """Load the corpus of a folder and train a tiny model on it."""
    from benchmarks.fitting import fit

    with mock.patch.dict(os.environ, SEQ2SEQ_CACHE=f"{folder}/cache"):
        data, make = make_data_and_model(f"{folder}/corpus", tokenizer, kind)
        start = now()
        with track_memory() as loading:
            data.train_dataloader()
            model = make()
        load_seconds = now() - start
        with track_memory() as training:
            seconds = fit(model, data, STEPS)
    return CorpusCost(load_seconds, seconds / STEPS, loading.peak, training.peak)


def make_data_and_model(corpus: str, tokenizer: str, kind: str) -> tuple[Any, Any]:
    """Return the data, not loaded yet, and a function that makes a model for it."""
    import datasets  # noqa: F401  # so that its import is not timed

    from seq2seq.data.language import LanguageData
    from seq2seq.data.translation import TranslationData
    from seq2seq.tokenizers import Bytes
    from seq2seq.training.language_model import LanguageModel
    from seq2seq.training.translator import Translator

    if kind == "text":
        text = LanguageData(corpus, Bytes())
        return text, lambda: LanguageModel(text.vocab_size, size=32, depth=1)
    data = TranslationData(corpus, "de", "en", tokenizer)
    return data, lambda: Translator(data.source_vocab_size, data.target_vocab_size, True, size=32, depth=1)
