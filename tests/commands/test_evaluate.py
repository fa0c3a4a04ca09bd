"""Laws of `seq2seq evaluate`."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
import torch
from tiny_runs import LANGUAGE, Runs, fit, shell

from seq2seq import SearchOptions, checkpoint
from seq2seq.__main__ import main
from seq2seq.checkpoint import find
from seq2seq.data.language_text import language_text
from seq2seq.inference import load_text_generator, load_translation

LETTERED = "Four three TWO one."


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """What is said with --json."""
    capsys.readouterr()
    assert main(["evaluate", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_a_text_has_the_nats_that_the_model_says(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    """By token, by character and by byte, which differ where a letter takes two bytes."""
    text = (runs.corpus / "text" / "test.txt").read_text(encoding="utf-8")
    nats, tokens, unknown, spelling = load_text_generator(runs.language).measure(text)
    assert unknown == spelling == 0
    said = evaluated(capsys, runs.language)
    counts = {"token": tokens, "character": len(text), "byte": len(text.encode())}
    assert counts["byte"] > counts["character"] == counts["token"]
    for unit, count in counts.items():
        assert said[f"nats_per_{unit}"] == pytest.approx(nats / count)
        assert said[f"bits_per_{unit}"] == pytest.approx(nats / count / math.log(2))
        assert said[f"{unit}s"] == count
        if unit != "token":
            assert said[f"comparable_nats_per_{unit}"] == said[f"nats_per_{unit}"]
    assert said["unknown_tokens"] == said["unknown_share"] == 0
    assert said["altered"] is None
    assert said["perplexity"] == pytest.approx(math.exp(nats / tokens))


def test_splits_and_files_are_read_alike(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    by_split = evaluated(capsys, runs.language, "--split", "validation")
    assert by_split == evaluated(capsys, runs.language, "--text", runs.corpus / "text" / "validation.txt")
    assert by_split == evaluated(capsys, runs.language, "--corpus", runs.corpus / "text", "--split", "validation")
    assert by_split != evaluated(capsys, runs.language)


def test_text_that_training_held_out_is_what_is_scored_without_a_split(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (runs.corpus / "text" / "train.txt").read_text(encoding="utf-8")
    (tmp_path / "one.txt").write_text(text, encoding="utf-8")
    kept = "".join(language_text(str(tmp_path / "one.txt"), "validation", 0.1))
    assert text.endswith(kept)
    (tmp_path / "end.txt").write_text(kept, encoding="utf-8")
    expected = evaluated(capsys, runs.language, "--text", tmp_path / "end.txt")
    for split in ([], ["--split", "validation"]):
        assert evaluated(capsys, runs.language, "--corpus", tmp_path / "one.txt", *split) == expected


def test_text_that_is_held_out_is_counted_as_it_is_whatever_is_read_of_it(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is unknown of it, as the letters Ω, was decoded as <unk> and counted so before."""
    (tmp_path / "one.txt").write_text("one  two\tΩΩ\n" * 200, encoding="utf-8")
    said = evaluated(capsys, runs.language, "--corpus", tmp_path / "one.txt")
    assert (said["characters"], said["bytes"]) == (20 * 12, 20 * 14)
    assert said["tokens"] == 20 * 12
    assert said["unknown_tokens"] == 20 * 3


