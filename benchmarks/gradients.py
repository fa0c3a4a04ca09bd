"""`python -m benchmarks.gradients`: how far back the gradient of small models reaches, before and after training.

Eight models of one layer learn the embedded corpus for a few minutes together; what has finished is not trained again.
"""

import argparse
import contextlib
from pathlib import Path
from typing import NamedTuple

from seq2seq.__main__ import main as door
from seq2seq.training import runs

CONFIG = "configs/language/library-lstm.yaml"
# the same for all of them: chunks as long as the gradient may reach, and a rate that all but one of them bear
SHARED = (
    "--data.batch_size 16 --data.steps 128 --model.size 128 --model.embedding_size 64 --optimizer.lr 0.004 "
    "--trainer.precision 32-true --trainer.max_steps 600 --trainer.val_check_interval 150 "
    "--trainer.limit_val_batches 10 --trainer.accelerator cpu --trainer.devices 1"
)


class Kind(NamedTuple):
    """A model, and what is different about it."""

    name: str
    label: str
    options: str


KINDS = (
    Kind("rnn-orthogonal", "RNN tanh orthogonal", "--model.layer RNN --model.layer.initialisation orthogonal"),
    Kind("rnn-uniform", "RNN tanh uniform", "--model.layer RNN --model.layer.initialisation uniform"),
    Kind(
        "relu-identity",
        "RNN ReLU identity",
        "--model.layer RNN --model.layer.nonlinearity relu --model.layer.initialisation identity",
    ),
    Kind(
        "relu-unclipped",
        "RNN ReLU unclipped",
        "--model.layer RNN --model.layer.nonlinearity relu --model.layer.initialisation identity "
        "--trainer.gradient_clip_val null",
    ),
    Kind("lstm", "LSTM forget bias 1", "--model.layer LSTM"),
    Kind("lstm-zero", "LSTM forget bias 0", "--model.layer LSTM --model.layer.forget_bias 0"),
    Kind("gru", "GRU", "--model.layer GRU"),
    Kind("mingru", "MinGRU", "--model.layer MinGRU"),
)


def train(kind: Kind, folder: Path) -> Path | None:
    """The folder of a run; of one that diverged if it kept a checkpoint from before."""
    options = f"{SHARED} {kind.options}".split()
    status = 0
    with contextlib.suppress(SystemExit):  # it has finished before
        status = door(["fit", "--config", CONFIG, "--runs", str(folder), "--name", kind.name, *options])
    try:
        run = runs.latest(folder, kind.name)
    except FileNotFoundError:
        print(f"{kind.label} kept no checkpoint, so it is left out")
        return None
    if status != 0:
        print(f"{kind.label} did not finish, and is shown as its best checkpoint in {run}")
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/gradients"))
    parser.add_argument("--picture", type=Path, default=Path("docs/gradients.png"))
    parser.add_argument("--steps", default="300")
    parser.add_argument("--windows", default="64")
    given = parser.parse_args()
    trained = {kind.label: run for kind in KINDS if (run := train(kind, given.runs)) is not None}
    labels, output = ",".join(trained), given.runs / "gradients"
    options = ["--untrained", "--labels", labels, "--steps", given.steps, "--windows", given.windows]
    if door(["inspect", "gradients", *map(str, trained.values()), *options, "--output", str(output)]) == 0:
        output.with_suffix(".png").replace(given.picture)
        print(f"the picture is {given.picture}")


if __name__ == "__main__":
    main()
