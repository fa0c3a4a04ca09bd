"""seq2seq itself, through its command line."""

import csv
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.child import Command
from benchmarks.peers.corpus import SOURCE, TARGET, Corpus
from benchmarks.peers.sizes import VOCABULARY

CONFIG = Path(__file__).with_name("ours.yaml")
QUICK_CONFIG = Path(__file__).parents[2] / "configs" / "translation" / "multi30k-quick.yaml"
FEEDING_OPTIONS = ("--model.input_feeding", "true", "--trainer.precision", "32-true")
FEEDING_BATCHES = (1000, 4000)
CHECKPOINT = re.compile(r"step=(\d+)\.ckpt$")


class Ours:
    """seq2seq with some options.

    Args:
        name: Its name in the table.
        options: Additional options of `seq2seq fit`.
        translate_options: Additional options of `seq2seq translate`.
        config: Configuration file for `seq2seq fit`.
        training_batches: Batch sizes in training to try, in tokens of the longer side.
    """

    translation_batches = (1000, 4000)  # source tokens; 4000 is the default
    single_sentence_batch = 1

    def __init__(
        self,
        name: str = "seq2seq",
        options: Sequence[str] = (),
        translate_options: Sequence[str] = (),
        config: Path = CONFIG,
        training_batches: tuple[int, ...] = (1500, 4000),
    ) -> None:
        self.name = name
        self.options = tuple(options)
        self.translate_options = tuple(translate_options)
        self.config = config
        self.training_batches = training_batches

    def speed_command(self, corpus: Corpus, folder: Path, batch: int, steps: int, interval: int) -> Command:
        data_options = ["--data.tokenizer", str(corpus.tokenizer), "--data.batch_tokens", str(batch)]
        trainer_options = ["--trainer.max_steps", str(steps), "--trainer.log_every_n_steps", str(interval)]
        return Command([*fit_command(self.config, corpus, folder), *self.options, *data_options, *trainer_options])

    def logged_rates(self, folder: Path, log: str) -> list[float]:
        [path] = newest_run(folder).glob("logs/**/metrics.csv")
        with path.open(encoding="utf-8", newline="") as file:
            return [float(row["tokens_per_second"]) for row in csv.DictReader(file) if row.get("tokens_per_second")]

    def vocabulary_commands(self, corpus: Corpus, folder: Path) -> list[Command]:
        return []  # learned by `fit`

    def learn_pieces(self, corpus: Corpus, folder: Path) -> Command:
        """Return the command that learns the vocabulary that all systems share in the speed comparison."""
        raw = [str(corpus.raw("train", side)) for side in (SOURCE, TARGET)]
        out = str(folder / "vocabulary.json")
        return Command([*seq2seq_command("tokenize"), *raw, "--out", out, "--tokenizer.size", str(VOCABULARY)])

    def training_command(self, corpus: Corpus, folder: Path, steps: int, interval: int) -> Command:
        cache = {"SEQ2SEQ_CACHE": str(folder / "cache")}  # empty at the start
        return Command([*fit_command(self.config, corpus, folder), "--checkpoint.save_top_k", "-1"], environment=cache)

    def checkpoints(self, folder: Path) -> dict[int, Path]:
        matches = (
            (CHECKPOINT.search(path.name), path) for path in (newest_run(folder) / "checkpoints").glob("*step=*.ckpt")
        )
        return {int(step[1]): path for step, path in matches if step}

    def validation_seconds(self, log: str) -> float:
        return 0.0  # its validation time counts

    def translation_command(self, checkpoint: Path, source: Path, output: Path, beams: int, batch: int) -> Command:
        files = ["--input", str(source), "--output", str(output)]
        search_options = ["--beams", str(beams), "--batch-tokens", str(batch)]
        return Command(
            [*seq2seq_command("translate"), str(checkpoint), *files, *search_options, *self.translate_options]
        )


def fit_command(config: Path, corpus: Corpus, folder: Path) -> list[str]:
    arguments = ["--data.corpus", str(corpus.folder), "--runs", str(folder), "--name", "run", "--again"]
    return [*seq2seq_command("fit"), "--config", str(config), *arguments]


def seq2seq_command(command: str) -> list[str]:
    return [sys.executable, "-m", "seq2seq", command]


def newest_run(folder: Path) -> Path:
    """Return the newest run in a folder."""
    runs = [path for path in (folder / "run").glob("*") if path.name.isdecimal()]
    return max(runs, key=lambda path: int(path.name), default=folder / "run" / "1")