def test_unknown_tokens_are_counted_spelled_and_said(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("one Ω two Ω\n" * 10, encoding="utf-8")
    sentence = "20 of 120 tokens (16.67 %) are not in the vocabulary and are read as <unk>\n"
    assert main(["evaluate", str(runs.language), "--text", str(tmp_path / "text.txt")]) == 0
    table = capsys.readouterr()
    assert table.err == sentence
    assert table.out.startswith("120 tokens (20 unknown, 16.67 %), 120 characters, 140 bytes; perplexity ")
    assert main(["evaluate", str(runs.language), "--text", str(tmp_path / "text.txt"), "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == sentence
    said = json.loads(told.out)
    assert (said["unknown_tokens"], said["unknown_share"]) == (20, 20 / 120)
    known = len(load_text_generator(runs.language).tokenizer.characters)
    spelling = 20 * (2 * math.log(known + 1) + math.log(1_114_112)) / 120
    assert said["comparable_nats_per_character"] == pytest.approx(said["nats_per_character"] + spelling)
    for unit in ("character", "byte"):
        numbers = said[f"comparable_nats_per_{unit}"], said[f"comparable_bits_per_{unit}"]
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
def test_a_text_that_is_read_altered_is_counted_as_it_is_and_that_is_said(
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
    said = evaluated(capsys, run, "--text", tmp_path / "text.txt")
    assert (said["altered"], said["characters"], said["bytes"]) == (alteration, len(text), len(text.encode()))
    assert main(["evaluate", str(run), "--text", str(tmp_path / "text.txt")]) == 0
    assert ("it is read" in capsys.readouterr().out) == (alteration is not None)


def test_a_byte_order_mark_is_no_text(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for name, mark in (("with", b"\xef\xbb\xbf"), ("without", b"")):
        (tmp_path / name).write_bytes(mark + "one fünf\r\n".encode())
        said.append(evaluated(capsys, runs.language, "--text", tmp_path / name))
    assert said[0] == said[1]
    assert (said[0]["characters"], said[0]["bytes"]) == (10, 11)


@pytest.mark.parametrize("options", [[], ["--json"], ["--window", "4"]])
def test_a_model_without_numbers_has_no_scores(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    held = checkpoint.load(find(runs.language))
    for weight in held["state_dict"].values():
        weight.fill_(math.nan)
    checkpoint.save(held, tmp_path / "nan.ckpt")
    for command in (["evaluate", *options], ["score", "--text", str(runs.corpus / "text" / "test.txt")]):
        capsys.readouterr()
        assert main([command[0], str(tmp_path / "nan.ckpt"), *command[1:]]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err == (
            "seq2seq: the text cannot be scored, since the model gives NaN or infinity for what comes next\n"
        )


def test_json_holds_no_number_that_json_has_not(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A perplexity can be larger than any number that a computer writes."""
    held = checkpoint.load(find(runs.language))
    held["state_dict"]["output.bias"] = 1000 * torch.eye(1, len(held["state_dict"]["output.bias"]))[0]
    checkpoint.save(held, tmp_path / "sure.ckpt")
    assert main(["evaluate", str(tmp_path / "sure.ckpt"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert said["perplexity"] is None
    assert said["nats_per_token"] > 709
    assert main(["evaluate", str(tmp_path / "sure.ckpt")]) == 0
    assert "perplexity beyond 1e308\n" in capsys.readouterr().out


@pytest.mark.parametrize("window", [1, 8])
def test_a_window_starts_from_nothing(runs: Runs, capsys: pytest.CaptureFixture[str], window: int) -> None:
    text = (runs.corpus / "text" / "test.txt").read_text(encoding="utf-8")
    measured = load_text_generator(runs.language).measure(text, window)
    said = evaluated(capsys, runs.language, "--window", window)
    assert said["nats_per_token"] == pytest.approx(measured.nats / measured.tokens)


def test_a_model_whose_state_grows_is_scored_in_windows(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = LANGUAGE.replace("size: 16, depth: 2", "size: 16, depth: 1, layer: CausalAttention")
    (tmp_path / "corpus").symlink_to(runs.corpus)
    run = fit(tmp_path, "attention", text, "--trainer.max_steps", "2")
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 1
    assert "state grows with the text: give --window" in capsys.readouterr().err
    assert evaluated(capsys, run, "--window", 16)["nats_per_token"] > 0


def test_a_window_as_long_as_the_text_is_the_whole_text(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    whole, one = (evaluated(capsys, runs.language, *window) for window in ([], ["--window", 100_000]))
    assert whole == one


def test_a_translators_scores_are_sacrebleus(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    sources, references = (lines_of(runs.corpus / f"test.{side}") for side in "ab")
    said = load_translation(runs.checkpoints[0])(sources, SearchOptions(beams=2))  # which learned little yet
    found = evaluated(capsys, runs.checkpoints[0], "--beams", 2)
    assert found["BLEU"]["score"] == sacrebleu.corpus_bleu(said, [references]).score
    assert found["chrF"]["score"] == sacrebleu.corpus_chrf(said, [references]).score
    assert found["TER"]["score"] == sacrebleu.corpus_ter(said, [references], case_sensitive=True).score
    assert found["exact match"]["score"] == 100 * sum(map(str.__eq__, said, references)) / len(said) < 100
    assert all(f"version:{sacrebleu.__version__}" in found[name]["signature"] for name in ("BLEU", "chrF", "TER"))


def test_a_file_of_translations_has_the_scores_of_the_model(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, reference = runs.corpus / "test.a", runs.corpus / "test.b"
    out = tmp_path / "out.txt"
    assert main(["translate", str(runs.checkpoints[0]), "--input", str(source), "--output", str(out)]) == 0
    by_file = evaluated(capsys, "--translations", out, "--reference", reference)
    assert by_file == evaluated(capsys, runs.checkpoints[0])
    assert by_file == evaluated(capsys, runs.checkpoints[0], "--source", source, "--reference", reference)


def test_case_is_looked_at_unless_told_otherwise(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t").write_text(LETTERED + "\n")
    (tmp_path / "r").write_text(LETTERED.lower() + "\n")
    files = ("--translations", tmp_path / "t", "--reference", tmp_path / "r")
    cased, lowercased = evaluated(capsys, *files), evaluated(capsys, *files, "--lowercase")
    for name, perfect in (("BLEU", 100), ("chrF", 100), ("TER", 0), ("exact match", 100)):
        assert abs(cased[name]["score"] - perfect) > 10
        assert lowercased[name]["score"] == pytest.approx(perfect)
        assert "case:mixed" in cased[name]["signature"]
        assert "case:lc" in lowercased[name]["signature"]


def test_translations_are_scored_without_torch(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(LETTERED + "\n")
    for name in ("torch", "pytorch_lightning"):  # which cannot be imported here
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('it must not be imported')")
    said = shell("evaluate", "--translations", tmp_path / "t", "--reference", tmp_path / "t", PYTHONPATH=str(tmp_path))
    assert said.stderr == b""
    assert said.stdout.startswith(b"BLEU         100.00   nrefs:1")


def test_people_read_a_table(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    said = evaluated(capsys, runs.language)
    assert main(["evaluate", str(runs.language)]) == 0
    table = capsys.readouterr().out
    for unit in ("token", "character", "byte"):
        assert f"{unit:<10} {said[f'nats_per_{unit}']:>9.4f} {said[f'bits_per_{unit}']:>9.4f}\n" in table
    assert f"perplexity {said['perplexity']:.4f}" in table


@pytest.mark.parametrize("examples", [0, 1, 3, 1000])
def test_examples_stand_beside_their_references(runs: Runs, capsys: pytest.CaptureFixture[str], examples: int) -> None:
    capsys.readouterr()
    assert main(["evaluate", str(runs.translator), "--beams", "1", "--examples", str(examples)]) == 0
    said = capsys.readouterr().out
    sources, references = (lines_of(runs.corpus / f"test.{side}") for side in "ab")
    shown = [line.removeprefix("  source     ") for line in said.splitlines() if line.startswith("  source ")]
    assert len(shown) == min(examples, len(sources))
    for source in shown:
        assert f"  reference  {references[sources.index(source)]}\n" in said


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (None, [], "a checkpoint is needed, or --translations with --reference"),
        (None, ["--translations", "t"], "with --reference"),
        (None, ["--translations", "nowhere", "--reference", "r"], "there is no file nowhere"),
        ("translator", ["--translations", "t", "--reference", "r"], "without a checkpoint"),
        (None, ["--translations", "t", "--reference", "r", "--beams", "2"], "translations is scored without --beams"),
        ("language", ["--text", "t", "--split", "s"], "--text names a file and --split a part of a corpus"),
        ("translator", ["--source", "s", "--corpus", "c"], "--source names a file and --corpus a part of a corpus"),
        ("translator", ["--examples", "2", "--json"], "--json has no --examples"),
        ("language", ["--lowercase"], "a language model is scored without --lowercase"),
        ("language", ["--beams", "2"], "a language model is scored without --beams"),
        ("language", ["--window", "100000000000000000000"], "window must be at least 1 and at most 2,147,483,647"),
        ("translator", ["--source", "s"], "--source and --reference go together"),
        ("translator", ["--window", "5"], "a translator is scored without --window"),
        ("translator", ["--split", "tset"], "has no split 'tset'"),
        ("language", ["--split", "tset"], "has no split 'tset'"),
        ("translator", ["--beams", "0"], "beams must be at least 1 and at most 10,000, and 0 was given"),
        ("language", ["--source", "s", "--reference", "r"], "a language model is scored without --reference"),
        ("language", ["--window", "0"], "window must be at least 1"),
        ("language", ["--text", "nowhere"], "there is no file nowhere"),
        ("language", ["--text", "/dev/null"], "/dev/null is empty, so there is nothing to score"),
    ],
)
def test_mistakes_are_said(
    runs: Runs, capsys: pytest.CaptureFixture[str], kind: str | None, options: list[str], message: str
) -> None:
    assert main(["evaluate", *([str(getattr(runs, kind))] if kind else []), *options]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert said.err.count("\n") == 1


def test_files_of_unequal_length_are_said(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "two").write_text("one\ntwo\n")
    (tmp_path / "three").write_text("one\ntwo\nthree\n")
    files = [str(tmp_path / "two"), "--reference", str(tmp_path / "three")]
    assert main(["evaluate", str(runs.translator), "--source", *files]) == 1
    assert "has 2 lines and" in capsys.readouterr().err
    assert main(["evaluate", "--translations", *files]) == 1
    assert "not 3 for 2 lines" in capsys.readouterr().err
