"""A tiny corpus and tiny trained models, made once, which the cases copy and damage."""

import os
import random
import shutil
from pathlib import Path
from typing import NamedTuple

from . import processes, scheduler
from .case import Case
from .verdict import complaints

WORDS = ["one", "two", "three", "four", "fünf", "six", "七", "🎈"]
TRANSLATION = """
data:
  class_path: TranslationData
  init_args: {corpus: CORPUS, source: a, target: b, tokenizer: TOKENIZER, batch_tokens: 200}
model:
  class_path: Translator
  init_args: {size: 16, depth: 1, dropout: 0.1, label_smoothing: 0.0}
trainer: {max_steps: 60, val_check_interval: 20, check_val_every_n_epoch: null, accelerator: cpu, devices: 1}
optimizer: {class_path: AdamW, init_args: {lr: 0.02}}
checkpoint: {save_top_k: 3}
"""
LANGUAGE = """
data:
  class_path: LanguageData
  init_args: {corpus: CORPUS/text, tokenizer: TOKENIZER, batch_size: 4, steps: 20}
model:
  class_path: LanguageModel
  init_args: {size: 16, depth: 2, dropout: 0.1}
trainer: {max_steps: 40, val_check_interval: 20, check_val_every_n_epoch: null, accelerator: cpu, devices: 1}
optimizer: {class_path: AdamW, init_args: {lr: 0.02}}
checkpoint: {save_top_k: 2}
"""
SAMPLED = "{class_path: Subwords, init_args: {size: 290, sampling: 0.3}}"


class Fixtures(NamedTuple):
    """Files and folders; none of them is changed."""

    folder: Path

    @property
    def corpus(self) -> Path:
        """A folder with train, validation and test of a.b, and the same of text inside `text`."""
        return self.folder / "corpus"

    @property
    def cache(self) -> Path:
        """The cache after everything was made, with the compiled kernels."""
        return self.folder.parent / "cache"

    def config(self, name: str) -> Path:
        return self.folder / f"{name}.yaml"

    def run(self, name: str) -> Path:
        """The folder of a run: translator, subwords, language or bytes."""
        return self.folder / "runs" / name / "1"

    def checkpoint(self, name: str) -> Path:
        return self.run(name) / "checkpoints" / "best.ckpt"

    @property
    def sources(self) -> Path:
        return self.corpus / "test.a"

    @property
    def targets(self) -> Path:
        return self.corpus / "test.b"

    @property
    def tokenizer(self) -> Path:
        return self.folder / "subwords.json"

    @property
    def words(self) -> Path:
        return self.folder / "words.json"

    @property
    def shortlist(self) -> Path:
        return self.folder / "shortlist"

    @property
    def quantized(self) -> Path:
        return self.folder / "int8.ckpt"

    def comparison(self, output: Path) -> list[str | Path]:
        """Return the command that compares two layers for four steps each."""
        budget = ["--budget", "tokens", "--steps", "4", "--trainer.val_check_interval", "2"]
        return ["compare", "--config", self.config("language"), "--layers", "LSTM", "GRU", *budget, "--output", output]


CONFIGS = {
    "translator": TRANSLATION.replace("TOKENIZER", "Words"),
    "subwords": TRANSLATION.replace("TOKENIZER", SAMPLED),
    "language": LANGUAGE.replace("TOKENIZER", "Characters"),
    "bytes": LANGUAGE.replace("TOKENIZER", "Bytes"),
}


def cache_with_kernels(stage: Path, place: Path) -> str:
    """A new cache that holds nothing but the compiled kernels, which take long to make."""
    shutil.copytree(of(stage).cache / "kernels", place / "kernels")
    return str(place)


def of(stage: Path) -> Fixtures:
    """The fixtures that belong to the folder of a kind."""
    return Fixtures(stage.parent / "fixtures")


def make(work: Path) -> None:
    """Train and write them all."""
    made = Fixtures(work / "fixtures")
    write_corpus(made.corpus)
    for name, text in CONFIGS.items():
        made.config(name).write_text(text.replace("CORPUS", str(made.corpus)), encoding="utf-8")
    texts = [made.corpus / "train.a", made.corpus / "train.b"]

    def step(name: str, *arguments: str | Path) -> Case:
        def check(_: Path) -> list[str]:
            ended = processes.forked(made.folder, *arguments, seconds=200)
            return complaints(ended, statuses={0})

        return Case(name, check)

    steps = [
        [step(name, "fit", "--config", made.config(name), "--runs", made.folder / "runs") for name in CONFIGS],
        [
            step("shortlist", "shortlist", made.run("translator"), "--output", made.shortlist),
            step("quantize", "quantize", made.run("translator"), "--output", made.quantized),
            step("kernels", "translate", made.quantized, "--input", made.sources),
            step("tokenize", "tokenize", *texts, "--out", made.tokenizer, "--tokenizer.size", "300"),
            step("words", "tokenize", *texts, "--out", made.words, "--tokenizer", "Words"),
        ],
    ]
    for some in steps:
        for verdict in scheduler.run(some, work / "making", len(os.sched_getaffinity(0))):
            if verdict.wrong:
                raise RuntimeError(f"making {verdict.case.name}: {verdict.wrong}")


def write_corpus(folder: Path) -> None:
    """Pairs whose target is the source turned around, and the same as text."""
    chance = random.Random(1)
    (folder / "text").mkdir(parents=True)
    for split, size in (("train", 200), ("validation", 12), ("test", 12)):
        lines = [" ".join(chance.choices(WORDS, k=chance.randint(1, 4))) for _ in range(size)]
        turned = [" ".join(reversed(line.split())) for line in lines]
        for path, some in ((f"{split}.a", lines), (f"{split}.b", turned), (f"text/{split}.txt", lines)):
            (folder / path).write_text("".join(line + "\n" for line in some), encoding="utf-8")
