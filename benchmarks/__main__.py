"""`python -m benchmarks`: training and decoding against bare loops of torch, as one table and one JSON file."""

import argparse
import json
import logging
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from benchmarks import decoding, training
from seq2seq.files import whole


class Contest(NamedTuple):
    """Two ways to do the same work, in turns."""

    name: str
    ours: Callable[[], None]
    theirs: Callable[[], None]
    against: str


class Outcome(NamedTuple):
    name: str
    against: str
    ratio: float  # how many times as fast as theirs: the median over the rounds
    lowest: float
    highest: float


def compare(contest: Contest, rounds: int) -> Outcome:
    """Ours, theirs, ours, theirs, ...: what disturbs the machine disturbs both."""
    contest.ours(), contest.theirs()  # warm
    ratios = [seconds(contest.theirs) / seconds(contest.ours) for _ in range(rounds)]
    return Outcome(contest.name, contest.against, statistics.median(ratios), min(ratios), max(ratios))


def seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    given = parser.parse_args()
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.simplefilter("ignore")
    contests = [
        Contest(
            "language model, training, width 512, float32", *training.language_model(512, False), "bare nn.LSTM loop"
        ),
        Contest("language model, training, width 512, bf16", *training.language_model(512, True), "bare nn.LSTM loop"),
        Contest("one step of LSTM, 1 row", *decoding.lstm_step(512, 1), "nn.LSTM called for one step"),
        Contest("one step of LSTM, 5 rows", *decoding.lstm_step(512, 5), "nn.LSTM called for one step"),
        Contest("beam 5, 32 sentences at once", *decoding.batched_beams(32), "the same, one at a time"),
    ]
    outcomes = [compare(contest, given.rounds) for contest in contests]
    machine = f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    rows = ["| what | against | times as fast (median) | lowest to highest |", "|---|---|---|---|"]
    rows += [f"| {o.name} | {o.against} | {o.ratio:.2f} | {o.lowest:.2f} to {o.highest:.2f} |" for o in outcomes]
    table = "\n".join([f"{machine}; {given.rounds} rounds in turns", "", *rows])
    print(table)
    with whole(given.out.with_suffix(".md")) as file:
        file.write_text(table + "\n", encoding="utf-8")
    with whole(given.out.with_suffix(".json")) as file:
        file.write_text(json.dumps([o._asdict() for o in outcomes], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
