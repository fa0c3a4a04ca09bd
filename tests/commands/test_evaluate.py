"""Tests of `seq2seq evaluate`."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
import torch
from tiny_runs import LANGUAGE, Runs, fit, shell

from seq2seq import Beam, checkpoint
from seq2seq.__main__ import main
from seq2seq.checkpoint import find_checkpoint
from seq2seq.data.language_text import language_text
from seq2seq.tasks import load_text_generator, load_translation

LETTERED = "Four three TWO one."


def run_evaluate(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """Return the JSON output of the command."""
    capsys.readouterr()
    assert main(["evaluate", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_scores_of_a_text_are_the_nats_of_the_model(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """Per token, character and byte; the latter two differ, since a letter takes two bytes."""
    text = (runs.corpus / "text" / "test.txt").read_text(encoding="utf-8")
    nats, tokens, unknown, spelling = load_text_generator(runs.language).score_text(text)
    assert unknown == spelling == 0
    scores = run_evaluate(capsys, runs.language)
    counts = {"token": tokens, "character": len(text), "byte": len(text.encode())}
    assert counts["byte"] > counts["character"] == counts["token"]
    for unit, count in counts.items():
        assert scores[f"nats_per_{unit}"] == pytest.approx(nats / count)
        assert scores[f"bits_per_{unit}"] == pytest.approx(nats / count / math.log(2))
        assert scores[f"{unit}s"] == count
        if unit != "token":
            assert scores[f"comparable_nats_per_{unit}"] == scores[f"nats_per_{unit}"]
    assert scores["unknown_tokens"] == scores["unknown_share"] == 0
    assert scores["altered"] is None
    assert scores["perplexity"] == pytest.approx(math.exp(nats / tokens))


def test_splits_and_files_get_equal_scores(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    by_split = run_evaluate(capsys, runs.language, "--split", "validation")
    assert by_split == run_evaluate(capsys, runs.language, "--text", runs.corpus / "text" / "validation.txt")
    assert by_split == run_evaluate(capsys, runs.language, "--corpus", runs.corpus / "text", "--split", "validation")
    assert by_split != run_evaluate(capsys, runs.language)


def test_held_out_text_is_the_default_split(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (runs.corpus / "text" / "train.txt").read_text(encoding="utf-8")
    (tmp_path / "one.txt").write_text(text, encoding="utf-8")
    selected = "".join(language_text(str(tmp_path / "one.txt"), "validation", 0.1))
    assert text.endswith(selected)
    (tmp_path / "end.txt").write_text(selected, encoding="utf-8")
    expected = run_evaluate(capsys, runs.language, "--text", tmp_path / "end.txt")
    for split in ([], ["--split", "validation"]):
        assert run_evaluate(capsys, runs.language, "--corpus", tmp_path / "one.txt", *split) == expected


def test_held_out_text_is_counted_before_tokenization(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown letter Ω counts as one character and two bytes, not as <unk>."""
    (tmp_path / "one.txt").write_text("one  two\tΩΩ\n" * 200, encoding="utf-8")
    scores = run_evaluate(capsys, runs.language, "--corpus", tmp_path / "one.txt")
    assert (scores["characters"], scores["bytes"]) == (20 * 12, 20 * 14)
    assert scores["tokens"] == 20 * 12
    assert scores["unknown_tokens"] == 20 * 3


