"""`seq2seq compare`: which layer is best, under one budget."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from seq2seq.commands.arguments import check_unicode
from seq2seq.errors import UserError, system_errors
from seq2seq.ranges import Count, ParameterCount, Positive, checked


@checked
def compare(
    *,
    config: list[str],
    layers: list[str],
    budget: Literal["parameters", "time", "tokens"] = "parameters",
    seeds: Count = 1,
    minutes: Positive | None = None,
    steps: Count | None = None,
    parameters: ParameterCount | None = None,
    same_block: bool = False,
    output: str | None = None,
    again: bool = False,
    overrides: list[str],
) -> None:
    """Train several layers on one corpus under the same budget, and say which is best.

    A layer is written NAME or NAME:key=value,key=value, where a key is an argument of the layer's class, an option of
    the model, or lr. For a translator it is DECODER or ENCODER/DECODER. Every option of `seq2seq fit` with a dot in it,
    as --data.corpus FOLDER, changes the configuration of all. A comparison that was stopped goes on with the same
    command, and with other seeds or layers it keeps what is trained already.

    examples:
      seq2seq compare --config configs/language/shakespeare-lstm.yaml --layers LSTM GRU --seeds 3 --minutes 5
      seq2seq compare --config configs/language/library-lstm.yaml --layers LSTM LSTM:depth=2,lr=0.004 --budget tokens
      seq2seq compare --config configs/translation/phrasebook-lstm.yaml --layers GRU LSTM/GRU --budget time --minutes 5

    Args:
        config: Configuration, as for fit; of several the later ones outweigh.
        layers: What is compared.
        budget: What is the same for all: the number of parameters, for which the width of each is solved; the training
            time; or the tokens, both with the width of the configuration.
        seeds: Trainings of each, with the seeds 1, 2, ...
        minutes: Training time of each, validation not counted.
        steps: Steps of each, instead of minutes; by default those of the configuration. They become a few fewer where
            about eight validations would not fall evenly among them.
        parameters: Parameters that each should have; by default those of the configuration's own model.
        same_block: Give each the block of the configuration, and not the one that is usual for it, nor the gates that
            are usual in a translator.
        output: Folder of the comparison; by default comparisons/ and the name of the configuration.
        again: Start anew, whatever the folder holds.
        overrides: Options of fit with a dot in them.
    """
    check_unicode([output or ""], "the results of a comparison hold its command")

    from seq2seq.commands.experiment import name_of
    from seq2seq.commands.untrained import described
    from seq2seq.comparison import report
    from seq2seq.comparison.compare import compared, planned
    from seq2seq.comparison.plan import Settings, make_plan
    from seq2seq.comparison.table import terminal
    from seq2seq.comparison.trials import Stopped
    from seq2seq.training.run_lock import run_lock

    folder = Path(output) if output is not None else Path("comparisons") / name_of(config)
    settings = Settings(described(config, overrides), layers, budget, seeds, minutes, steps, parameters, same_block)
    new = make_plan(settings)
    with system_errors(f"cannot write {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    command = shlex.join([*asked(settings, config, seeds), *(("--output", output) if output else ()), *overrides])
    try:
        with run_lock(folder), live() as (look, say):
            plan = planned(new, folder, again)
            results = compared(plan, folder, command, look, say)
    except (Stopped, KeyboardInterrupt) as stopped:
        print(f"stopped; the same command goes on with what {folder} holds", file=sys.stderr, flush=True)
        raise SystemExit(128 + (stopped.number if isinstance(stopped, Stopped) else 2)) from None
    show(terminal(results, plan.metric, seeds))
    print(report.sentence(results, plan))
    print(f"{folder}/table.md, results.json and loss.png hold it all")
    if not any(result.finished for result in results):
        raise UserError(f"no training finished; {folder}/logs has what each said")


def asked(settings: Any, config: list[str], seeds: int) -> list[str]:
    """The command, without what is the default."""
    told = ["seq2seq", "compare", "--config", *config, "--layers", *settings.layers, "--budget", settings.budget]
    told += ["--seeds", str(seeds)]
    for name in ("minutes", "steps", "parameters"):
        if (value := getattr(settings, name)) is not None:
            told += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return [*told, "--same-block"] if settings.same_block else told


@contextmanager
def live() -> Iterator[tuple[Callable[[str, str], object], Callable[[str], object]]]:
    """Two functions: one shows on a terminal what is done now, one prints a line that stays."""
    if not sys.stderr.isatty():
        yield lambda what, line: None, lambda line: print(line, file=sys.stderr, flush=True)
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("") as status:
        yield (
            lambda what, line: status.update(f"{what}  {line}".strip()),
            lambda line: console.print(line, markup=False, highlight=False),
        )


def show(table: Any) -> None:
    """Print a table, as wide as the terminal, or as it needs where there is none."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 140).print(table)
