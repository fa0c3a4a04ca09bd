"""A tiny corpus and tiny trained models, created once and shared by the cases."""

import os
import random
import shutil
from pathlib import Path
from typing import NamedTuple

from . import processes, scheduler
from .case import Case
from .verdict import find_problems

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
    """Paths of the shared files, which no case may change."""

    folder: Path

    @property
    def corpus(self) -> Path:
        """A folder with train, validation and test files .a and .b, and text files in the subfolder `text`."""
        return self.folder / "corpus"

    @property
    def cache(self) -> Path:
        """The cache after the fixtures were created, with the compiled kernels."""
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


def cache_with_kernels(workdir: Path, cache: Path) -> str:
    """Create a cache that only has the compiled kernels, which take long to build, and return its path."""
    shutil.copytree(for_workdir(workdir).cache / "kernels", cache / "kernels")
    return str(cache)


def for_workdir(workdir: Path) -> Fixtures:
    """Return the fixtures that belong to the working folder of a kind."""
    return Fixtures(workdir.parent / "fixtures")


def create(work: Path) -> None:
    """Write the corpus and the configurations, and train all models."""
    files = Fixtures(work / "fixtures")
    write_corpus(files.corpus)
    for name, text in CONFIGS.items():
        files.config(name).write_text(text.replace("CORPUS", str(files.corpus)), encoding="utf-8")
    texts = [files.corpus / "train.a", files.corpus / "train.b"]

    def step(name: str, *arguments: str | Path) -> Case:
        def check(_: Path) -> list[str]:
            outcome = processes.run_forked(files.folder, *arguments, seconds=200)
            return find_problems(outcome, statuses={0})

        return Case(name, check)

    steps = [
        [step(name, "fit", "--config", files.config(name), "--runs", files.folder / "runs") for name in CONFIGS],
        [
            step("shortlist", "shortlist", files.run("translator"), "--output", files.shortlist),
            step("quantize", "quantize", files.run("translator"), "--output", files.quantized),
            step("kernels", "translate", files.quantized, "--input", files.sources),
            step("tokenize", "tokenize", *texts, "--out", files.tokenizer, "--tokenizer.size", "300"),
            step("words", "tokenize", *texts, "--out", files.words, "--tokenizer", "Words"),
        ],
    ]
    for cases in steps:
        for verdict in scheduler.run(cases, work / "creation", len(os.sched_getaffinity(0))):
            if verdict.problems:
                raise RuntimeError(f"creating {verdict.case.name}: {verdict.problems}")


def write_corpus(folder: Path) -> None:
    """Write pairs whose target is the reversed source, and the sources as text."""
    rng = random.Random(1)
    (folder / "text").mkdir(parents=True)
    for split, size in (("train", 200), ("validation", 12), ("test", 12)):
        lines = [" ".join(rng.choices(WORDS, k=rng.randint(1, 4))) for _ in range(size)]
        reversed_lines = [" ".join(reversed(line.split())) for line in lines]
        for path, selected in ((f"{split}.a", lines), (f"{split}.b", reversed_lines), (f"text/{split}.txt", lines)):
            (folder / path).write_text("".join(line + "\n" for line in selected), encoding="utf-8")
