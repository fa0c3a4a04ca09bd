"""A training goes on from the checkpoint of one, and anything else is refused before something is restored."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Trained
from experiments import seq2seq

from seq2seq import checkpoint

Held = dict[str, Any]
KEEP = ("--checkpoint.save_top_k=3", "--checkpoint.mode=max", "--trainer.val_check_interval=1")  # as `writer` does
LAST = Path("checkpoints") / "last.ckpt"


def kept(held: Held) -> Held:
    """The state of the callback that keeps the best checkpoints."""
    return next(state for state in held["callbacks"].values() if "best_k_models" in state)


def forged(source: Path, path: Path, change: Callable[[Held], object]) -> Path:
    held = torch.load(source, weights_only=True)
    change(held)
    checkpoint.save(held, path)
    return path


def first(held: Held) -> Held:
    """What the optimizer knows about the first parameter."""
    state: Held = held["optimizer_states"][0]["state"][0]
    return state


CHANGES: dict[str, Callable[[Held], object]] = {
    "no loops": lambda held: held.pop("loops"),
    "no optimizer": lambda held: held.pop("optimizer_states"),
    "steps below zero": lambda held: held.update(global_step=-3),
    "steps without end": lambda held: held.update(global_step=2**63),
    "steps that are no number": lambda held: held.update(global_step=math.nan),
    "an epoch that is text": lambda held: held.update(epoch="3"),
    "no version": lambda held: held.pop("pytorch-lightning_version"),
    "loops of another kind": lambda held: held.update(loops={"fit_loop": []}),
    "a loop that counts with text": lambda held: held["loops"]["fit_loop"]["epoch_progress"]["current"].update(
        ready="a"
    ),
    "no state of an optimizer": lambda held: held.update(optimizer_states=[]),
    "two optimizers": lambda held: held["optimizer_states"].append(held["optimizer_states"][0]),
    "an optimizer that is a list": lambda held: held.update(optimizer_states=[[]]),
    "another shape": lambda held: first(held).update(exp_avg=torch.zeros(1, 2, 3)),
    "one row": lambda held: first(held).update(exp_avg=first(held)["exp_avg"][:1]),
    "one number": lambda held: first(held).update(exp_avg=torch.tensor(0.0)),
    "no part": lambda held: first(held).update(exp_avg=None),
    "a part of whole numbers": lambda held: first(held).update(exp_avg=first(held)["exp_avg"].long()),
    "a carried state of NaN": lambda held: [part.fill_(math.nan) for part in held["carried_state"][0]],
    "a part that is text": lambda held: first(held).update(exp_avg="text"),
    "a part that lacks": lambda held: first(held).pop("exp_avg"),
    "a parameter too many": lambda held: held["optimizer_states"][0]["state"].update({10**6: first(held)}),
    "other options": lambda held: held["optimizer_states"][0]["param_groups"][0].update(momentum=0.9),
    "a rate that is text": lambda held: held["optimizer_states"][0]["param_groups"][0].update(lr="fast"),
    "a rate of NaN": lambda held: held["optimizer_states"][0]["param_groups"][0].update(lr=math.nan),
    "a rate below zero": lambda held: held["optimizer_states"][0]["param_groups"][0].update(lr=torch.tensor(-1.0)),
    "a step of NaN": lambda held: first(held).update(step=torch.tensor(math.nan)),
    "a step below zero": lambda held: first(held).update(step=torch.tensor(-5.0)),
    "betas of infinity": lambda held: held["optimizer_states"][0]["param_groups"][0].update(betas=(math.inf, 0.9)),
    "other parameters": lambda held: held["optimizer_states"][0]["param_groups"][0].update(params=[1]),
    "a schedule too many": lambda held: held["lr_schedulers"].append({}),
    "callbacks in a list": lambda held: held.update(callbacks=[1]),
    "a callback of text": lambda held: held["callbacks"].update(dict.fromkeys(held["callbacks"], "text")),
    "a file elsewhere": lambda held: kept(held).update(best_model_path="/etc/passwd"),
    "a file beside": lambda held: kept(held).update(last_model_path=kept(held)["dirpath"] + "/../../x"),
    "a best that is elsewhere": lambda held: kept(held)["best_k_models"].update({"/tmp/x": torch.tensor(1.0)}),
    "scores that are text": lambda held: kept(held).update(
        best_k_models=dict.fromkeys(kept(held)["best_k_models"], "")
    ),
    "no metrics": lambda held: held.pop("metrics"),
    "metrics that are text": lambda held: held.update(metrics={"val_loss": "low"}),
    "no carried state": lambda held: held.pop("carried_state"),
    "a carried state of other layers": lambda held: held.update(carried_state=[[torch.zeros(4, 8)] * 5]),
    "a carried state of another size": lambda held: held.update(
        carried_state=[[part[:, :-1] for part in held["carried_state"][0]]]
    ),
    "a carried state of rows that differ": lambda held: held["carried_state"][0].__setitem__(
        0, held["carried_state"][0][0][:-1]
    ),
    "a carried state of whole numbers": lambda held: held.update(
        carried_state=[[part.long() for part in held["carried_state"][0]]]
    ),
    "a carried state without rows": lambda held: held.update(
        carried_state=[[part[0, 0] for part in held["carried_state"][0]]]
    ),
    "a carried state that is text": lambda held: held.update(carried_state=["text"]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_strange_training_is_refused_in_one_sentence(
    writer: Trained, tmp_path: Path, change: Callable[[Held], object]
) -> None:
    path = forged(writer.folder / LAST, tmp_path / "strange.ckpt", change)
    told = seq2seq("fit", "--config", writer.config, "--runs", tmp_path, "--name", "r", "--ckpt-path", path,
                   "--trainer.max_steps", "8", *KEEP)  # fmt: skip
    assert told.status == 1
    said = told.err.splitlines()[-1]
    assert said.startswith("seq2seq: ")
    assert "strange.ckpt" in said
    assert len(said) < 400
    assert "Traceback" not in told.err
    assert not list(tmp_path.glob("r/*/checkpoints/*"))


LBFGS_CHANGES: dict[str, Callable[[Held], object]] = {
    "another length": lambda state: state.update(d=state["d"][:-1]),
    "a history that is too long": lambda state: state.update(old_dirs=[state["d"]] * 101),
    "directions without steps": lambda state: state["old_stps"].append(state["d"]),
    "a direction of another length": lambda state: state["old_dirs"].__setitem__(0, state["d"][:1]),
    "a step of infinity": lambda state: state.update(t=math.inf),
    "a gradient that is text": lambda state: state.update(prev_flat_grad="text"),
}


def test_a_strange_state_of_lbfgs_is_refused(writer: Trained, tmp_path: Path) -> None:
    """It has one state for all parameters, with lists of vectors, and no part that is known by a parameter's shape."""
    line = ["fit", "--config", writer.config, "--runs", tmp_path, "--optimizer=LBFGS", "--optimizer.lr=0.01"]
    told = seq2seq(*line, "--name", "r", "--trainer.max_steps=2")
    assert told.status == 0, told.err
    for change in LBFGS_CHANGES.values():
        path = forged(tmp_path / "r" / "1" / LAST, tmp_path / "strange.ckpt", lambda held: change(first(held)))  # noqa: B023
        told = seq2seq(*line, "--name", "other", "--ckpt-path", path, "--trainer.max_steps=4")
        assert told.status == 1
        assert re.fullmatch(
            r"seq2seq: this training cannot go on from .*strange\.ckpt: optimizer_states\.\w+ does not fit the .*",
            told.err.splitlines()[-1],
        )


