"""Checkpoints are validated before training is resumed from them; invalid ones are refused with one error line."""

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

Checkpoint = dict[str, Any]
KEEP = ("--checkpoint.save_top_k=3", "--checkpoint.mode=max", "--trainer.val_check_interval=1")  # like `language_run`
LAST = Path("checkpoints") / "last.ckpt"


def callback_state(ckpt: Checkpoint) -> Checkpoint:
    """Return the state of ModelCheckpoint."""
    return next(state for state in ckpt["callbacks"].values() if "best_k_models" in state)


def forge(source: Path, path: Path, change: Callable[[Checkpoint], object]) -> Path:
    ckpt = torch.load(source, weights_only=True)
    change(ckpt)
    checkpoint.save(ckpt, path)
    return path


def first_state(ckpt: Checkpoint) -> Checkpoint:
    """Return the optimizer state of the first parameter."""
    state: Checkpoint = ckpt["optimizer_states"][0]["state"][0]
    return state


CHANGES: dict[str, Callable[[Checkpoint], object]] = {
    "no loops": lambda ckpt: ckpt.pop("loops"),
    "no optimizer": lambda ckpt: ckpt.pop("optimizer_states"),
    "negative steps": lambda ckpt: ckpt.update(global_step=-3),
    "too many steps": lambda ckpt: ckpt.update(global_step=2**63),
    "steps of NaN": lambda ckpt: ckpt.update(global_step=math.nan),
    "an epoch that is text": lambda ckpt: ckpt.update(epoch="3"),
    "no version": lambda ckpt: ckpt.pop("pytorch-lightning_version"),
    "loops of another kind": lambda ckpt: ckpt.update(loops={"fit_loop": []}),
    "a loop counter that is text": lambda ckpt: ckpt["loops"]["fit_loop"]["epoch_progress"]["current"].update(
        ready="a"
    ),
    "no state of an optimizer": lambda ckpt: ckpt.update(optimizer_states=[]),
    "two optimizers": lambda ckpt: ckpt["optimizer_states"].append(ckpt["optimizer_states"][0]),
    "an optimizer that is a list": lambda ckpt: ckpt.update(optimizer_states=[[]]),
    "another shape": lambda ckpt: first_state(ckpt).update(exp_avg=torch.zeros(1, 2, 3)),
    "one row": lambda ckpt: first_state(ckpt).update(exp_avg=first_state(ckpt)["exp_avg"][:1]),
    "a scalar": lambda ckpt: first_state(ckpt).update(exp_avg=torch.tensor(0.0)),
    "None for a tensor": lambda ckpt: first_state(ckpt).update(exp_avg=None),
    "an integer tensor": lambda ckpt: first_state(ckpt).update(exp_avg=first_state(ckpt)["exp_avg"].long()),
    "a weight of NaN": lambda ckpt: ckpt["state_dict"]["stack.layers.0.rnn.weight_hh_l0"].fill_(math.nan),
    "a carried state of NaN": lambda ckpt: [part.fill_(math.nan) for part in ckpt["carried_state"][0]],
    "text for a tensor": lambda ckpt: first_state(ckpt).update(exp_avg="text"),
    "a missing entry": lambda ckpt: first_state(ckpt).pop("exp_avg"),
    "a parameter too many": lambda ckpt: ckpt["optimizer_states"][0]["state"].update({10**6: first_state(ckpt)}),
    "other options": lambda ckpt: ckpt["optimizer_states"][0]["param_groups"][0].update(momentum=0.9),
    "a learning rate that is text": lambda ckpt: ckpt["optimizer_states"][0]["param_groups"][0].update(lr="fast"),
    "a learning rate of NaN": lambda ckpt: ckpt["optimizer_states"][0]["param_groups"][0].update(lr=math.nan),
    "a negative learning rate": lambda ckpt: ckpt["optimizer_states"][0]["param_groups"][0].update(
        lr=torch.tensor(-1.0)
    ),
    "a step of NaN": lambda ckpt: first_state(ckpt).update(step=torch.tensor(math.nan)),
    "a negative step": lambda ckpt: first_state(ckpt).update(step=torch.tensor(-5.0)),
    "betas of infinity": lambda ckpt: ckpt["optimizer_states"][0]["param_groups"][0].update(betas=(math.inf, 0.9)),
    "other parameters": lambda ckpt: ckpt["optimizer_states"][0]["param_groups"][0].update(params=[1]),
    "a schedule too many": lambda ckpt: ckpt["lr_schedulers"].append({}),
    "callbacks in a list": lambda ckpt: ckpt.update(callbacks=[1]),
    "a callback of text": lambda ckpt: ckpt["callbacks"].update(dict.fromkeys(ckpt["callbacks"], "text")),
    "a file in another folder": lambda ckpt: callback_state(ckpt).update(best_model_path="/etc/passwd"),
    "a path with ..": lambda ckpt: callback_state(ckpt).update(
        last_model_path=callback_state(ckpt)["dirpath"] + "/../../x"
    ),
    "a best checkpoint in another folder": lambda ckpt: callback_state(ckpt)["best_k_models"].update(
        {"/tmp/x": torch.tensor(1.0)}
    ),
    "scores that are text": lambda ckpt: callback_state(ckpt).update(
        best_k_models=dict.fromkeys(callback_state(ckpt)["best_k_models"], "")
    ),
    "no metrics": lambda ckpt: ckpt.pop("metrics"),
    "metrics that are text": lambda ckpt: ckpt.update(metrics={"val_loss": "low"}),
    "no carried state": lambda ckpt: ckpt.pop("carried_state"),
    "a carried state of other layers": lambda ckpt: ckpt.update(carried_state=[[torch.zeros(4, 8)] * 5]),
    "a carried state of another size": lambda ckpt: ckpt.update(
        carried_state=[[part[:, :-1] for part in ckpt["carried_state"][0]]]
    ),
    "a carried state with different numbers of rows": lambda ckpt: ckpt["carried_state"][0].__setitem__(
        0, ckpt["carried_state"][0][0][:-1]
    ),
    "a carried state of integers": lambda ckpt: ckpt.update(
        carried_state=[[part.long() for part in ckpt["carried_state"][0]]]
    ),
    "a carried state without rows": lambda ckpt: ckpt.update(
        carried_state=[[part[0, 0] for part in ckpt["carried_state"][0]]]
    ),
    "a carried state that is text": lambda ckpt: ckpt.update(carried_state=["text"]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_invalid_training_state_is_refused_with_one_error_line(
    language_run: Trained, tmp_path: Path, change: Callable[[Checkpoint], object]
) -> None:
    path = forge(language_run.folder / LAST, tmp_path / "invalid.ckpt", change)
    result = seq2seq("fit", "--config", language_run.config, "--runs", tmp_path, "--name", "r", "--ckpt-path", path,
                   "--trainer.max_steps", "8", *KEEP)  # fmt: skip
    assert result.status == 1
    message = result.err.splitlines()[-1]
    assert message.startswith("seq2seq: ")
    assert "invalid.ckpt" in message
    assert len(message) < 400
    assert "Traceback" not in result.err
    assert not list(tmp_path.glob("r/*/checkpoints/*"))


LBFGS_CHANGES: dict[str, Callable[[Checkpoint], object]] = {
    "another length": lambda state: state.update(d=state["d"][:-1]),
    "a history that is too long": lambda state: state.update(old_dirs=[state["d"]] * 101),
    "directions without steps": lambda state: state["old_stps"].append(state["d"]),
    "a direction of another length": lambda state: state["old_dirs"].__setitem__(0, state["d"][:1]),
    "a step of infinity": lambda state: state.update(t=math.inf),
    "a gradient that is text": lambda state: state.update(prev_flat_grad="text"),
}


def test_invalid_lbfgs_state_is_refused(language_run: Trained, tmp_path: Path) -> None:
    """LBFGS has one state for all parameters, with lists of flat vectors."""
    line = ["fit", "--config", language_run.config, "--runs", tmp_path, "--optimizer=LBFGS", "--optimizer.lr=0.01"]
    result = seq2seq(*line, "--name", "r", "--trainer.max_steps=2")
    assert result.status == 0, result.err
    for change in LBFGS_CHANGES.values():
        path = forge(tmp_path / "r" / "1" / LAST, tmp_path / "invalid.ckpt", lambda ckpt: change(first_state(ckpt)))  # noqa: B023
        result = seq2seq(*line, "--name", "other", "--ckpt-path", path, "--trainer.max_steps=4")
        assert result.status == 1
        assert re.fullmatch(
            r"seq2seq: cannot resume from .*invalid\.ckpt: optimizer_states\.\w+ does not fit the .*",
            result.err.splitlines()[-1],
        )


def test_invalid_last_checkpoint_is_refused_by_resume(language_run: Trained, tmp_path: Path) -> None:
    result = seq2seq(
        "fit", "--config", language_run.config, "--runs", tmp_path, "--name", "r", "--trainer.max_steps", "2"
    )
    assert result.status == 0
    last = tmp_path / "r" / "1" / LAST
    forge(last, last, CHANGES["another shape"])
    result = seq2seq("fit", "--config", language_run.config, "--runs", tmp_path, "--name", "r", "--resume",
                   "--trainer.max_steps", "4")  # fmt: skip
    assert result.status == 1
    assert re.search(
        r"^seq2seq: cannot resume from .*last\.ckpt: optimizer_states\.exp_avg does not fit",
        result.err,
        re.M,
    )


def test_schedule_of_the_checkpoint_must_be_as_long_as_the_training(language_run: Trained, tmp_path: Path) -> None:
    line = ["fit", "--config", language_run.config, "--runs", tmp_path, "--name", "r",
            "--lr_scheduler=OneCycleLR", "--lr_scheduler.max_lr=0.1"]  # fmt: skip
    assert seq2seq(*line, "--lr_scheduler.total_steps=4", "--trainer.max_steps=2").status == 0
    result = seq2seq(*line, "--lr_scheduler.total_steps=6", "--trainer.max_steps=6", "--resume")
    assert result.status == 1
    assert "last.ckpt: OneCycleLR ends after 4 steps, and trainer.max_steps is 6" in result.err.splitlines()[-1]


def test_resume_from_an_average_is_refused(language_run: Trained, tmp_path: Path) -> None:
    assert seq2seq("average", language_run.folder, "--output", tmp_path / "mean.ckpt", "--count", "2").status == 0
    result = seq2seq("fit", "--config", language_run.config, "--runs", tmp_path, "--ckpt-path", tmp_path / "mean.ckpt")
    assert result.status == 1
    assert "mean.ckpt: it has weights but no training state, as an average" in result.err
    assert "--init-from" in result.err


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
def test_resume_with_more_steps_and_another_learning_rate(language_run: Trained, tmp_path: Path, options: str) -> None:
    line = ["fit", "--config", language_run.config, "--runs", tmp_path, "--name", "r", *options.split()]
    stopped = seq2seq(*line, "--optimizer.lr=0.01", "--trainer.max_steps=3")
    assert stopped.status == 0, stopped.err
    result = seq2seq(*line, "--optimizer.lr=0.02", "--trainer.max_steps=5", "--resume")
    assert result.status == 0, result.err
    assert checkpoint.load(tmp_path / "r" / "1" / LAST)["global_step"] == 5
    assert "OneCycleLR" in options or "last.ckpt keeps its lr 0.01 (not 0.02): give --init-from" in result.err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--optimizer.lr=0.01 --optimizer.betas=[0.9,0.99]", "betas (0.9, 0.999) (not (0.9, 0.99))"),
        ("--optimizer.lr=0.01 --lr_scheduler.step_size=3", "step_size 2 (not 3)"),
        ("--optimizer.lr=0.01", None),
    ],
)
def test_options_overridden_by_the_checkpoint_are_logged(
    language_run: Trained, tmp_path: Path, options: str, expected: str | None
) -> None:
    line = ["fit", "--config", language_run.config, "--runs", tmp_path, "--name", "r", "--optimizer=AdamW",
            "--lr_scheduler=StepLR", "--lr_scheduler.step_size=2"]  # fmt: skip
    assert seq2seq(*line, "--optimizer.lr=0.01", "--trainer.max_steps=3").status == 0
    changed = options.split()
    names = [option.split("=")[0] for option in changed]
    line = [option for option in line if str(option).split("=")[0] not in names]
    result = seq2seq(*line, *changed, "--trainer.max_steps=5", "--resume")
    assert result.status == 0, result.err
    assert ("keeps its" in result.err) == (expected is not None)
    assert expected is None or f"last.ckpt keeps its {expected}: " in result.err


