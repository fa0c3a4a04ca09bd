"""At each validation one sees what the model says, beside what it should."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Trained
from experiments import LANGUAGE, TRANSLATION, metrics, seq2seq, write_config

from seq2seq.errors import UserError
from seq2seq.inference import SearchOptions, Translated, TranslationPipeline
from seq2seq.metrics import bleu
from seq2seq.models import LanguageModel
from seq2seq.tokenizers import Characters
from seq2seq.training import previews as samples
from seq2seq.training.previews import spread


def shown(told: str) -> list[tuple[str, str, str]]:
    """Sources, translations and references."""
    rows = [line for line in told.splitlines() if line.startswith(("  source     ", "  model      ", "  reference  "))]
    return [(a[13:], b[13:], c[13:]) for a, b, c in zip(rows[::3], rows[1::3], rows[2::3], strict=True)]


def validation(texts: Path) -> list[tuple[str, str]]:
    sides = [(texts / f"val.{side}").read_text(encoding="utf-8").splitlines() for side in "ab"]
    return list(zip(*sides, strict=True))


def test_a_translator_shows_three_translations_beside_their_references(translator: Trained, texts: Path) -> None:
    found = shown(translator.told.out)
    assert len(found) == 3 * 3  # validations and sentences
    assert {(source, reference) for source, _, reference in found} < set(validation(texts))
    assert len(set(found[:3])) == 3


def test_a_translator_without_bleu_shows_them_too(tmp_path: Path, texts: Path) -> None:
    config = write_config(tmp_path, TRANSLATION.replace("callbacks: [Bleu]", "callbacks: null"), texts)
    told = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "2")
    assert told.status == 0, told.err
    assert len(shown(told.out)) == 3
    assert "BLEU" not in told.out


def test_examples_are_cut_short_at_a_limit_of_ones_own_which_is_said(tmp_path: Path, texts: Path) -> None:
    callback = "{class_path: TranslationSample, init_args: {examples: 2, max_length: 1}}"
    config = write_config(tmp_path, TRANSLATION.replace("[Bleu]", f"[{callback}]"), texts)
    told = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "2")
    assert told.status == 0, told.err
    assert [said for _, said, _ in shown(told.out) if len(said.split()) > 1] == []
    (notice,) = [line for line in told.err.splitlines() if "cut short" in line]
    assert re.fullmatch(
        r"examples cut short by the limit of their length: [12] of 2; "
        r"max_length of TranslationSample sets another limit, in tokens",
        notice,
    )


def test_a_language_model_shows_text_at_each_validation(tmp_path: Path, texts: Path) -> None:
    (before, after) = LANGUAGE.split("callbacks: [")
    config = write_config(tmp_path, before + "callbacks: null}" + after[after.index("\n") :], texts)
    told = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "4")
    assert told.status == 0, told.err
    blocks = told.out.split("step ")[1:]
    assert len(blocks) == 2
    assert all("\n  | " in block and len(block) > 250 for block in blocks)


def test_what_a_configuration_shows_is_not_shown_twice(tmp_path: Path, texts: Path) -> None:
    config = write_config(tmp_path, LANGUAGE.replace("length: 9", "length: 9, prompt: one"), texts)
    told = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "2")
    assert told.status == 0, told.err
    (sample,) = told.out.split("  | one")[1:]
    assert len(sample.split("finished")[0]) < 60  # a usual one has 200 characters


def test_val_bleu_is_that_of_the_first_sentences(tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, SearchOptions]] = []

    def nearly_right(self: TranslationPipeline, lines: list[str], how: SearchOptions) -> Iterator[list[Translated]]:
        asked.append((len(lines), how))
        for row, line in enumerate(lines):
            yield [Translated(line[::-1].upper() + " six" * (not row), -1.0, -1.0, row == 1)]

    monkeypatch.setattr(samples.Translation, "translate", nearly_right)
    options = "{class_path: Bleu, init_args: {sentences: 3, beams: 2, lowercase: true, examples: 1, max_length: 70}}"
    config = write_config(tmp_path, TRANSLATION.replace("[Bleu]", f"[{options}]"), texts)
    told = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "2")
    assert told.status == 0, told.err
    pairs = validation(texts)[:3]
    said = [source[::-1] + " six" * (not row) for row, (source, _) in enumerate(pairs)]
    wanted = bleu(said, [reference for _, reference in pairs], lowercase=True).value
    assert 0 < wanted < 100
    found = [row["val_bleu"] for row in metrics(tmp_path / "config" / "1") if "val_bleu" in row]
    assert found == pytest.approx([wanted])
    assert asked == [(3, SearchOptions(beams=2, max_length=70))]
    (notice,) = [line for line in told.err.splitlines() if "cut short" in line]
    assert notice == (
        "validation translations cut short by the limit of their length: 1 of 3; "
        "max_length of Bleu sets another limit, in tokens"
    )
    assert len(shown(told.out)) == 1


def test_what_is_unknown_of_the_prompt_is_said_before_training(capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = Characters()
    tokenizer.learn(["one"])
    model = LanguageModel(tokenizer.vocab_size, size=4, depth=1)
    trainer: Any = SimpleNamespace(datamodule=SimpleNamespace(tokenizer=tokenizer))
    samples.TextSample(prompt="one").on_fit_start(trainer, model)
    samples.TextSample(prompt="one Ω").on_fit_start(trainer, model)
    assert capsys.readouterr().err == (
        "prompt of TextSample: 2 of 5 tokens (40.00 %) are not in the vocabulary and are read as <unk>\n"
    )


@pytest.mark.parametrize("options", [{"length": 0}, {"temperature": -1.0}, {"temperature": math.inf}])
def test_options_of_a_sample_have_ranges(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="must be at least"):
        samples.TextSample(**options)


def test_bleu_of_a_language_model_is_refused_before_training(tmp_path: Path, texts: Path) -> None:
    text = LANGUAGE.replace("callbacks: [", "callbacks: [Bleu, ")
    told = seq2seq("fit", "--config", write_config(tmp_path, text, texts), "--runs", tmp_path)
    assert told.status == 1
    assert "seq2seq: val_bleu needs a translator, and the model is a LanguageModel\n" in told.err
    assert "step" not in told.out


@pytest.mark.parametrize(
    ("rows", "count", "chosen"), [(9, 3, [0, 3, 6]), (2, 3, [0, 1]), (5, 0, []), (7, 3, [0, 2, 4])]
)
def test_examples_are_spread_over_all_rows(rows: int, count: int, chosen: list[int]) -> None:
    assert spread(rows, count) == chosen


def test_a_wrong_number_of_beams_is_refused_when_the_configuration_is_read(tmp_path: Path, texts: Path) -> None:
    with pytest.raises(ValueError, match="beams must be at least 1 and at most 10,000, and 0 was given"):
        samples.Bleu(beams=0)


def test_parts_of_all_processes_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = list("abcdefg")
    parts = [lines[rank::3] for rank in range(3)]

    def gather(into: list[Any], mine: list[str]) -> None:
        into[:] = parts

    monkeypatch.setattr("torch.distributed.all_gather_object", gather)
    assert samples.together(parts[1], 3) == lines
