"""How much of training is waiting for the next batch, which this process makes itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import corpora
from benchmarks.children import once
from benchmarks.contest import now, spread
from benchmarks.figure import Figure, Section, Target
from benchmarks.progress import tell
from benchmarks.setting import Setting, synchronise

HARDLY = Target(2.0, at_least=False)
WARM = 2


class Case(NamedTuple):
    """A training, and the folder of its corpus."""

    kind: str  # text, pairs, or pairs whose words are cut anew each time
    folder: str
    size: int
    steps: int
    device: str = "cpu"


NAMES = {
    "text": "language model of characters, 64 streams of 64 steps",
    "pairs": "translator, batches of 1,500 tokens",
    "sampled": "translator, batches of 1,500 tokens, subwords cut anew each time",
}


def measure(setting: Setting) -> Section:
    """Every kind of data, in a process of its own for each round."""
    size, steps = (16, 3) if setting.quick else (512, 8)
    found: dict[str, list[float]] = {kind: [] for kind in NAMES}
    for _ in range(1 if setting.quick else min(2, setting.rounds)):
        for kind in NAMES:
            tell(f"  {NAMES[kind]}")
            found[kind].append(
                once(setting, share, Case(kind, str(setting.scratch), size, steps, device=setting.device))
            )
    return Section(
        "Waiting for data",
        [
            Figure(f"{name}, bf16", "the whole of training", spread(found[kind]), unit="%", target=HARDLY)
            for kind, name in NAMES.items()
        ],
        [f"Width {size}; no process reads ahead. The time in the loader's next() over the time of the same steps."],
    )


def share(case: Case) -> float:
    """Percent of training spent in the loader."""
    from benchmarks.fitting import fit

    data, model = opened(case)
    loader = Timed(data.train_dataloader(), case.device)
    fit(model, loader, case.steps, WARM, "bf16", case.device)
    return 100 * loader.waited()


def opened(case: Case) -> tuple[Any, Any]:
    """The data and a model for it."""
    from seq2seq.data.language import LanguageData
    from seq2seq.data.translation import TranslationData
    from seq2seq.models import LanguageModel, Translator
    from seq2seq.tokenizers import Characters, Subwords, Words

    folder, tiny = Path(case.folder), case.size < 100
    if case.kind == "text":
        text = LanguageData(str(corpora.text_file(folder)), Characters(), steps=64)
        return text, LanguageModel(text.vocab_size, size=case.size, depth=1)
    words = 200 if tiny else 8000
    pairs = corpora.pair_files(folder, 200 if tiny else 29_000, words)
    tokenizer = Subwords(400 if tiny else 8000, sampling=0.8) if case.kind == "sampled" else Words(max_size=words)
    data = TranslationData(str(pairs), "de", "en", tokenizer)
    return data, Translator(data.source_vocab_size, data.target_vocab_size, True, size=case.size)


class Timed:
    """Batches, and when each was asked for and given."""

    def __init__(self, loader: Any, device: str) -> None:
        self.loader = loader
        self.device = device
        self.asked: list[float] = []
        self.given: list[float] = []

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        batches = iter(self.loader)
        while True:
            synchronise(self.device)
            self.asked.append(now())
            batch = next(batches, None)
            self.given.append(now())
            if batch is None:
                return
            yield batch

    def waited(self) -> float:
        """The share of the time between two batches, but the first ones, in which there was nothing to train on."""
        asked, given = self.asked[WARM:], self.given[WARM:]
        making = sum(end - begin for begin, end in zip(asked[:-1], given[:-1], strict=True))
        return making / (asked[-1] - asked[0])
