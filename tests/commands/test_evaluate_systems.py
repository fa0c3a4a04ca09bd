"""Tests of `seq2seq evaluate`: metrics by name, several references, intervals, and comparisons of systems."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from experiments import metrics as logged_metrics
from tiny_runs import TRANSLATOR, Runs, fit

from seq2seq import checkpoint
from seq2seq.__main__ import main
from seq2seq.checkpoint import find_checkpoint
from seq2seq.data.vocabulary import find_data_state
from seq2seq.metrics import Metrics
from seq2seq.metrics.bootstrap import compare_lines
from seq2seq.tasks.evaluation import EvaluationOptions
from seq2seq.tasks.translation import line_metrics

CHINESE = ["我们今天去北京看朋友。", "他昨天买了一本新书。", "天气很好，我们去公园吧。"]


def run_evaluate(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """Return the JSON output of the command."""
    capsys.readouterr()
    assert main(["evaluate", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_chinese_scored_against_itself_is_perfect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "zh.txt", CHINESE)
    scores = run_evaluate(capsys, "--translations", path, "--reference", path)
    assert scores["BLEU"]["score"] == pytest.approx(100)
    assert "|tok:zh|" in scores["BLEU"]["signature"]
    scores = run_evaluate(capsys, "--translations", path, "--reference", path, "--tokenize", "13a")
    assert scores["BLEU"]["score"] == 0
    assert "|tok:13a|" in scores["BLEU"]["signature"]


def test_metrics_are_chosen_by_name(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(run_evaluate(capsys, runs.translator)) == ["BLEU", "chrF", "TER", "accuracy", "WER", "CER"]
    scores = run_evaluate(capsys, runs.translator, "--metrics", "ser", "per", "wer")
    assert list(scores) == ["SER", "PER", "WER"]
    assert scores["PER"]["score"] == scores["WER"]["score"]  # the tokens are words


def test_several_references_of_each_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = write(tmp_path / "lines", ["one two three four", "five six seven eight"])
    first = write(tmp_path / "first", ["one two three four", "x"])
    second = write(tmp_path / "second", ["y", "five six seven eight"])
    scores = run_evaluate(capsys, "--translations", lines, "--reference", first, second)
    assert scores["BLEU"]["score"] == pytest.approx(100)
    assert scores["accuracy"] == {"score": 100, "signature": "nrefs:2|case:mixed|unit:lines"}
    assert run_evaluate(capsys, "--translations", lines, "--reference", first)["accuracy"]["score"] == 50


def test_references_of_a_model_may_be_several(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, reference = runs.corpus / "test.a", runs.corpus / "test.b"
    wrong = write(tmp_path / "wrong", ["nothing"] * 20)
    model = (runs.checkpoints[0], "--source", source, "--metrics", "accuracy", "wer", "--reference")
    assert run_evaluate(capsys, *model, wrong, reference)["WER"]["score"] == pytest.approx(
        run_evaluate(capsys, *model, reference)["WER"]["score"]
    )


def test_bootstrap_gives_the_interval_of_one_system(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    model = (runs.checkpoints[0], "--metrics", "bleu", "accuracy")
    plain = run_evaluate(capsys, *model)
    scores = run_evaluate(capsys, *model, "--bootstrap", 200)
    for name in ("BLEU", "accuracy"):
        assert scores[name]["score"] == pytest.approx(plain[name]["score"])
        assert scores[name]["half_width"] > 0
        assert "|bs:200|seed:12345|" in scores[name]["signature"] + "|"
    assert main(["evaluate", *map(str, model), "--bootstrap", "200"]) == 0
    expected = (
        f"accuracy   {scores['accuracy']['score']:6.2f} ± {scores['accuracy']['half_width']:.2f}   nrefs:1|bs:200"
    )
    assert expected in capsys.readouterr().out


def test_files_of_translations_are_compared_with_the_first(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    references = (runs.corpus / "test.b").read_text(encoding="utf-8").splitlines()
    systems = {
        "bad": [line.replace("one", "two") for line in references],
        "good": references,
        "copy": [line.replace("one", "two") for line in references],
    }
    files = [write(tmp_path / name, lines) for name, lines in systems.items()]
    arguments = ("--translations", *files, "--reference", runs.corpus / "test.b", "--metrics", "wer", "accuracy")
    found = run_evaluate(capsys, *arguments)
    by_path = {str(tmp_path / name): lines for name, lines in systems.items()}
    for comparison in compare_lines(by_path, references, Metrics(("wer", "accuracy"))):
        for system, estimate in comparison.estimates.items():
            assert found[comparison.name]["systems"][system] == estimate._asdict()
    better, chance = found["conclusions"]
    assert better.startswith(f"{tmp_path / 'good'} is better than {tmp_path / 'bad'} by WER (-")
    assert chance.startswith(f"{tmp_path / 'copy'} is not shown to differ from {tmp_path / 'bad'}")
    assert main(["evaluate", *map(str, arguments)]) == 0
    output = capsys.readouterr().out
    assert output.endswith("\n\n" + better + "\n" + chance + "\n")
    assert f"\n  {tmp_path / 'good'}  " in output
    assert "   p = 0.0" in output


def test_models_are_compared_on_the_same_lines(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    early, late = runs.checkpoints[0], runs.checkpoints[-1]
    found = run_evaluate(capsys, late, "--against", early, "--metrics", "accuracy")["accuracy"]["systems"]
    for path in (early, late):
        single = run_evaluate(capsys, path, "--metrics", "accuracy")["accuracy"]["score"]
        assert found[str(path)]["score"] == pytest.approx(single)
    assert found[str(late)]["p_value"] is None
    assert 0 < found[str(early)]["p_value"] <= 1


@pytest.mark.parametrize("by", ["length", "unknown", "frequency"])
def test_scores_by_parts_of_the_test_set(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], by: str
) -> None:
    picture = tmp_path / "by.png"
    arguments = (runs.checkpoints[0], "--metrics", "wer", "accuracy", "--by", by, "--picture", picture)
    table = run_evaluate(capsys, *arguments)["by"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    counts = [row[0] for row in table["rows"].values()]
    if by == "frequency":
        assert table["columns"] == ["words", "precision", "recall", "F1"]
        words = (runs.corpus / "test.b").read_text(encoding="utf-8").split()
        assert counts == [len(words)]  # each of the six words is frequent in training
        assert list(table["rows"]) == ["100-999"]
    else:
        assert table["columns"] == ["lines", "WER", "accuracy"]
        assert sum(counts) == 20
        assert list(table["rows"]) == (["1", "2", "3", "4"] if by == "length" else ["0"])
    assert main(["evaluate", *map(str, arguments)]) == 0
    output = capsys.readouterr().out
    assert f"\n\n{table['title']}\n" in output
    assert all(f"\n{part:>{len(table['part'])}}{row[0]:>11}" in output for part, row in table["rows"].items())


def test_unknown_words_are_counted_where_no_token_is_unknown(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "corpus").symlink_to(runs.corpus)
    run = fit(tmp_path, "bytes", TRANSLATOR.replace("tokenizer: Words", "tokenizer: Bytes"), "--trainer.max_steps=1")
    source = write(tmp_path / "s", ["one seven eight", "two", "nine"])
    files = ("--source", source, "--reference", source, "--metrics", "wer", "--max-length", 5, "--by", "unknown")
    table = run_evaluate(capsys, run, *files)["by"]
    assert table["title"] == "by words of the source that training lacks"
    assert {part: row[0] for part, row in table["rows"].items()} == {"0": 1, "1": 1, "2": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["RUN", "--metrics", "meteor"], "a metric must be one of bleu, chrf, ter, accuracy, ser, wer, cer, per"),
        (["RUN", "--tokenize", "words"], "tokenize must be "),
        (["RUN", "--picture", "x.png"], "--picture draws the table of --by: give both"),
        (["RUN", "--by", "colour"], "by must be "),
        (["--translations", "FILE", "--reference", "FILE", "--by", "length"], "--by does not apply to a file"),
        (["RUN", "--bootstrap", "0"], "bootstrap must be at least 1"),
        (["RUN", "--against", "RUN"], "each system must be given once, and RUN was given twice"),
        (["RUN", "--against", "LANGUAGE"], "LANGUAGE is a language model and cannot be compared with a translator"),
        (["LANGUAGE", "--metrics", "wer"], "--metrics does not apply to a language model"),
        (["--translations", "FILE", "FILE", "--reference", "FILE"], "each system must be given once, and FILE was"),
        (["--translations", "FILE", "--reference", "FILE", "--against", "RUN"], "--against does not apply to a file"),
    ],
)
def test_errors_are_one_line(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    names = {"RUN": runs.translator, "LANGUAGE": runs.language, "FILE": write(tmp_path / "f", ["one"])}

    def fill(text: str) -> str:
        for name, path in names.items():
            text = text.replace(name, str(path))
        return text

    capsys.readouterr()
    assert main(["evaluate", *map(fill, options)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert fill(message) in captured.err
    assert captured.err.count("\n") == 1


def test_training_fixes_the_tokenizer_of_bleu_and_logs_the_metrics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is chosen by the training targets, also where the references are of another script."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for split in ("train", "validation", "test"):
        write(corpus / f"{split}.a", ["a", "b", "c"])
        write(corpus / f"{split}.b", CHINESE)
    callback = "{class_path: TranslationMetrics, init_args: {metrics: [accuracy, bleu, cer, ser]}}"
    config = TRANSLATOR.replace("devices: 1", f"devices: 1, callbacks: [{callback}]").replace(
        "checkpoint: {save_top_k: 3}", "checkpoint: {monitor: val_accuracy, mode: max}"
    )
    run = fit(tmp_path, "chinese", config.replace("tokenizer: Words", "tokenizer: Characters"))
    assert find_data_state(checkpoint.load(find_checkpoint(run)))["corpus"]["target_script"] == "Hani"
    last = [row for row in logged_metrics(run) if "val_accuracy" in row][-1]
    scores = run_evaluate(capsys, run, "--search", "greedy", "--metrics", "bleu", "accuracy", "cer", "ser")
    assert "|tok:zh|" in scores["BLEU"]["signature"]
    assert last["val_bleu"] == pytest.approx(100)  # it learned the three lines by heart
    for name, title in (("val_accuracy", "accuracy"), ("val_bleu", "BLEU"), ("val_cer", "CER"), ("val_ser", "SER")):
        assert last[name] == pytest.approx(scores[title]["score"])
    files = ("--source", write(tmp_path / "s", ["a"]), "--reference", write(tmp_path / "r", ["all in Latin letters"]))
    assert "|tok:zh|" in run_evaluate(capsys, run, *files)["BLEU"]["signature"]
    assert "|tok:13a|" in run_evaluate(capsys, run, *files, "--tokenize", "13a")["BLEU"]["signature"]


@pytest.mark.parametrize(
    ("corpus", "expected"), [({"target_script": None}, "13a"), ({"target_script": "Thai"}, "char"), ({}, None)]
)
def test_targets_without_letters_fix_the_tokenizer_too(corpus: dict[str, Any], expected: str | None) -> None:
    target = SimpleNamespace(pieces=str.split)
    pipeline: Any = SimpleNamespace(corpus=corpus, vocabularies=SimpleNamespace(target=target))
    assert line_metrics(pipeline, EvaluationOptions()).tokenize == expected
