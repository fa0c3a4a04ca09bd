"""`seq2seq compare`: a comparison of layers under one budget."""

import math
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NoReturn

from seq2seq.commands.arguments import check_unicode
from seq2seq.errors import UserError, system_errors
from seq2seq.ranges import Count, ParameterCount, Positive, checked

TERMINAL_COLUMNS = 8  # the other ones are in table.md


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
    """Train several layers on one corpus under the same budget, and report which is best.

    A layer is written NAME or NAME:key=value,key=value, where NAME is a layer of this package or the import path of
    yours, such as my_layers.Mine, and a key is an argument of the layer's class, an option of the model, or lr. For a
    translator it is DECODER or ENCODER/DECODER. Every option of `seq2seq fit` with a dot in it, such as --data.corpus
    FOLDER, changes the configuration of all layers. The same command resumes a comparison that was stopped; with other
    seeds or layers, finished trainings are kept.

    examples:
      seq2seq compare --config configs/language/shakespeare-lstm.yaml --layers LSTM GRU --seeds 3 --minutes 5
      seq2seq compare --config configs/language/library-lstm.yaml --layers LSTM LSTM:depth=2,lr=0.004 --budget tokens
      seq2seq compare --config configs/translation/phrasebook-lstm.yaml --layers GRU LSTM/GRU --budget time --minutes 5

    Args:
        config: Configuration, as for fit; later ones override earlier ones.
        layers: Layers to compare.
        budget: What all layers have in common: the number of parameters, which determines the width of each layer; the
            training time; or the training tokens, both with the width of the configuration.
        seeds: Number of trainings of each layer, with the seeds 1, 2, ...
        minutes: Training time of each layer, without validation.
        steps: Steps of each training, instead of minutes; by default those of the configuration, reduced slightly so
            that about eight validations are evenly spaced.
        parameters: Number of parameters of each model; by default that of the configuration's model.
        same_block: Use the residual block of the configuration for all layers, not the usual one of each layer, and
            not the usual gates of a translator.
        output: Folder of the comparison; by default comparisons/ and the name of the configuration.
        again: Start again, and discard previous results in the folder.
        overrides: Options of fit with a dot in them.
    """
    check_unicode([output or ""], "the results of a comparison contain its command")

    from seq2seq.commands.experiment import run_name
    from seq2seq.commands.untrained import resolve_configuration
    from seq2seq.comparison.compare import run_comparison
    from seq2seq.comparison.plan import Settings, make_plan, prepare_plan
    from seq2seq.comparison.report import table_rows, verdict, write_report
    from seq2seq.training.run_lock import run_lock

    folder = Path(output) if output is not None else Path("comparisons") / run_name(config)
    settings = Settings(
        resolve_configuration(config, overrides), layers, budget, seeds, minutes, steps, parameters, same_block
    )
    plan = make_plan(settings)
    with system_errors(f"cannot write {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    command = shlex.join(
        [*command_line(settings, config, seeds), *(("--output", output) if output else ()), *overrides]
    )
    try:
        with run_lock(folder), stop_on_sigterm(), live_status() as (update_status, log):
            prepare_plan(plan, folder, again)
            results = run_comparison(plan, folder, update_status, log)
            write_report(results, plan, folder, command)
    except KeyboardInterrupt as stopped:
        print(f"stopped; the same command resumes from {folder}", file=sys.stderr, flush=True)
        # `stop_on_sigterm` gives the number of its signal; Python raises a KeyboardInterrupt on SIGINT without one
        raise SystemExit(128 + (stopped.args or (signal.SIGINT,))[0]) from None
    print_table(*table_rows(results, plan.metric, seeds))
    print(verdict(results, plan.metric))
    print(f"results are in {folder}/table.md, results.json and loss.png")
    if all(math.isnan(result.mean) for result in results):
        raise UserError(f"no training finished; see {folder}/runs/*/log.txt")


def command_line(settings: Any, config: list[str], seeds: int) -> list[str]:
    """Return the command line that gives these settings, without options that have their default."""
    words = ["seq2seq", "compare", "--config", *config, "--layers", *settings.layers, "--budget", settings.budget]
    words += ["--seeds", str(seeds)]
    for name in ("minutes", "steps", "parameters"):
        if (value := getattr(settings, name)) is not None:
            words += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
    return [*words, "--same-block"] if settings.same_block else words


@contextmanager
def live_status() -> Iterator[tuple[Callable[[str, str], object], Callable[[str], object]]]:
    """Yield two functions: one updates a status line on a terminal, the other prints a permanent line."""
    if not sys.stderr.isatty():
        yield lambda task, line: None, lambda line: print(line, file=sys.stderr, flush=True)
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("") as status:
        yield (
            lambda task, line: status.update(f"{task}  {line}".strip()),
            lambda line: console.print(line, markup=False, highlight=False),
        )


@contextmanager
def stop_on_sigterm() -> Iterator[None]:
    """Raise a KeyboardInterrupt with the number of the signal on SIGTERM, as on SIGINT."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt(number)

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def print_table(headings: list[str], *rows: list[str]) -> None:
    """Print a table as wide as the terminal; 140 characters if the output is not a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_lines=True)
    for index, heading in enumerate(headings[:TERMINAL_COLUMNS]):
        table.add_column(heading, justify="right" if index else "left", min_width=6 if index else 18)
    for row in rows:
        table.add_row(*map(escape, row[:TERMINAL_COLUMNS]))
    Console(width=None if sys.stdout.isatty() else 140).print(table)
