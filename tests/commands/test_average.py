"""Tests of `seq2seq average`."""

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_runs import LANGUAGE, Runs, fit
from torch import Tensor

from seq2seq import checkpoint
from seq2seq.__main__ import main
from seq2seq.commands.average import select_checkpoints
from seq2seq.data.output_lengths import OutputLengths
from seq2seq.inference.checkpoint import read_checkpoint
from seq2seq.tasks import load_translation


def test_weights_are_averaged(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mean.ckpt"
    assert main(["average", *map(str, runs.checkpoints), "--output", str(out)]) == 0
    mean, parts = read_checkpoint(out)["state_dict"], [read_checkpoint(path)["state_dict"] for path in runs.checkpoints]
    assert any(not torch.equal(parts[0][name], parts[1][name]) for name in mean)
    for name, weight in mean.items():
        expected = torch.stack([part[name] for part in parts]).mean(dim=0)
        torch.testing.assert_close(weight, expected, atol=1e-6, rtol=1e-5)
        assert weight.dtype == parts[0][name].dtype


def test_average_loads_and_translates(runs: Runs, tmp_path: Path) -> None:
    out = tmp_path / "mean.ckpt"
    assert main(["average", str(runs.translator), "--output", str(out), "--of", "last", "--count", "2"]) == 0
    assert load_translation(out)(["six", "one two"]) == ["six", "two one"]
    assert load_translation(out, runs.translator)(["six"]) == ["six"]
    assert "optimizer_states" not in read_checkpoint(out)


def test_average_can_be_evaluated_like_a_run(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The average still contains the path of its corpus."""
    out = tmp_path / "mean.ckpt"
    assert main(["average", *map(str, runs.checkpoints[1:]), "--output", str(out)]) == 0
    assert main(["evaluate", str(out), "--json"]) == 0
    assert '"BLEU"' in capsys.readouterr().out


def test_average_of_two_equal_checkpoints_is_unchanged(runs: Runs, tmp_path: Path) -> None:
    one = runs.checkpoints[-1]
    copied = shutil.copyfile(one, tmp_path / "copy.ckpt")
    assert main(["average", str(one), str(copied), "--output", str(tmp_path / "same.ckpt")]) == 0
    for name, weight in read_checkpoint(tmp_path / "same.ckpt")["state_dict"].items():
        assert torch.equal(weight, read_checkpoint(one)["state_dict"][name])


def test_last_checkpoints_are_the_newest(runs: Runs) -> None:
    newest_first = runs.checkpoints[::-1]
    assert select_checkpoints(runs.translator, "last", 5) == newest_first
    assert select_checkpoints(runs.translator, "last", 2) == newest_first[:2]


@pytest.mark.parametrize("highest", [False, True])
def test_best_checkpoints_have_the_best_scores(runs: Runs, tmp_path: Path, highest: bool) -> None:
    """For a loss and for BLEU, and for a run whose folder was moved."""
    shutil.copytree(runs.translator, tmp_path / "moved")
    last = tmp_path / "moved" / "checkpoints" / "last.ckpt"
    contents = torch.load(last, weights_only=True)
    monitor = next(state for state in contents["callbacks"].values() if "best_k_models" in state)
    scores = {path: torch.tensor(float(score)) for score, path in zip((2, 1, 3), monitor["best_k_models"], strict=True)}
    monitor["best_k_models"] = scores
    monitor["best_model_score"] = torch.tensor(3.0 if highest else 1.0)
    checkpoint.save(contents, last)
    expected = [Path(path).name for path in sorted(scores, key=scores.__getitem__, reverse=highest)]
    assert [path.name for path in select_checkpoints(tmp_path / "moved", "best", 5)] == expected
    assert [path.name for path in select_checkpoints(tmp_path / "moved", "best", 2)] == expected[:2]


def test_first_of_the_best_checkpoints_is_best_ckpt(runs: Runs) -> None:
    (best, *_) = select_checkpoints(runs.translator, "best", 3)
    assert best.samefile(runs.translator / "checkpoints" / "best.ckpt")


def test_errors_are_one_line_on_standard_error(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = read_checkpoint(runs.checkpoints[0])
    other["model"]["init_args"]["size"] = 64
    checkpoint.save(other, tmp_path / "other.ckpt")
    first = str(runs.checkpoints[0])
    wrong = (
        ([first], "needs at least 2 checkpoints, and 1 was found"),
        ([str(runs.language)], "train with --checkpoint.save_top_k to keep several"),
        ([str(runs.translator), "--count", "1"], "count must be at least 2 and at most 2,147,483,647, and 1 was given"),
        ([first, str(tmp_path / "other.ckpt")], "model options differ (size)"),
        ([str(runs.translator), str(runs.language)], "model options differ (class)"),
        ([first, "nowhere.ckpt"], "there is no checkpoint at nowhere.ckpt"),
        ([str(tmp_path)], "there is no checkpoint at"),
        ([first, first], f"cannot average {first} with {first}: they are the same file"),
        ([str(runs.translator), str(runs.translator / "checkpoints" / "best.ckpt")], "they are the same file"),
        ([*map(str, runs.checkpoints), "--of", "best"], "--of chooses among the checkpoints of one run"),
        ([*map(str, runs.checkpoints), "--count", "3"], "--count chooses among the checkpoints of one run"),
    )
    for arguments, message in wrong:
        assert main(["average", *arguments, "--output", str(tmp_path / "out.ckpt")]) == 1
        captured = capsys.readouterr()
        assert message in captured.err
        assert captured.err.count("\n") == 1
        assert not (tmp_path / "out.ckpt").exists()


WRONG_WEIGHTS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "NaN": (lambda weight: torch.full_like(weight, math.nan), "contains NaN or infinity"),
    "infinite": (lambda weight: torch.full_like(weight, -math.inf), "contains NaN or infinity"),
    "other shape": (lambda weight: weight[:-1].clone(), "wrong.ckpt"),
    "other type": (lambda weight: weight.double(), "wrong.ckpt"),
}


@pytest.mark.parametrize(
    ("command", "wrong"),
    # weights of another type can still be quantized
    [*(("average", wrong) for wrong in WRONG_WEIGHTS), *(("quantize", wrong) for wrong in list(WRONG_WEIGHTS)[:3])],
)
def test_invalid_weights_are_neither_averaged_nor_quantized(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, wrong: str
) -> None:
    change, message = WRONG_WEIGHTS[wrong]
    contents = read_checkpoint(runs.checkpoints[0])
    name = next(name for name, weight in contents["state_dict"].items() if weight.ndim == 2)
    contents["state_dict"][name] = change(contents["state_dict"][name])
    checkpoint.save(contents, tmp_path / "wrong.ckpt")
    models = [str(runs.checkpoints[1])] if command == "average" else []
    assert main([command, *models, str(tmp_path / "wrong.ckpt"), "--output", str(tmp_path / "out.ckpt")]) == 1
    error_output = capsys.readouterr().err
    assert "wrong.ckpt" in error_output
    assert message in error_output
    assert error_output.count("\n") == 1
    assert not (tmp_path / "out.ckpt").exists()


def test_average_allows_the_longest_output_of_its_checkpoints(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Checkpoints of one model may come from corpora with targets of other lengths."""
    other, out = tmp_path / "other.ckpt", tmp_path / "mean.ckpt"
    contents = checkpoint.load(runs.checkpoints[0])
    longer = {"sources": [2], "targets": [40], "longest_source": 30, "ratio": [40, 2]}
    contents["TranslationData"]["output_lengths"] = longer
    checkpoint.save(contents, other)
    for paths in ([runs.checkpoints[0], other], [other, runs.checkpoints[0]]):
        assert main(["average", *map(str, paths), "--output", str(out)]) == 0
        parts = [load_translation(path).output_lengths[0] for path in (*paths, out)]
        assert parts[2].limits([2, 30, 31]) == [70, 70, 940]
        assert parts[2] == OutputLengths.merge(parts[:2])
    contents["TranslationData"]["output_lengths"] = {**longer, "ratio": [40, 0]}
    checkpoint.save(contents, other)
    capsys.readouterr()
    assert main(["average", str(runs.checkpoints[0]), str(other), "--output", str(out)]) == 1
    assert re.fullmatch(
        r"seq2seq: (.*other\.ckpt cannot be used|cannot average .*other\.ckpt): output_lengths\.ratio must be .*\n",
        capsys.readouterr().err,
    )


@pytest.mark.parametrize("of", ["best", "last"])
def test_checkpoints_in_folders_are_averaged(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], of: str
) -> None:
    nested = ("--checkpoint.filename", "sub/x-{step}", "--checkpoint.save_top_k", "2")
    steps = ("--trainer.max_steps", "2", "--trainer.val_check_interval", "1")
    (tmp_path / "corpus").symlink_to(runs.corpus)
    run = fit(tmp_path, "nested", LANGUAGE.replace("max_steps: 40, val_check_interval: 40, ", ""), *nested, *steps)
    run = run.rename(tmp_path / "moved")
    out = tmp_path / "mean.ckpt"
    assert main(["average", str(run), "--output", str(out), "--of", of]) == 0
    assert capsys.readouterr().out.count(f"{run / 'checkpoints' / 'sub'}/x-step=") == 2
