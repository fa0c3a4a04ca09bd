"""Ours, through the same commands that its users call."""

import csv
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.child import Command
from benchmarks.peers.corpus import SOURCE, TARGET, Corpus
from benchmarks.peers.sizes import VOCABULARY

CONFIG = Path(__file__).with_name("ours.yaml")
QUICK = Path(__file__).parents[2] / "configs" / "translation" / "multi30k-quick.yaml"
FEEDING = ("--model.input_feeding", "true", "--trainer.precision", "32-true")
FEEDING_BATCHES = (1000, 4000)
CHECKPOINT = re.compile(r"step=(\d+)\.ckpt$")


class Ours:
    """Ours with some options.

    Args:
        name: What the table calls it.
        options: Further options of `seq2seq fit`.
        translating: Further options of `seq2seq translate`.
        config: What is trained.
        training_batches: Sizes of a batch in training worth trying, in tokens of its longer side.
    """

    batches = (1000, 4000)  # source tokens; 4000 is the default
    single = 1

    def __init__(
        self,
        name: str = "seq2seq",
        options: Sequence[str] = (),
        translating: Sequence[str] = (),
        config: Path = CONFIG,
        training_batches: tuple[int, ...] = (1500, 4000),
    ) -> None:
        self.name = name
        self.options = tuple(options)
        self.translating = tuple(translating)
        self.config = config
        self.training_batches = training_batches

    def speed_run(self, corpus: Corpus, folder: Path, batch: int, steps: int, every: int) -> Command:
        text = ["--data.tokenizer", str(corpus.tokenizer), "--data.batch_tokens", str(batch)]
        how = ["--trainer.max_steps", str(steps), "--trainer.log_every_n_steps", str(every)]
        return Command([*fit(self.config, corpus, folder), *self.options, *text, *how])

    def rates(self, folder: Path, log: str) -> list[float]:
        [path] = newest(folder).glob("logs/**/metrics.csv")
        with path.open(encoding="utf-8", newline="") as file:
            return [float(row["tokens_per_second"]) for row in csv.DictReader(file) if row.get("tokens_per_second")]

    def vocabulary(self, corpus: Corpus, folder: Path) -> list[Command]:
        return []  # `fit` learns its own

    def pieces(self, corpus: Corpus, folder: Path) -> Command:
        """What learns the vocabulary that all systems share where speed is compared."""
        raw = [str(corpus.raw("train", side)) for side in (SOURCE, TARGET)]
        out = str(folder / "vocabulary.json")
        return Command([*seq2seq("tokenize"), *raw, "--out", out, "--tokenizer.size", str(VOCABULARY)])

    def training(self, corpus: Corpus, folder: Path, steps: int, every: int) -> Command:
        cache = {"SEQ2SEQ_CACHE": str(folder / "cache")}  # an empty one, so that nothing is known beforehand
        return Command([*fit(self.config, corpus, folder), "--checkpoint.save_top_k", "-1"], environment=cache)

    def checkpoints(self, folder: Path) -> dict[int, Path]:
        found = ((CHECKPOINT.search(path.name), path) for path in (newest(folder) / "checkpoints").glob("*step=*.ckpt"))
        return {int(step[1]): path for step, path in found if step}

    def validating(self, log: str) -> float:
        return 0.0  # what it spends there counts

    def translation(self, checkpoint: Path, source: Path, output: Path, beams: int, batch: int) -> Command:
        files = ["--input", str(source), "--output", str(output)]
        how = ["--beams", str(beams), "--batch-tokens", str(batch)]
        return Command([*seq2seq("translate"), str(checkpoint), *files, *how, *self.translating])


def fit(config: Path, corpus: Corpus, folder: Path) -> list[str]:
    where = ["--data.corpus", str(corpus.folder), "--runs", str(folder), "--name", "run", "--again"]
    return [*seq2seq("fit"), "--config", str(config), *where]


def seq2seq(command: str) -> list[str]:
    return [sys.executable, "-m", "seq2seq", command]


def newest(folder: Path) -> Path:
    """The last run that was trained there."""
    runs = [path for path in (folder / "run").glob("*") if path.name.isdecimal()]
    return max(runs, key=lambda path: int(path.name), default=folder / "run" / "1")
