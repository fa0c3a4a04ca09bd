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
LITTLE = Target(5.0, at_least=False)  # where words are cut anew
WARM = 2


class Kind(NamedTuple):
    """A training.

    Args:
        name: What it is called in the table.
        target: Of its share.
        size: Width of the model.
        steps: That are timed.
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
    pairs: str | None = None  # a folder with a corpus that was not generated

    @property
    def size(self) -> int:
        return 16 if self.tiny else KINDS[self.kind].size

    @property
    def steps(self) -> int:
        return 3 if self.tiny else KINDS[self.kind].steps


CUT = "translator of width 384, batches of 1,500 tokens, its first batches, words cut anew each time"
KINDS = {
    "text": Kind("language model of characters, 64 streams of 64 steps", HARDLY),
    "pairs": Kind("translator, batches of 1,500 tokens", HARDLY),
    # the first batches, which find no word among those that are kept
    "unigram": Kind(f"{CUT}, unigram with sampling 0.8", LITTLE, 384, 40),
    "bpe": Kind(f"{CUT}, bpe with sampling 0.1", LITTLE, 384, 40),
}


def measure(setting: Setting) -> Section:
    """Every kind of data, in a process of its own for each round."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    pairs = str(setting.pairs) if setting.pairs else None
    for _ in range(1 if setting.quick else min(2, setting.rounds)):
        for kind in KINDS:
            tell(f"  {KINDS[kind].name}")
            case = Case(kind, str(setting.scratch), setting.quick, setting.device, pairs)
            found[kind].append(once(setting, share, case))
    return Section(
        "Waiting for data",
        [
            Figure(f"{kind.name}, bf16", "the whole of training", spread(found[key]), unit="%", target=kind.target)
            for key, kind in KINDS.items()
        ],
        [
            "Width 512 unless said; no process reads ahead. The loader's next() over the same steps.",
            "Pairs of the corpus that was given." if pairs else "Generated pairs.",
        ],
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
    from seq2seq.tokenizers import Characters, Subwords, Tokenizer, Words

    folder, tiny = Path(case.folder), case.tiny
    if case.kind == "text":
        text = LanguageData(str(corpora.text_file(folder)), Characters(), steps=64)
        return text, LanguageModel(text.vocab_size, size=case.size, depth=1)
    words = 200 if tiny else 8000
    pairs = case.pairs or str(corpora.pair_files(folder, 200 if tiny else 29_000, words))
    subwords = 400 if tiny else 8000
    tokenizers: dict[str, Tokenizer] = {
        "pairs": Words(max_size=words),
        "unigram": Subwords(subwords, "unigram", sampling=0.8),
        "bpe": Subwords(subwords, "bpe", sampling=0.1),
    }
    data = TranslationData(pairs, "de", "en", tokenizers[case.kind])
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