def test_resume_with_other_callbacks(translation_run: Trained, tmp_path: Path) -> None:
    line = ["fit", "--config", translation_run.config, "--runs", tmp_path, "--name", "r"]
    assert seq2seq(*line, "--trainer.max_steps=3").status == 0
    stopping = ["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=val_loss"]
    result = seq2seq(*line, *stopping, "--trainer.max_steps=5", "--resume")
    assert result.status == 0, result.err


def test_optimizer_flags_of_other_torch_versions_are_ignored(language_run: Trained, tmp_path: Path) -> None:
    def change(ckpt: Checkpoint) -> None:
        group = ckpt["optimizer_states"][0]["param_groups"][0]
        group.pop("decoupled_weight_decay", None)
        group["fancy"] = None

    path = forge(language_run.folder / LAST, tmp_path / "older.ckpt", change)
    result = seq2seq("fit", "--config", language_run.config, "--runs", tmp_path, "--name", "r", "--ckpt-path", path,
                   "--trainer.max_steps", "8")  # fmt: skip
    assert result.status == 0, result.err


@pytest.mark.parametrize("command", ["validate", "test", "predict"])
def test_weights_with_another_shape_or_nan_are_refused(language_run: Trained, tmp_path: Path, command: str) -> None:
    name = "stack.layers.0.rnn.weight_hh_l0"

    def another_shape(ckpt: Checkpoint) -> None:
        ckpt["state_dict"][name] = torch.zeros(3, 5)

    def not_finite(ckpt: Checkpoint) -> None:
        ckpt["state_dict"][name][0, 0] = math.nan

    for change, reason in ((another_shape, "is stored as [3, 5]"), (not_finite, "contains NaN")):
        path = forge(language_run.folder / LAST, tmp_path / "other.ckpt", change)
        result = seq2seq(command, "--config", language_run.config, "--ckpt-path", path)
        assert result.status == 1
        message = result.err.splitlines()[-1]
        assert message.startswith("seq2seq: ")
        assert "other.ckpt" in message
        assert reason in message
        assert result.out == ""
