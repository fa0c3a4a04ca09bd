"""Measure the share of training time spent waiting for the next batch, without worker processes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import corpora
from benchmarks.children import run_in_process
from benchmarks.figure import Measurement, Section, Target
from benchmarks.interleaved import now, spread
from benchmarks.progress import print_progress
from benchmarks.setting import Setting, synchronize

MAX_WAIT = Target(2.0, at_least=False)
MAX_WAIT_RETOKENIZING = Target(5.0, at_least=False)  # where subword sampling tokenizes words anew
WARM_UP_BATCHES = 2


class TrainingKind(NamedTuple):
    """A kind of training.

    Args:
        name: Its name in the table.
        target: Bound for the share of waiting.
        size: Width of the model.
        steps: Number of timed steps.
    """

    name: str
    target: Target
    size: int = 512
    steps: int = 8


class Case(NamedTuple):
    """A kind of training, and the folder of its corpus."""

    kind: str
    folder: str
    tiny: bool
    device: str = "cpu"
    pairs: str | None = None  # a folder with a corpus that is not generated

    @property
    def size(self) -> int:
        return 16 if self.tiny else KINDS[self.kind].size

    @property
    def steps(self) -> int:
        return 3 if self.tiny else KINDS[self.kind].steps


RETOKENIZING = "translator of width 384, batches of 1,500 tokens, its first batches, words segmented anew each time"
KINDS = {
    "text": TrainingKind("language model of characters, 64 streams of 64 steps", MAX_WAIT),
    "pairs": TrainingKind("translator, batches of 1,500 tokens", MAX_WAIT),
    # the first batches, for which no word is cached
    "unigram": TrainingKind(f"{RETOKENIZING}, unigram with sampling 0.8", MAX_WAIT_RETOKENIZING, 384, 40),
    "bpe": TrainingKind(f"{RETOKENIZING}, bpe with sampling 0.1", MAX_WAIT_RETOKENIZING, 384, 40),
}


def measure(setting: Setting) -> Section:
    """Measure every kind of training, with a separate process for each round."""
    percentages: dict[str, list[float]] = {kind: [] for kind in KINDS}
    pairs = str(setting.pairs) if setting.pairs else None
    for _ in range(1 if setting.quick else min(2, setting.rounds)):
        for kind in KINDS:
            print_progress(f"  {KINDS[kind].name}")
            case = Case(kind, str(setting.scratch), setting.quick, setting.device, pairs)
            percentages[kind].append(run_in_process(setting, waiting_percent, case))
    return Section(
        "Waiting for data",
        [
            Measurement(
                f"{kind.name}, bf16", "the whole of training", spread(percentages[key]), unit="%", target=kind.target
            )
            for key, kind in KINDS.items()
        ],
        [
            "Width 512 unless noted; no worker processes. The loader's next() over the same steps.",
            "Pairs of the given corpus." if pairs else "Generated pairs.",
        ],
    )


def waiting_percent(case: Case) -> float:
    """Return the percentage of training time spent in the loader."""
    from benchmarks.fitting import fit

    data, model = make_data_and_model(case)
    loader = TimedLoader(data.train_dataloader(), case.device)
    fit(model, loader, case.steps, WARM_UP_BATCHES, "bf16", case.device)
    return 100 * loader.waiting_share()


def make_data_and_model(case: Case) -> tuple[Any, Any]:
    """Return the data and a model for it."""
    from seq2seq.data.language import LanguageData
    from seq2seq.data.translation import TranslationData
    from seq2seq.tokenizers import Characters, Subwords, Tokenizer, Words
    from seq2seq.training.language_model import LanguageModel
    from seq2seq.training.translator import Translator

    folder, tiny = Path(case.folder), case.tiny
    if case.kind == "text":
        text = LanguageData(str(corpora.cached_text(folder)), Characters(), steps=64)
        return text, LanguageModel(text.vocab_size, size=case.size, depth=1)
    vocab_size = 200 if tiny else 8000
    pairs = case.pairs or str(corpora.cached_pairs(folder, 200 if tiny else 29_000, vocab_size))
    subword_size = 400 if tiny else 8000
    tokenizers: dict[str, Tokenizer] = {
        "pairs": Words(max_size=vocab_size),
        "unigram": Subwords(subword_size, "unigram", sampling=0.8),
        "bpe": Subwords(subword_size, "bpe", sampling=0.1),
    }
    data = TranslationData(pairs, "de", "en", tokenizers[case.kind])
    return data, Translator(data.source_vocab_size, data.target_vocab_size, True, size=case.size)


class TimedLoader:
    """A loader that records when each batch was requested and received."""

    def __init__(self, loader: Any, device: str) -> None:
        self.loader = loader
        self.device = device
        self.requested: list[float] = []
        self.received: list[float] = []

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        batches = iter(self.loader)
        while True:
            synchronize(self.device)
            self.requested.append(now())
            batch = next(batches, None)
            self.received.append(now())
            if batch is None:
                return
            yield batch

    def waiting_share(self) -> float:
        """Return the share of time spent waiting for batches, without the first ones."""
        requested, received = self.requested[WARM_UP_BATCHES:], self.received[WARM_UP_BATCHES:]
        waiting = sum(receipt - request for request, receipt in zip(requested[:-1], received[:-1], strict=True))
        return waiting / (requested[-1] - requested[0])
