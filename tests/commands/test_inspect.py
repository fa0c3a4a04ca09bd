"""Laws of `seq2seq inspect gradients`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import LANGUAGE, Runs, shell

from seq2seq import checkpoint
from seq2seq.__main__ import main
from seq2seq.commands.inspect import default_labels, share
from seq2seq.inference import load_text_generator
from seq2seq.inspection import reach


def inspected(folder: Path, *arguments: object) -> dict[str, Any]:
    """What is written as JSON."""
    output = folder / "seen" / "gradients"
    assert main(["inspect", "gradients", *map(str, arguments), "--output", str(output)]) == 0
    assert output.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in output.parent.iterdir()) == ["gradients.json", "gradients.png"]
    held: dict[str, Any] = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    return held


def written(folder: Path, runs: Runs) -> Path:
    path = folder / "fresh.yaml"
    path.write_text(LANGUAGE.replace("CORPUS", str(runs.corpus)), encoding="utf-8")
    return path


def test_every_layer_of_every_model_is_told(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint before and after training, and a configuration."""
    fresh = written(tmp_path, runs)
    held = inspected(tmp_path, runs.language, fresh, "--untrained", "--steps", 25, "--windows", 4)
    told = capsys.readouterr().out
    assert held["k"] == list(range(1, 26))
    assert held["windows"] == 4
    assert [(one["label"], one["trained"]) for one in held["models"]] == [
        ("language", False),
        ("language", True),
        ("fresh", False),
    ]
    for one in held["models"]:
        assert one["unit"] == "characters"
        assert [len(layer["norms"]) for layer in one["layers"]] == [25, 25]
        assert one["sentence"] in told
        for number, layer in enumerate(one["layers"], start=1):
            name = f"{one['label']}, {'after' if one['trained'] else 'before'}, layer {number}"
            (row,) = [line for line in told.splitlines() if line.startswith(name + " ")]
            cells = row.removeprefix(name).split()
            assert float(cells[0]) == pytest.approx(layer["norms"][0], rel=0.06)
            assert float(cells[-1]) == pytest.approx(layer["norms"][-1] / layer["norms"][0], rel=0.5)
    assert held["comparison"] in told
    assert max(len(line) for line in told.split("\n\n")[1].splitlines()) <= 100


def test_a_model_before_training_is_the_one_that_training_starts_with(runs: Runs, tmp_path: Path) -> None:
    """Drawn with the seed of the training, from its configuration or from what its checkpoint says of itself."""
    fresh = written(tmp_path, runs)
    held = inspected(tmp_path, runs.language, fresh, "--untrained", "--steps", 5, "--windows", 2)
    before, after, made = (one["layers"] for one in held["models"])
    assert before == made != after
    other = inspected(tmp_path, fresh, "--seed", 2, "--steps", 5, "--windows", 2)
    assert other["models"][0]["layers"] != made