def test_what_a_run_kept_is_looked_at_too_before_it_is_resumed(writer: Trained, tmp_path: Path) -> None:
    said = seq2seq("fit", "--config", writer.config, "--runs", tmp_path, "--name", "r", "--trainer.max_steps", "2")
    assert said.status == 0
    last = tmp_path / "r" / "1" / LAST
    forged(last, last, CHANGES["another shape"])
    told = seq2seq("fit", "--config", writer.config, "--runs", tmp_path, "--name", "r", "--resume",
                   "--trainer.max_steps", "4")  # fmt: skip
    assert told.status == 1
    assert re.search(
        r"^seq2seq: this training cannot go on from .*last\.ckpt: optimizer_states\.exp_avg does not fit",
        told.err,
        re.M,
    )


def test_an_average_is_no_training_to_go_on_with(writer: Trained, tmp_path: Path) -> None:
    assert seq2seq("average", writer.folder, "--output", tmp_path / "mean.ckpt", "--count", "2").status == 0
    told = seq2seq("fit", "--config", writer.config, "--runs", tmp_path, "--ckpt-path", tmp_path / "mean.ckpt")
    assert told.status == 1
    assert "mean.ckpt holds no training to go on with, as averages do not" in told.err
    assert "--init-from" in told.err


OPTIMIZERS = [
    "--optimizer=SGD --optimizer.momentum=0.9",
    "--optimizer=Adafactor",
    "--optimizer=Rprop",
    "--optimizer=RMSprop --optimizer.centered=true",
    "--optimizer=NAdam",
    "--optimizer=AdamW --optimizer.amsgrad=true",
    "--optimizer=SGD",
    "--optimizer=Adagrad",
    "--optimizer=ASGD",
    "--optimizer=LBFGS",
]
SCHEDULES = [
    "--lr_scheduler=WarmupCosine",
    "--lr_scheduler=OneCycleLR --lr_scheduler.max_lr=0.1 --lr_scheduler.total_steps=9",
    "--lr_scheduler=pytorch_lightning.cli.ReduceLROnPlateau --lr_scheduler.monitor=val_loss",
    "--lr_scheduler=CosineAnnealingWarmRestarts --lr_scheduler.T_0=2",
    "--lr_scheduler=MultiStepLR --lr_scheduler.milestones=[1,3]",
]
CALLBACKS = [
    "--trainer.callbacks=StochasticWeightAveraging --trainer.callbacks.swa_lrs=0.01 --trainer.max_epochs=4",
    "--trainer.callbacks=pytorch_lightning.callbacks.EMAWeightAveraging",
    "--trainer.callbacks=pytorch_lightning.callbacks.Timer --trainer.callbacks.duration=00:01:00:00",
]


