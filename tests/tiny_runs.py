"""Two tiny trained runs that many tests use: a translator that reverses the order of words, and a language model."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

WORDS = ["one", "two", "three", "four", "five", "six"]
TRANSLATOR = """
data:
  class_path: TranslationData
  init_args: {corpus: CORPUS, source: a, target: b, tokenizer: Words, batch_tokens: 200}
model:
  class_path: Translator
  init_args: {size: 32, depth: 1, dropout: 0.0, label_smoothing: 0.0}
trainer: {max_steps: 120, val_check_interval: 40, check_val_every_n_epoch: null, accelerator: cpu, devices: 1}
optimizer: {class_path: AdamW, init_args: {lr: 0.02}}
checkpoint: {save_top_k: 3}
"""
LANGUAGE = """
data:
  class_path: LanguageData
  init_args: {corpus: CORPUS/text, tokenizer: Characters, batch_size: 4, steps: 20}
model:
  class_path: LanguageModel
  init_args: {size: 16, depth: 2}
trainer: {max_steps: 40, val_check_interval: 40, check_val_every_n_epoch: null, accelerator: cpu, devices: 1}
optimizer: {class_path: AdamW, init_args: {lr: 0.02}}
"""


class Runs(NamedTuple):
    """The folders of the runs and their corpus."""

    corpus: Path  # train, validation and test files .a and .b, and the text in text/
    translator: Path
    language: Path

    @property
    def checkpoints(self) -> list[Path]:
        """The three best checkpoints of the translator, oldest first."""
        paths = [path for path in (self.translator / "checkpoints").glob("*.ckpt") if "step" in path.name]
        return sorted(paths, key=lambda path: path.stat().st_mtime_ns)


def reverse_words(line: str) -> str:
    """Return the target of a source line, which the translator learns."""
    return " ".join(reversed(line.split()))


def write_corpus(folder: Path) -> None:
    rng = random.Random(1)
    (folder / "text").mkdir(parents=True)
    for split, size in (("train", 300), ("validation", 20), ("test", 20)):
        lines = [" ".join(rng.choices(WORDS, k=rng.randint(1, 4))) for _ in range(size)]
        for name, sentences in (("a", lines), ("b", map(reverse_words, lines))):
            (folder / f"{split}.{name}").write_text("".join(line + "\n" for line in sentences), encoding="utf-8")
        text = "".join(line.replace("five", "fünf") + "\n" for line in lines)
        (folder / "text" / f"{split}.txt").write_text(text, encoding="utf-8")


def fit(folder: Path, name: str, config: str, *options: str) -> Path:
    """Train a run and return its folder."""
    from seq2seq.__main__ import main

    path = folder / f"{name}.yaml"
    path.write_text(config.replace("CORPUS", str(folder / "corpus")), encoding="utf-8")
    os.environ.pop("SEQ2SEQ_RUN", None)
    try:
        assert main(["fit", "--config", str(path), "--runs", str(folder / "runs"), *options]) == 0
    finally:
        os.environ.pop("SEQ2SEQ_RUN", None)
    return folder / "runs" / name / "1"


def make_runs(folder: Path) -> Runs:
    write_corpus(folder / "corpus")
    return Runs(folder / "corpus", fit(folder, "translator", TRANSLATOR), fit(folder, "language", LANGUAGE))


def shell(*arguments: object, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run `seq2seq` in a separate process."""
    return subprocess.run(
        [sys.executable, "-m", "seq2seq", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        check=False,
        timeout=120,
    )
