"""Laws of `seq2seq sample`."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import Runs

from seq2seq import Sampling
from seq2seq.__main__ import main
from seq2seq.commands import sample as module
from seq2seq.inference import TextGenerator, load_text_generator


def sampled(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert main(["sample", *map(str, arguments)]) == 0
    said = capsys.readouterr()
    assert all(" not in the vocabulary and " in line for line in said.err.splitlines())
    return said.out


def test_the_prompt_and_its_continuation_are_written(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    said = sampled(capsys, runs.language, "--prompt", "one ", "--length", 30, "--temperature", 0)
    assert said == load_text_generator(runs.language).complete("one ", 30, Sampling(temperature=0)) + "\n"
    assert len(said) == len("one ") + 30 + 1


def test_the_same_seed_writes_the_same_text(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    one, again, other = (sampled(capsys, runs.language, "--length", 60, "--seed", seed) for seed in (1, 1, 2))
    assert one == again != other


def test_it_is_written_as_it_is_generated(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After every token, what was written so far has been shown."""
    write = TextGenerator.write

    def watched(*options: Any) -> Iterator[list[str]]:
        for pieces in write(*options):
            seen.append(capsys.readouterr().out)
            yield pieces

    seen: list[str] = []
    monkeypatch.setattr(TextGenerator, "write", watched)
    assert main(["sample", str(runs.language), "--prompt", "one", "--length", "20"]) == 0
    assert seen[0] == "one"
    assert [len(piece) for piece in seen[1:-1]] == [1] * 19


def test_several_texts_are_written_in_order(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 10)  # so that the waiting texts are in files
    (tmp_path / "prompts.txt").write_text("one fünf\n\nsix", encoding="utf-8")
    prompts = ["one fünf", "", "six"]
    arguments = ("--length", 25, "--temperature", 0)
    together = sampled(capsys, runs.language, "--prompts", tmp_path / "prompts.txt", *arguments)
    alone = []
    for prompt in prompts:
        (tmp_path / "prompt.txt").write_text(f"{prompt}\n", encoding="utf-8")  # an empty --prompt counts as none
        text = sampled(capsys, runs.language, "--prompts", tmp_path / "prompt.txt", *arguments)
        alone.append(text.removesuffix("\n"))
    assert together == "\n\n".join(alone) + "\n"


def test_count_writes_other_texts(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    said = sampled(capsys, runs.language, "--prompt", "ONE", "--length", 40, "--count", 3)
    texts = said.removesuffix("\n").split("\n\nONE")
    assert len(texts) == len(set(texts)) == 3


def test_the_likeliest_alone_are_drawn_from(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    by_cold = sampled(capsys, runs.language, "--length", 40, "--temperature", 0)
    for one in (("--top-k", 1), ("--top-p", 1e-6), ("--min-p", 1)):
        assert sampled(capsys, runs.language, "--length", 40, *one) == by_cold


def test_a_prompt_is_taken_literally(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    for prompt in ("null", "1", "- a: [b", "{}", '"quoted"', "日本 ✓", "a_b-c", " two  spaces ", "tab\t"):
        assert sampled(capsys, runs.language, "--prompt", prompt, "--length", 3).startswith(prompt)
    assert sampled(capsys, runs.language, "--prompt=--top-k", "--length", 3).startswith("--top-k")


def test_prompts_come_from_standard_input(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo\n")))
    said = sampled(capsys, runs.language, "--prompts", "-", "--length", 5)
    assert said.startswith("one")
    assert "\n\ntwo" in said


def test_without_any_prompt_there_is_nothing_to_go_on_with(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert main(["sample", str(runs.language), "--prompts", "-"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "seq2seq: standard input is empty, so there is no prompt to go on with\n"


def test_what_of_a_prompt_is_unknown_is_said_once(
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


def test_bytes_of_a_prompt_that_are_no_text_are_said(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), errors="surrogateescape"))
    prompt = b"one \xff\xe9".decode("utf-8", "surrogateescape")
    assert main(["sample", str(runs.language), "--prompt", prompt, "--length", "3"]) == 0
    assert capsys.readouterr().err.endswith("2 bytes of the prompt are no UTF-8 and each is read as U+FFFD\n")


def test_many_texts_are_generated_some_at_a_time(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of them differ, and the first ones are what they are if all are generated together."""
    arguments = (runs.language, "--prompt", "ONE", "--length", 30, "--count")
    together = sampled(capsys, *arguments, 3).removesuffix("\n").split("\n\nONE")
    monkeypatch.setattr(module, "TOGETHER", 3)
    texts = sampled(capsys, *arguments, 8).removesuffix("\n").split("\n\nONE")
    assert len(texts) == len(set(texts)) == 8
    assert texts[:3] == together


def test_a_prompt_that_is_no_text_comes_out_as_it_went_in(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the terminal is not one of UTF-8."""
    terminal = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(terminal, encoding="ascii"))
    prompt = "ü".encode() + b"\xff\xe9 f"  # as the shell gives it to Python
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
        (["--prompts", "/dev/null"], "/dev/null is empty, so there is no prompt to go on with"),
        (["--prompts", "p", "--prompt", "q"], "there is no place for --prompt"),
        (["--temperature", "-1"], "temperature must be at least 0 and finite, and -1.0 was given"),
        (["--top-p", "0"], "top_p must be above 0"),
        (["--prompts", "nowhere.txt"], "there is no file nowhere.txt"),
    ],
)
def test_mistakes_are_said(runs: Runs, capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    assert main(["sample", str(runs.language), *options]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert said.err.count("\n") == 1
