"""Tests of `seq2seq sample`."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import Runs

from seq2seq import Sampling
from seq2seq.__main__ import main
from seq2seq.commands import sample as module
from seq2seq.inference import TextGenerator
from seq2seq.tasks import load_text_generator


def run_sample(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main(["sample", *map(str, arguments)]) == 0
    captured = capsys.readouterr()
    assert all(" not in the vocabulary and " in line for line in captured.err.splitlines())
    return captured.out


def test_prompt_and_continuation_are_written(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    text = run_sample(capsys, runs.language, "--prompt", "one ", "--length", 30, "--temperature", 0)
    assert text == load_text_generator(runs.language).complete("one ", 30, Sampling(temperature=0)) + "\n"
    assert len(text) == len("one ") + 30 + 1


def test_same_seed_gives_same_text(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    one, again, other = (run_sample(capsys, runs.language, "--length", 60, "--seed", seed) for seed in (1, 1, 2))
    assert one == again != other


def test_text_is_written_as_it_is_generated(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output contains each token as soon as it is generated."""
    write = TextGenerator.generate

    def recording_generate(*options: Any) -> Iterator[list[str]]:
        for pieces in write(*options):
            outputs.append(capsys.readouterr().out)
            yield pieces

    outputs: list[str] = []
    monkeypatch.setattr(TextGenerator, "generate", recording_generate)
    assert main(["sample", str(runs.language), "--prompt", "one", "--length", "20"]) == 0
    assert outputs[0] == "one"
    assert [len(piece) for piece in outputs[1:-1]] == [1] * 19


def test_several_texts_are_written_in_order(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "SPOOL_CHARACTERS", 10)  # so that the waiting texts are in files
    (tmp_path / "prompts.txt").write_text("one fünf\n\nsix", encoding="utf-8")
    prompts = ["one fünf", "", "six"]
    arguments = ("--length", 25, "--temperature", 0)
    together = run_sample(capsys, runs.language, "--prompts", tmp_path / "prompts.txt", *arguments)
    alone = []
    for prompt in prompts:
        (tmp_path / "prompt.txt").write_text(f"{prompt}\n", encoding="utf-8")  # an empty --prompt counts as none
        text = run_sample(capsys, runs.language, "--prompts", tmp_path / "prompt.txt", *arguments)
        alone.append(text.removesuffix("\n"))
    assert together == "\n\n".join(alone) + "\n"


def test_count_gives_different_texts(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    text = run_sample(capsys, runs.language, "--prompt", "ONE", "--length", 40, "--count", 3)
    texts = text.removesuffix("\n").split("\n\nONE")
    assert len(texts) == len(set(texts)) == 3


def test_top_k_top_p_and_min_p_can_select_the_most_likely_token(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    greedy = run_sample(capsys, runs.language, "--length", 40, "--temperature", 0)
    for one in (("--top-k", 1), ("--top-p", 1e-6), ("--min-p", 1)):
        assert run_sample(capsys, runs.language, "--length", 40, *one) == greedy


def test_prompt_is_literal(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    for prompt in ("null", "1", "- a: [b", "{}", '"quoted"', "日本 ✓", "a_b-c", " two  spaces ", "tab\t"):
        assert run_sample(capsys, runs.language, "--prompt", prompt, "--length", 3).startswith(prompt)
    assert run_sample(capsys, runs.language, "--prompt=--top-k", "--length", 3).startswith("--top-k")


def test_prompts_come_from_standard_input(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo\n")))
    text = run_sample(capsys, runs.language, "--prompts", "-", "--length", 5)
    assert text.startswith("one")
    assert "\n\ntwo" in text


def test_no_prompt_is_an_error(runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert main(["sample", str(runs.language), "--prompts", "-"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "seq2seq: standard input is empty, so there is no prompt to continue\n"


def test_unknown_tokens_of_prompts_are_reported_once(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sample", str(runs.language), "--prompt", "one Ω", "--length", "3", "--count", "3"]) == 0
    assert capsys.readouterr().err == (
        "prompt: 1 of 5 tokens (20.00 %) is not in the vocabulary and is read as <unk>\n"
    )
    (tmp_path / "prompts").write_text("one Ω\nΩ\ntwo\n", encoding="utf-8")
    assert main(["sample", str(runs.language), "--prompts", str(tmp_path / "prompts"), "--length", "3"]) == 0
    assert capsys.readouterr().err == (
        "prompts: 2 of 9 tokens (22.22 %) are not in the vocabulary and are read as <unk>\n"
    )


def test_invalid_utf_8_in_a_prompt_is_reported(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), errors="surrogateescape"))
    prompt = b"one \xff\xe9".decode("utf-8", "surrogateescape")
    assert main(["sample", str(runs.language), "--prompt", prompt, "--length", "3"]) == 0
    assert capsys.readouterr().err.endswith("2 bytes of the prompt are not UTF-8 and each is read as U+FFFD\n")


def test_many_texts_are_generated_in_batches(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of them differ, and those of the first batch equal the texts without batches."""
    arguments = (runs.language, "--prompt", "ONE", "--length", 30, "--count")
    together = run_sample(capsys, *arguments, 3).removesuffix("\n").split("\n\nONE")
    monkeypatch.setattr(module, "BATCH_TEXTS", 3)
    texts = run_sample(capsys, *arguments, 8).removesuffix("\n").split("\n\nONE")
    assert len(texts) == len(set(texts)) == 8
    assert texts[:3] == together


def test_invalid_utf_8_in_a_prompt_is_written_unchanged(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the terminal does not use UTF-8."""
    terminal = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(terminal, encoding="ascii"))
    prompt = "ü".encode() + b"\xff\xe9 f"  # invalid UTF-8 from the shell
    assert main(["sample", str(runs.language), "--prompt", prompt.decode("utf-8", "surrogateescape")]) == 0
    assert terminal.getvalue().startswith(prompt)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--length", "0"], "length must be at least 1"),
        (["--length", "3000000000"], "length must be at least 1 and at most 2,147,483,647"),
        (["--count", "0"], "count must be at least 1"),
        (["--seed", "-1"], "seed must be at least 0"),
        (["--seed", "18446744073709551616"], "seed must be at least 0 and at most 4,294,967,295"),
        (["--prompts", "/dev/null"], "/dev/null is empty, so there is no prompt to continue"),
        (["--prompts", "p", "--prompt", "q"], "--prompt and --prompts cannot be combined"),
        (["--temperature", "-1"], "temperature must be at least 0 and finite, and -1.0 was given"),
        (["--top-p", "0"], "top_p must be above 0"),
        (["--prompts", "nowhere.txt"], "there is no file nowhere.txt"),
    ],
)
def test_errors_are_one_line_on_standard_error(
    runs: Runs, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["sample", str(runs.language), *options]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
