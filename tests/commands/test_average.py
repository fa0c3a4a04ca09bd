"""Laws of `seq2seq average`."""

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_runs import Runs
from torch import Tensor

from seq2seq import checkpoint
from seq2seq.__main__ import main
from seq2seq.commands.average import kept
from seq2seq.data.output_lengths import OutputLengths
from seq2seq.inference import load_translation
from seq2seq.inference.checkpoint import read


def test_weights_are_the_mean(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mean.ckpt"
    assert main(["average", *map(str, runs.checkpoints), "--output", str(out)]) == 0
    mean, parts = read(out)["state_dict"], [read(path)["state_dict"] for path in runs.checkpoints]
    assert any(not torch.equal(parts[0][name], parts[1][name]) for name in mean)
    for name, weight in mean.items():
        expected = torch.stack([part[name] for part in parts]).mean(dim=0)
        torch.testing.assert_close(weight, expected, atol=1e-6, rtol=1e-5)
        assert weight.dtype == parts[0][name].dtype


def test_a_mean_loads_and_translates(runs: Runs, tmp_path: Path) -> None:
    out = tmp_path / "mean.ckpt"
    assert main(["average", str(runs.translator), "--output", str(out), "--of", "last", "--count", "2"]) == 0
    assert load_translation(out)(["six", "one two"]) == ["six", "two one"]
    assert load_translation(out, runs.translator)(["six"]) == ["six"]
    assert "optimizer_states" not in read(out)


def test_a_mean_can_be_evaluated_like_a_run(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It still knows where its corpus is."""
    out = tmp_path / "mean.ckpt"
    assert main(["average", *map(str, runs.checkpoints[1:]), "--output", str(out)]) == 0
    assert main(["evaluate", str(out), "--json"]) == 0
    assert '"BLEU"' in capsys.readouterr().out


def test_the_mean_of_one_twice_is_itself(runs: Runs, tmp_path: Path) -> None:
    one = runs.checkpoints[-1]
    assert main(["average", str(one), str(one), "--output", str(tmp_path / "same.ckpt")]) == 0
    for name, weight in read(tmp_path / "same.ckpt")["state_dict"].items():
        assert torch.equal(weight, read(one)["state_dict"][name])


def test_the_last_of_a_run_are_the_newest(runs: Runs) -> None:
    newest_first = runs.checkpoints[::-1]
    assert kept(runs.translator, "last", 5) == newest_first
    assert kept(runs.translator, "last", 2) == newest_first[:2]


@pytest.mark.parametrize("highest", [False, True])
def test_the_best_of_a_run_are_those_that_it_scored_best(runs: Runs, tmp_path: Path, highest: bool) -> None:
    """Whether it watched a loss or BLEU, and wherever the run's folder was moved."""
    shutil.copytree(runs.translator, tmp_path / "moved")
    last = tmp_path / "moved" / "checkpoints" / "last.ckpt"
    held = torch.load(last, weights_only=True)
    watching = next(state for state in held["callbacks"].values() if "best_k_models" in state)
    scores = {
        path: torch.tensor(float(place)) for place, path in zip((2, 1, 3), watching["best_k_models"], strict=True)
    }
    watching["best_k_models"] = scores
    watching["best_model_score"] = torch.tensor(3.0 if highest else 1.0)
    checkpoint.save(held, last)
    expected = [Path(path).name for path in sorted(scores, key=scores.__getitem__, reverse=highest)]
    assert [path.name for path in kept(tmp_path / "moved", "best", 5)] == expected
    assert [path.name for path in kept(tmp_path / "moved", "best", 2)] == expected[:2]


def test_a_run_knows_its_best(runs: Runs) -> None:
    (best, *_) = kept(runs.translator, "best", 3)
    assert best.samefile(runs.translator / "checkpoints" / "best.ckpt")


def test_mistakes_are_said(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = read(runs.checkpoints[0])
    other["model"]["init_args"]["size"] = 64
    checkpoint.save(other, tmp_path / "other.ckpt")
    first = str(runs.checkpoints[0])
    wrong = (
        ([first], "needs at least 2 checkpoints, and 1 was found"),
        ([str(runs.language)], "a run keeps several with --checkpoint.save_top_k"),
        ([str(runs.translator), "--count", "1"], "count must be at least 2 and at most 2,147,483,647, and 1 was given"),
        ([first, str(tmp_path / "other.ckpt")], "holds another model than"),
        ([str(runs.translator), str(runs.language)], "holds another model than"),
        ([first, "nowhere.ckpt"], "there is no checkpoint at nowhere.ckpt"),
        ([str(tmp_path)], "there is no checkpoint at"),
    )
    for arguments, message in wrong:
        assert main(["average", *arguments, "--output", str(tmp_path / "out.ckpt")]) == 1
        said = capsys.readouterr()
        assert message in said.err
        assert said.err.count("\n") == 1
        assert not (tmp_path / "out.ckpt").exists()


WRONG_WEIGHTS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "NaN": (lambda weight: torch.full_like(weight, math.nan), "holds numbers that are not finite"),
    "infinite": (lambda weight: torch.full_like(weight, -math.inf), "holds numbers that are not finite"),
    "other shape": (lambda weight: weight[:-1].clone(), "wrong.ckpt"),
    "other type": (lambda weight: weight.double(), "wrong.ckpt"),
}


@pytest.mark.parametrize(
    ("command", "wrong"),
    # what is of another type can be rounded all the same
    [*(("average", wrong) for wrong in WRONG_WEIGHTS), *(("quantize", wrong) for wrong in list(WRONG_WEIGHTS)[:3])],
)
def test_wrong_weights_are_neither_averaged_nor_rounded(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, wrong: str
) -> None:
    change, message = WRONG_WEIGHTS[wrong]
    held = read(runs.checkpoints[0])
    name = next(name for name, weight in held["state_dict"].items() if weight.ndim == 2)
    held["state_dict"][name] = change(held["state_dict"][name])
    checkpoint.save(held, tmp_path / "wrong.ckpt")
    models = [str(runs.checkpoints[1])] if command == "average" else []
    assert main([command, *models, str(tmp_path / "wrong.ckpt"), "--output", str(tmp_path / "out.ckpt")]) == 1
    said = capsys.readouterr().err
    assert "wrong.ckpt" in said
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out.ckpt").exists()


def test_a_mean_may_write_as_much_as_any_of_its_parts(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trainings of one model on parts of a corpus saw targets of other lengths."""
    other, out = tmp_path / "other.ckpt", tmp_path / "mean.ckpt"
    held = checkpoint.load(runs.checkpoints[0])
    longer = {"sources": [2], "targets": [40], "longest_source": 30, "ratio": [40, 2]}
    held["TranslationData"]["output_lengths"] = longer
    checkpoint.save(held, other)
    for paths in ([runs.checkpoints[0], other], [other, runs.checkpoints[0]]):
        assert main(["average", *map(str, paths), "--output", str(out)]) == 0
        parts = [load_translation(path).output_lengths[0] for path in (*paths, out)]
        assert parts[2].limits([2, 30, 31]) == [70, 70, 940]
        assert parts[2] == OutputLengths.merge(parts[:2])
    held["TranslationData"]["output_lengths"] = {**longer, "ratio": [40, 0]}
    checkpoint.save(held, other)
    capsys.readouterr()
    assert main(["average", str(runs.checkpoints[0]), str(other), "--output", str(out)]) == 1
    assert re.fullmatch(
        r"seq2seq: .*other\.ckpt (cannot be used|has no part in an average): output_lengths\.ratio must be .*\n",
        capsys.readouterr().err,
    )
