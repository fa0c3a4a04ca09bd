"""Translations that are many times longer than their sources are not truncated."""

import csv
import random
from pathlib import Path

import pytest
from tiny_runs import fit

from seq2seq.__main__ import main
from seq2seq.tasks import load_translation

NAMES = {"1": "the first of the numbers", "2": "twice as much as that", "3": "more than enough"}
CONFIG = """
data:
  class_path: TranslationData
  init_args: {corpus: CORPUS, source: digits, target: words, tokenizer: Characters, batch_tokens: 600}
model:
  class_path: Translator
  init_args: {size: 48, depth: 1, dropout: 0.0, label_smoothing: 0.0}
trainer: {max_steps: 300, val_check_interval: 300, check_val_every_n_epoch: null, accelerator: cpu, devices: 1,
  callbacks: [TranslationMetrics]}
optimizer: {class_path: AdamW, init_args: {lr: 0.006}}
"""


def spell_out(digits: str) -> str:
    return ", ".join(NAMES[digit] for digit in digits)


def test_translations_many_times_longer_than_their_sources_are_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In validation, whose BLEU would otherwise be that of truncated text, in every command and from Python."""
    (tmp_path / "corpus").mkdir()
    rng = random.Random(1)
    for split, size in (("train", 300), ("validation", 10), ("test", 10)):
        lines = ["".join(rng.sample("123", k=rng.randint(1, 2))) for _ in range(size)]
        for name, side in (("digits", lines), ("words", map(spell_out, lines))):
            text = "".join(line + "\n" for line in side)
            (tmp_path / "corpus" / f"{split}.{name}").write_text(text, encoding="utf-8")
    run = fit(tmp_path, "expansion", CONFIG)
    with (run / "logs" / "version_0" / "metrics.csv").open(encoding="utf-8") as log:
        last = [row for row in csv.DictReader(log) if row["val_bleu"]][-1]
    assert float(last["val_bleu"]) > 95

    sources, references = ((tmp_path / "corpus" / f"test.{side}") for side in ("digits", "words"))
    expected = references.read_text(encoding="utf-8")
    capsys.readouterr()
    config = str(tmp_path / "expansion.yaml")
    assert main(["predict", "--config", config, "--ckpt-path", str(run)]) == 0
    assert capsys.readouterr().out == expected
    for beams in ("1", "4"):
        assert main(["translate", str(run), "--input", str(sources), "--beams", beams]) == 0
        assert capsys.readouterr() == (expected, "")
    assert main(["quantize", str(run), "--output", str(tmp_path / "int8.ckpt")]) == 0
    translations = load_translation(tmp_path / "int8.ckpt", run)(sources.read_text(encoding="utf-8").split())
    assert translations == expected.splitlines()
