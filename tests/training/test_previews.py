"""Each validation prints examples of generated text or translations with their references."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Trained
from experiments import LANGUAGE, TRANSLATION, metrics, seq2seq, write_config

from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.inference import TranslationPipeline, TranslationResult
from seq2seq.metrics import bleu
from seq2seq.search import Beam, Search
from seq2seq.tasks.evaluation import evenly_spaced
from seq2seq.tokenizers import Characters
from seq2seq.training import previews, validation_metrics
from seq2seq.training.language_model import LanguageModel


def printed_examples(out: str) -> list[tuple[str, str, str]]:
    """Return the sources, translations and references of the examples that were printed."""
    rows = [line for line in out.splitlines() if line.startswith(("  source     ", "  model      ", "  reference  "))]
    return [(a[13:], b[13:], c[13:]) for a, b, c in zip(rows[::3], rows[1::3], rows[2::3], strict=True)]


def validation_pairs(corpus: Path) -> list[tuple[str, str]]:
    sides = [(corpus / f"val.{side}").read_text(encoding="utf-8").splitlines() for side in "ab"]
    return list(zip(*sides, strict=True))


def test_translator_prints_three_translations_with_references(translation_run: Trained, corpus: Path) -> None:
    examples = printed_examples(translation_run.result.out)
    assert len(examples) == 3 * 3  # validations and sentences
    assert {(source, reference) for source, _, reference in examples} < set(validation_pairs(corpus))
    assert len(set(examples[:3])) == 3


def test_translator_without_bleu_prints_translations_too(tmp_path: Path, corpus: Path) -> None:
    config = write_config(tmp_path, TRANSLATION.replace("callbacks: [TranslationMetrics]", "callbacks: null"), corpus)
    result = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "2")
    assert result.status == 0, result.err
    assert len(printed_examples(result.out)) == 3
    assert "BLEU" not in result.out


def test_max_length_of_the_preview_limits_examples_and_is_logged(tmp_path: Path, corpus: Path) -> None:
    callback = "{class_path: TranslationPreview, init_args: {examples: 2, max_length: 1}}"
    config = write_config(tmp_path, TRANSLATION.replace("[TranslationMetrics]", f"[{callback}]"), corpus)
    result = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "2")
    assert result.status == 0, result.err
    assert [text for _, text, _ in printed_examples(result.out) if len(text.split()) > 1] == []
    (notice,) = [line for line in result.err.splitlines() if "cut short" in line]
    assert re.fullmatch(
        r"examples cut short by the limit of their length: [12] of 2; "
        r"max_length of TranslationPreview sets another limit, in tokens",
        notice,
    )


def test_language_model_prints_text_at_each_validation(tmp_path: Path, corpus: Path) -> None:
    (before, after) = LANGUAGE.split("callbacks: [")
    config = write_config(tmp_path, before + "callbacks: null}" + after[after.index("\n") :], corpus)
    result = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "4")
    assert result.status == 0, result.err
    blocks = result.out.split("step ")[1:]
    assert len(blocks) == 2
    assert all("\n  | " in block and len(block) > 250 for block in blocks)


def test_configured_preview_replaces_the_default_one(tmp_path: Path, corpus: Path) -> None:
    config = write_config(tmp_path, LANGUAGE.replace("length: 9", "length: 9, prompt: one"), corpus)
    result = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "2")
    assert result.status == 0, result.err
    (sample,) = result.out.split("  | one")[1:]
    assert len(sample.split("finished")[0]) < 60  # the default length is 200 characters


def test_val_bleu_is_computed_on_the_first_sentences(
    tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, Search, TranslationLimits]] = []

    def translate(
        self: TranslationPipeline, lines: list[str], search: Search, limits: TranslationLimits
    ) -> Iterator[list[TranslationResult]]:
        calls.append((len(lines), search, limits))
        for row, line in enumerate(lines):
            yield [TranslationResult(line[::-1].upper() + " six" * (not row), -1.0, -1.0, row == 1)]

    monkeypatch.setattr(previews.TranslationPipeline, "translate", translate)
    search = "{class_path: Beam, init_args: {beams: 2}}"
    options = f"{{sentences: 3, search: {search}, lowercase: true, examples: 1, max_length: 70}}"
    options = f"{{class_path: TranslationMetrics, init_args: {options}}}"
    config = write_config(tmp_path, TRANSLATION.replace("[TranslationMetrics]", f"[{options}]"), corpus)
    result = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "2")
    assert result.status == 0, result.err
    pairs = validation_pairs(corpus)[:3]
    translations = [source[::-1] + " six" * (not row) for row, (source, _) in enumerate(pairs)]
    expected = bleu(translations, [reference for _, reference in pairs], lowercase=True).value
    assert 0 < expected < 100
    logged = [row["val_bleu"] for row in metrics(tmp_path / "config" / "1") if "val_bleu" in row]
    assert logged == pytest.approx([expected])
    assert calls == [(3, Beam(beams=2), TranslationLimits(max_length=70))]
    (notice,) = [line for line in result.err.splitlines() if "cut short" in line]
    assert notice == (
        "validation translations cut short by the limit of their length: 1 of 3; "
        "max_length of TranslationMetrics sets another limit, in tokens"
    )
    assert len(printed_examples(result.out)) == 1


def test_unknown_tokens_of_the_prompt_are_logged_before_training(capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = Characters()
    tokenizer.learn(["one"])
    model = LanguageModel(tokenizer.vocab_size, size=4, depth=1)
    trainer: Any = SimpleNamespace(datamodule=SimpleNamespace(tokenizers={"source": tokenizer}))
    previews.TextPreview(prompt="one").on_fit_start(trainer, model)
    previews.TextPreview(prompt="one Ω").on_fit_start(trainer, model)
    assert capsys.readouterr().err == (
        "prompt of TextPreview: 2 of 5 tokens (40.00 %) are not in the vocabulary and are read as <unk>\n"
    )


@pytest.mark.parametrize("options", [{"length": 0}, {"temperature": -1.0}, {"temperature": math.inf}])
def test_preview_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="must be at least"):
        previews.TextPreview(**options)


def test_bleu_with_a_language_model_is_refused_before_training(tmp_path: Path, corpus: Path) -> None:
    text = LANGUAGE.replace("callbacks: [", "callbacks: [TranslationMetrics, ")
    result = seq2seq("fit", "--config", write_config(tmp_path, text, corpus), "--runs", tmp_path)
    assert result.status == 1
    assert "seq2seq: val_bleu needs a translator, and the model is a LanguageModel\n" in result.err
    assert "step" not in result.out


@pytest.mark.parametrize(
    ("rows", "count", "expected"), [(9, 3, [0, 3, 6]), (2, 3, [0, 1]), (5, 0, []), (7, 3, [0, 2, 4])]
)
def test_examples_are_evenly_spaced(rows: int, count: int, expected: list[int]) -> None:
    assert evenly_spaced(rows, count) == expected


def test_invalid_number_of_beams_is_refused(tmp_path: Path, corpus: Path) -> None:
    callback = "{class_path: TranslationMetrics, init_args: {search: {class_path: Beam, init_args: {beams: 0}}}}"
    config = write_config(tmp_path, TRANSLATION.replace("[TranslationMetrics]", f"[{callback}]"), corpus)
    result = seq2seq("fit", "--config", config, "--runs", tmp_path, "--trainer.max_steps", "2")
    assert result.status == 1
    assert "beams must be at least 1 and at most 10,000, and 0 was given" in result.err


def test_items_of_all_processes_are_gathered_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = list("abcdefg")
    parts = [lines[rank::3] for rank in range(3)]

    def gather(into: list[Any], items: list[str]) -> None:
        into[:] = parts

    monkeypatch.setattr("torch.distributed.all_gather_object", gather)
    assert validation_metrics.gather_in_order(parts[1], 3) == lines