def test_unknown_tokens_are_counted_and_spelled_out(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("one Ω two Ω\n" * 10, encoding="utf-8")
    sentence = "20 of 120 tokens (16.67 %) are not in the vocabulary and are read as <unk>\n"
    assert main(["evaluate", str(runs.language), "--text", str(tmp_path / "text.txt")]) == 0
    table = capsys.readouterr()
    assert table.err == sentence
    assert table.out.startswith("120 tokens (20 unknown, 16.67 %), 120 characters, 140 bytes; perplexity ")
    assert main(["evaluate", str(runs.language), "--text", str(tmp_path / "text.txt"), "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == sentence
    scores = json.loads(captured.out)
    assert (scores["unknown_tokens"], scores["unknown_share"]) == (20, 20 / 120)
    known = len(load_text_generator(runs.language).tokenizer.characters)
    spelling = 20 * (2 * math.log(known + 1) + math.log(1_114_112)) / 120
    assert scores["comparable_nats_per_character"] == pytest.approx(scores["nats_per_character"] + spelling)
    for unit in ("character", "byte"):
        numbers = scores[f"comparable_nats_per_{unit}"], scores[f"comparable_bits_per_{unit}"]
        assert f"{unit:<10} {numbers[0]:>9.4f} {numbers[1]:>9.4f}\n" in table.out


@pytest.mark.parametrize(
    ("tokenizer", "text", "alteration"),
    [
        ("Words", "one two\nthree\n", None),
        ("Words", "one  two\nthree \n", "with single spaces between words and none at the ends of lines"),
        ("Words", "one two\r\n", "with single spaces between words and none at the ends of lines"),
        ("{class_path: Subwords, init_args: {size: 280, lowercase: true}}", "One two\n", "in small letters"),
    ],
)
def test_alteration_by_the_tokenizer_is_reported_and_original_is_counted(
    runs: Runs,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tokenizer: str,
    text: str,
    alteration: str | None,
) -> None:
    (tmp_path / "corpus").symlink_to(runs.corpus)
    run = fit(
        tmp_path, "other", LANGUAGE.replace("tokenizer: Characters", f"tokenizer: {tokenizer}"), "--trainer.max_steps=1"
    )
    (tmp_path / "text.txt").write_bytes(text.encode())
    scores = run_evaluate(capsys, run, "--text", tmp_path / "text.txt")
    assert (scores["altered"], scores["characters"], scores["bytes"]) == (alteration, len(text), len(text.encode()))
    assert main(["evaluate", str(run), "--text", str(tmp_path / "text.txt")]) == 0
    assert ("the text is read" in capsys.readouterr().out) == (alteration is not None)


def test_byte_order_mark_is_ignored(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = []
    for name, mark in (("with", b"\xef\xbb\xbf"), ("without", b"")):
        (tmp_path / name).write_bytes(mark + "one fünf\r\n".encode())
        scores.append(run_evaluate(capsys, runs.language, "--text", tmp_path / name))
    assert scores[0] == scores[1]
    assert (scores[0]["characters"], scores[0]["bytes"]) == (10, 11)


@pytest.mark.parametrize("options", [[], ["--json"], ["--window", "4"]])
def test_nan_model_is_an_error(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    contents = checkpoint.load(find_checkpoint(runs.language))
    for weight in contents["state_dict"].values():
        weight.fill_(math.nan)
    checkpoint.save(contents, tmp_path / "nan.ckpt")
    for command in (["evaluate", *options], ["score", "--text", str(runs.corpus / "text" / "test.txt")]):
        capsys.readouterr()
        assert main([command[0], str(tmp_path / "nan.ckpt"), *command[1:]]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err == (
            "seq2seq: the text cannot be scored, since the model gives NaN or infinity for the next token\n"
        )


def test_infinite_perplexity_is_null_in_json(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A perplexity can exceed the range of floating-point numbers."""
    contents = checkpoint.load(find_checkpoint(runs.language))
    contents["state_dict"]["output.linear.bias"] = (
        1000 * torch.eye(1, len(contents["state_dict"]["output.linear.bias"]))[0]
    )
    checkpoint.save(contents, tmp_path / "sure.ckpt")
    assert main(["evaluate", str(tmp_path / "sure.ckpt"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert scores["perplexity"] is None
    assert scores["nats_per_token"] > 709
    assert main(["evaluate", str(tmp_path / "sure.ckpt")]) == 0
    assert "perplexity beyond 1e308\n" in capsys.readouterr().out


@pytest.mark.parametrize("window", [1, 8])
def test_window_resets_the_state(runs: Runs, capsys: pytest.CaptureFixture[str], window: int) -> None:
    text = (runs.corpus / "text" / "test.txt").read_text(encoding="utf-8")
    measured = load_text_generator(runs.language).score_text(text, window)
    scores = run_evaluate(capsys, runs.language, "--window", window)
    assert scores["nats_per_token"] == pytest.approx(measured.nats / measured.tokens)


def test_model_with_growing_state_needs_a_window(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = LANGUAGE.replace("size: 16, depth: 2", "size: 16, depth: 1, layer: CausalAttention")
    (tmp_path / "corpus").symlink_to(runs.corpus)
    run = fit(tmp_path, "attention", text, "--trainer.max_steps", "2")
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 1
    assert "state grows with the text: give --window" in capsys.readouterr().err
    assert run_evaluate(capsys, run, "--window", 16)["nats_per_token"] > 0


def test_window_longer_than_the_text_changes_nothing(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    complete, one = (run_evaluate(capsys, runs.language, *window) for window in ([], ["--window", 100_000]))
    assert complete == one


def test_searches_of_a_translator(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    greedy, beam_of_one, sampled, seed, worse = (
        run_evaluate(capsys, runs.checkpoints[0], *options)
        for options in (
            ["--search", "greedy"],
            ["--beams", 1],
            ["--search", "sampling", "--temperature", 0],
            ["--search=sampling", "--seed", 3, "--top-k", 1],
            ["--search=sampling", "--temperature", 9],
        )
    )
    assert greedy == beam_of_one == sampled == seed
    assert worse["BLEU"]["score"] < greedy["BLEU"]["score"]


def test_translator_scores_equal_sacrebleu(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    sources, references = (lines_of(runs.corpus / f"test.{side}") for side in "ab")
    # an early checkpoint, with imperfect translations
    hypotheses = load_translation(runs.checkpoints[0])(sources, Beam(beams=2, min_length=2))
    scores = run_evaluate(capsys, runs.checkpoints[0], "--beams", 2, "--min-length", 2)
    assert scores["BLEU"]["score"] == sacrebleu.corpus_bleu(hypotheses, [references]).score
    assert scores["chrF"]["score"] == sacrebleu.corpus_chrf(hypotheses, [references]).score
    assert scores["TER"]["score"] == sacrebleu.corpus_ter(hypotheses, [references], case_sensitive=True).score
    assert scores["accuracy"]["score"] == 100 * sum(map(str.__eq__, hypotheses, references)) / len(hypotheses) < 100
    assert all(f"version:{sacrebleu.__version__}" in scores[name]["signature"] for name in ("BLEU", "chrF", "TER"))


def test_file_of_translations_gets_the_scores_of_the_model(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, reference = runs.corpus / "test.a", runs.corpus / "test.b"
    out = tmp_path / "out.txt"
    assert main(["translate", str(runs.checkpoints[0]), "--input", str(source), "--output", str(out)]) == 0
    by_file = run_evaluate(capsys, "--translations", out, "--reference", reference)
    assert by_file == run_evaluate(capsys, runs.checkpoints[0])
    assert by_file == run_evaluate(capsys, runs.checkpoints[0], "--source", source, "--reference", reference)


def test_lowercase_ignores_case(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t").write_text(LETTERED + "\n")
    (tmp_path / "r").write_text(LETTERED.lower() + "\n")
    files = ("--translations", tmp_path / "t", "--reference", tmp_path / "r")
    cased, lowercased = run_evaluate(capsys, *files), run_evaluate(capsys, *files, "--lowercase")
    for name, perfect in (("BLEU", 100), ("chrF", 100), ("TER", 0), ("accuracy", 100)):
        assert abs(cased[name]["score"] - perfect) > 10
        assert lowercased[name]["score"] == pytest.approx(perfect)
        assert "case:mixed" in cased[name]["signature"]
        assert "case:lc" in lowercased[name]["signature"]


def test_scoring_a_file_imports_no_torch(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(LETTERED + "\n")
    for name in ("torch", "pytorch_lightning"):  # importing them fails here
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('it must not be imported')")
    done = shell("evaluate", "--translations", tmp_path / "t", "--reference", tmp_path / "t", PYTHONPATH=str(tmp_path))
    assert done.stderr == b""
    assert done.stdout.startswith(b"BLEU       100.00   nrefs:1")


def test_table_has_the_same_numbers_as_json(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    scores = run_evaluate(capsys, runs.language)
    assert main(["evaluate", str(runs.language)]) == 0
    table = capsys.readouterr().out
    for unit in ("token", "character", "byte"):
        assert f"{unit:<10} {scores[f'nats_per_{unit}']:>9.4f} {scores[f'bits_per_{unit}']:>9.4f}\n" in table
    assert f"perplexity {scores['perplexity']:.4f}" in table


@pytest.mark.parametrize("examples", [0, 1, 3, 1000])
def test_examples_are_printed_with_their_references(
    runs: Runs, capsys: pytest.CaptureFixture[str], examples: int
) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(runs.translator), "--beams", "1", "--examples", str(examples)]) == 0
    output = capsys.readouterr().out
    sources, references = (lines_of(runs.corpus / f"test.{side}") for side in "ab")
    shown = [line.removeprefix("  source     ") for line in output.splitlines() if line.startswith("  source ")]
    assert len(shown) == min(examples, len(sources))
    for source in shown:
        assert f"  reference  {references[sources.index(source)]}\n" in output


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (None, [], "a checkpoint is needed, or --translations with --reference"),
        (None, ["--translations", "t"], "with --reference"),
        (None, ["--translations", "nowhere", "--reference", "r"], "there is no file nowhere"),
        ("translator", ["--translations", "t", "--reference", "r"], "without a checkpoint"),
        (
            None,
            ["--translations", "t", "--reference", "r", "--beams", "2"],
            "--beams does not apply to a file of translations",
        ),
        ("language", ["--text", "t", "--split", "s"], "--text names a file and --split a part of a corpus"),
        ("translator", ["--source", "s", "--corpus", "c"], "--source names a file and --corpus a part of a corpus"),
        ("translator", ["--examples", "2", "--json"], "--json and --examples cannot be combined"),
        ("language", ["--lowercase"], "--lowercase does not apply to a language model"),
        ("language", ["--beams", "2"], "--beams does not apply to a language model"),
        ("language", ["--search", "greedy"], "--search does not apply to a language model"),
        ("language", ["--min-length", "2"], "--min-length does not apply to a language model"),
        ("language", ["--window", "100000000000000000000"], "window must be at least 1 and at most 2,147,483,647"),
        ("translator", ["--source", "s"], "--source and --reference must be given together"),
        ("translator", ["--window", "5"], "--window does not apply to a translator"),
        ("translator", ["--split", "tset"], "has no split 'tset'"),
        ("language", ["--split", "tset"], "has no split 'tset'"),
        ("translator", ["--beams", "0"], "beams must be at least 1 and at most 10,000, and 0 was given"),
        ("language", ["--source", "s", "--reference", "r"], "--reference does not apply to a language model"),
        ("language", ["--window", "0"], "window must be at least 1"),
        ("language", ["--text", "nowhere"], "there is no file nowhere"),
        ("language", ["--text", "/dev/null"], "/dev/null is empty, so there is nothing to score"),
    ],
)
def test_errors_are_one_line_on_standard_error(
    runs: Runs, capsys: pytest.CaptureFixture[str], kind: str | None, options: list[str], message: str
) -> None:
    assert main(["evaluate", *([str(getattr(runs, kind))] if kind else []), *options]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_files_of_unequal_length_are_an_error(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "two").write_text("one\ntwo\n")
    (tmp_path / "three").write_text("one\ntwo\nthree\n")
    files = [str(tmp_path / "two"), "--reference", str(tmp_path / "three")]
    assert main(["evaluate", str(runs.translator), "--source", *files]) == 1
    assert "has 2 lines and" in capsys.readouterr().err
    assert main(["evaluate", "--translations", *files]) == 1
    assert "has 2 lines and" in capsys.readouterr().err