def test_a_text_is_read_where_it_is_said(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "text.txt"
    path.write_text("one two three " * 6, encoding="utf-8")
    held = inspected(tmp_path, runs.language, "--text", path, "--steps", 20, "--windows", 100)
    writer = load_text_generator(runs.language)
    ids = torch.tensor(writer.tokenizer.encode(path.read_text())).unfold(0, 71, 1)
    norms = reach(writer.model, ids, 20)
    assert [layer["norms"] for layer in held["models"][0]["layers"]] == norms.tolist()
    assert held["text"] == str(path)
    assert held["windows"] == len(ids) < 100
    told = capsys.readouterr()
    assert f"the mean over {len(ids)} places of the text" in told.out
    assert told.err == f"the text for {runs.language} has only {len(ids)} of 100 places\n"


def test_models_may_cut_text_differently(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = LANGUAGE.replace("CORPUS", str(runs.corpus)).replace("Characters", "Bytes").replace("depth: 2", "depth: 1")
    (tmp_path / "bytes.yaml").write_text(config, encoding="utf-8")
    options = ("--labels", "old, new", "--steps", 10, "--windows", 2)
    held = inspected(tmp_path, runs.language, tmp_path / "bytes.yaml", *options)
    assert [(one["label"], one["unit"]) for one in held["models"]] == [("old", "characters"), ("new", "bytes")]
    assert "old, after, layer 2" in capsys.readouterr().out


def test_no_run_is_begun_by_looking_at_a_configuration(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fresh = written(tmp_path, runs)
    inspected(tmp_path, fresh, "--steps", 3, "--windows", 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh.yaml", "seen"]


def test_labels_are_the_names_of_runs() -> None:
    paths = ["runs/lstm/1", "runs/gru/2/checkpoints/best.ckpt", "configs/a.yaml", "b.ckpt"]
    assert default_labels(paths) == ["lstm", "gru", "a", "b"]
    assert default_labels(["runs/lstm/1", "runs/lstm/2"]) == ["runs/lstm/1", "runs/lstm/2"]


@pytest.mark.parametrize(
    ("norm", "first", "shown"),
    [
        (1.0, 2.0, "0.5"),
        (1e-9, 1.0, "1e-09"),
        (3e7, 1.0, "3e+07"),
        (0.0, 1.0, "0"),
        (1.0, 0.0, "-"),
        (float("nan"), 1, "-"),
    ],
)
def test_a_share_is_short(norm: float, first: float, shown: str) -> None:
    assert share(norm, first) == shown


def test_a_model_whose_weights_are_no_numbers_is_said(
    runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    held = torch.load(runs.language / "checkpoints" / "best.ckpt", weights_only=True)
    held["state_dict"]["stack.layers.0.kernel.weight_hh_l0"].fill_(float("nan"))
    checkpoint.save(held, tmp_path / "broken.ckpt")
    seen = inspected(tmp_path, tmp_path / "broken.ckpt", "--steps", 5, "--windows", 2)
    assert seen["models"][0]["layers"][0]["norms"] == [None] * 5
    said = capsys.readouterr()
    assert "the weights have diverged" in said.out
    assert "broken.ckpt: its weights have diverged: stack.layers.0.kernel.weight_hh_l0 holds" in said.err


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_a_model_with_rounded_weights_is_refused(
    runs: Runs, tmp_path: Path, precision: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rounded = str(tmp_path / "rounded.ckpt")
    assert main(["quantize", str(runs.language), "--output", rounded, "--precision", precision]) == 0
    assert main(["inspect", "gradients", rounded, "--output", str(tmp_path / "gradients")]) == 1
    assert (
        f"gradients are those of a model in float32, and {rounded} was saved in {precision}" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "the following arguments are required: models"),
        ("weights MODEL", "only gradients can be inspected, as in seq2seq inspect gradients MODEL, and not weights"),
        ("gradients", "a model is needed: a checkpoint, the folder of a run, or a configuration (.yaml)"),
        ("gradients nowhere.ckpt", "there is no checkpoint at nowhere.ckpt"),
        ("gradients nowhere.yaml", "there is no configuration nowhere.yaml"),
        ("gradients MODEL --steps 0", "steps must be at least 1 and at most 2,147,483,647, and 0 was given"),
        ("gradients MODEL --windows 0", "windows must be at least 1 and at most 2,147,483,647, and 0 was given"),
        ("gradients MODEL --steps 4000", "give fewer --steps or another --text"),
        ("gradients MODEL --text nowhere", "there is no file nowhere"),
        ("gradients MODEL --labels a,b", "each of the 1 models needs a label, and 2 were given: a,b"),
        ("gradients MODEL --device moon", "the device moon cannot be used here"),
        ("gradients TRANSLATOR", "gradients are inspected in language models, and TRANSLATOR is a Translator"),
    ],
)
def test_mistakes_are_said(
    runs: Runs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    def named(text: str) -> str:
        return text.replace("MODEL", str(runs.language)).replace("TRANSLATOR", str(runs.translator))

    given = [named(word) for word in arguments.split()]
    assert main(["inspect", *given]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert named(message).replace(str(runs.language), "MODEL") in said.err.replace(str(runs.language), "MODEL")
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_shows_examples_and_needs_no_torch() -> None:
    assert b"\n  seq2seq inspect gradients " in shell("inspect", "--help").stdout
    code = "import sys, seq2seq.commands.inspect; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
