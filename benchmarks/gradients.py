"""`python -m benchmarks.gradients`: gradient norms through time of small models, before and after training.

Eight one-layer models train on the embedded corpus for a few minutes in total; finished ones are not trained again.
"""

import argparse
import contextlib
from pathlib import Path
from typing import NamedTuple

from seq2seq import runs
from seq2seq.__main__ import main as run_command

CONFIG = "configs/language/library-lstm.yaml"
# common options: chunks as long as the gradient may reach, and a rate at which all but one of them are stable
SHARED_OPTIONS = (
    "--data.batch_size 16 --data.steps 128 --model.size 128 --model.embedding_size 64 --optimizer.lr 0.004 "
    "--trainer.precision 32-true --trainer.max_steps 600 --trainer.val_check_interval 150 "
    "--trainer.limit_val_batches 10 --trainer.accelerator cpu --trainer.devices 1"
)


class ModelVariant(NamedTuple):
    """A model and the options in which it differs from the others."""

    name: str
    label: str
    options: str


VARIANTS = (
    ModelVariant("rnn-orthogonal", "RNN tanh orthogonal", "--model.layer RNN --model.layer.initialisation orthogonal"),
    ModelVariant("rnn-uniform", "RNN tanh uniform", "--model.layer RNN --model.layer.initialisation uniform"),
    ModelVariant(
        "relu-identity",
        "RNN ReLU identity",
        "--model.layer RNN --model.layer.nonlinearity relu --model.layer.initialisation identity",
    ),
    ModelVariant(
        "relu-unclipped",
        "RNN ReLU unclipped",
        "--model.layer RNN --model.layer.nonlinearity relu --model.layer.initialisation identity "
        "--trainer.gradient_clip_val null",
    ),
    ModelVariant("lstm", "LSTM forget bias 1", "--model.layer LSTM"),
    ModelVariant("lstm-zero", "LSTM forget bias 0", "--model.layer LSTM --model.layer.forget_bias 0"),
    ModelVariant("gru", "GRU", "--model.layer GRU"),
    ModelVariant("mingru", "MinGRU", "--model.layer MinGRU"),
)


def train(variant: ModelVariant, folder: Path) -> Path | None:
    """Train a model and return the folder of its run; None if it diverged before its first checkpoint."""
    arguments = f"{SHARED_OPTIONS} {variant.options}".split()
    status = 0
    with contextlib.suppress(SystemExit):  # raised if it has finished already
        status = run_command(["fit", "--config", CONFIG, "--runs", str(folder), "--name", variant.name, *arguments])
    try:
        run = runs.newest_run(folder, variant.name)
    except FileNotFoundError:
        print(f"{variant.label} has no checkpoint and is left out")
        return None
    if status != 0:
        print(f"{variant.label} did not finish, and is shown as its best checkpoint in {run}")
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/gradients"))
    parser.add_argument("--picture", type=Path, default=Path("docs/gradients.png"))
    parser.add_argument("--steps", default="300")
    parser.add_argument("--windows", default="64")
    options = parser.parse_args()
    trained = {variant.label: run for variant in VARIANTS if (run := train(variant, options.runs)) is not None}
    labels, output = ",".join(trained), options.runs / "gradients"
    arguments = ["--untrained", "--labels", labels, "--steps", options.steps, "--windows", options.windows]
    if run_command(["inspect", "gradients", *map(str, trained.values()), *arguments, "--output", str(output)]) == 0:
        output.with_suffix(".png").replace(options.picture)
        print(f"the picture is {options.picture}")


if __name__ == "__main__":
    main()