@pytest.mark.parametrize("options", [*OPTIMIZERS, *SCHEDULES, *CALLBACKS])
def test_every_training_goes_on_with_more_steps_and_another_rate(writer: Trained, tmp_path: Path, options: str) -> None:
    line = ["fit", "--config", writer.config, "--runs", tmp_path, "--name", "r", *options.split()]
    begun = seq2seq(*line, "--optimizer.lr=0.01", "--trainer.max_steps=3")
    assert begun.status == 0, begun.err
    told = seq2seq(*line, "--optimizer.lr=0.02", "--trainer.max_steps=5", "--resume")
    assert told.status == 0, told.err
    assert checkpoint.load(tmp_path / "r" / "1" / LAST)["global_step"] == 5
    assert "OneCycleLR" in options or "last.ckpt keeps its lr 0.01 (not 0.02): give --init-from" in told.err


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ("--optimizer.lr=0.01 --optimizer.betas=[0.9,0.99]", "betas (0.9, 0.999) (not (0.9, 0.99))"),
        ("--optimizer.lr=0.01 --lr_scheduler.step_size=3", "step_size 2 (not 3)"),
        ("--optimizer.lr=0.01", None),
    ],
)
def test_what_a_checkpoint_keeps_of_its_options_is_said(
    writer: Trained, tmp_path: Path, options: str, kept: str | None
) -> None:
    line = ["fit", "--config", writer.config, "--runs", tmp_path, "--name", "r", "--optimizer=AdamW",
            "--lr_scheduler=StepLR", "--lr_scheduler.step_size=2"]  # fmt: skip
    assert seq2seq(*line, "--optimizer.lr=0.01", "--trainer.max_steps=3").status == 0
    given = options.split()
    line = [option for option in line if str(option).split("=")[0] not in [one.split("=")[0] for one in given]]
    told = seq2seq(*line, *given, "--trainer.max_steps=5", "--resume")
    assert told.status == 0, told.err
    assert ("keeps its" in told.err) == (kept is not None)
    assert kept is None or f"last.ckpt keeps its {kept}: " in told.err


def test_a_training_goes_on_with_other_callbacks(translator: Trained, tmp_path: Path) -> None:
    line = ["fit", "--config", translator.config, "--runs", tmp_path, "--name", "r"]
    assert seq2seq(*line, "--trainer.max_steps=3").status == 0
    stopping = ["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=val_loss"]
    told = seq2seq(*line, *stopping, "--trainer.max_steps=5", "--resume")
    assert told.status == 0, told.err


def test_flags_that_only_another_version_of_torch_knows_do_not_matter(writer: Trained, tmp_path: Path) -> None:
    def change(held: Held) -> None:
        group = held["optimizer_states"][0]["param_groups"][0]
        group.pop("decoupled_weight_decay", None)
        group["fancy"] = None

    path = forged(writer.folder / LAST, tmp_path / "older.ckpt", change)
    told = seq2seq("fit", "--config", writer.config, "--runs", tmp_path, "--name", "r", "--ckpt-path", path,
                   "--trainer.max_steps", "8")  # fmt: skip
    assert told.status == 0, told.err


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_weights_of_another_shape_or_that_are_not_finite_are_refused(
    writer: Trained, tmp_path: Path, command: str
) -> None:
    name = "stack.layers.0.kernel.weight_hh_l0"

    def another_shape(held: Held) -> None:
        held["state_dict"][name] = torch.zeros(3, 5)

    def not_finite(held: Held) -> None:
        held["state_dict"][name][0, 0] = math.nan

    for change, reason in ((another_shape, "shape"), (not_finite, "not finite")):
        path = forged(writer.folder / LAST, tmp_path / "other.ckpt", change)
        told = seq2seq(command, "--config", writer.config, "--ckpt-path", path)
        assert told.status == 1
        said = told.err.splitlines()[-1]
        assert said.startswith("seq2seq: ")
        assert "other.ckpt" in said
        assert reason in said
        assert told.out == ""
