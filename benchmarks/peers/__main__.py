"""`python -m benchmarks.peers`: compare with OpenNMT-py and JoeyNMT; writes a table and a JSON file."""

import argparse
import json
import os
import platform
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers import child, decoding, models, quality, report, training
from benchmarks.peers.corpus import SOURCE, Corpus, tokenize_corpus
from benchmarks.peers.decoding import Model
from benchmarks.peers.environment import Environment
from benchmarks.peers.joeynmt import JoeyNMT
from benchmarks.peers.opennmt import OpenNMT
from benchmarks.peers.ours import FEEDING_BATCHES, FEEDING_OPTIONS, QUICK_CONFIG, Ours
from benchmarks.peers.system import System
from benchmarks.progress import print_progress
from seq2seq.storage import atomic_write, write_json

PARTS = ("training", "quality", "decoding", "latency")  # decoding and latency use the models of quality
LATENCY_LINES = 100
FIRST_CORE = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def main() -> None:
    options = argument_parser().parse_args()
    environment = Environment(options.environment)
    try:
        environment.create()
    except RuntimeError as error:
        sys.exit(str(error))
    corpus = Corpus(options.corpus.absolute(), (options.work / "pieces").absolute())
    ours = Ours(report.OURS, shlex.split(options.fit_options), shlex.split(options.translate_options))
    peers: list[System] = [OpenNMT(environment), JoeyNMT(environment)]
    Contest(options, corpus, ours, peers).run()


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="Folder with train, val and test, .de and .en.")
    parser.add_argument(
        "--out", type=Path, default=Path("benchmarks/peers-results"), help="Path of the results without extension."
    )
    parser.add_argument("--work", type=Path, default=Path("runs/peers"), help="Folder for models and logs.")
    parser.add_argument("--environment", type=Path, default=Path(".venv-peers"), help="Where the peers are installed.")
    parser.add_argument("--only", choices=PARTS, help="Measure this part only and keep the results of the others.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=50, help="Steps of a short training.")
    parser.add_argument(
        "--core",
        type=int,
        default=FIRST_CORE,
        help="The core that everything runs on; by default the first available one.",
    )
    parser.add_argument("--goal", type=float, default=30.0, help="BLEU at which the training to a good model ends.")
    parser.add_argument("--limit", type=float, default=7200.0, help="Time limit of that training in seconds.")
    parser.add_argument("--ours", type=Path, help="Our checkpoint to translate with, of the same size.")
    parser.add_argument("--fit-options", default="", help="Further options of `seq2seq fit`, in one string.")
    parser.add_argument("--translate-options", default="", help="The same of `seq2seq translate`.")
    return parser


class Contest:
    """Run all parts and write the results after each."""

    def __init__(self, options: argparse.Namespace, corpus: Corpus, ours: Ours, peers: list[System]) -> None:
        self.options = options
        self.corpus = corpus
        self.ours = ours
        self.peers = peers
        self.work: Path = options.work.absolute()
        self.core: int | None = options.core
        path = options.out.with_suffix(".json")
        self.results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def run(self) -> None:
        parts: dict[str, Callable[[], None]] = {
            "training": self.training,
            "quality": self.quality,
            "decoding": self.decoding,
            "latency": self.latency,
        }
        for name in [self.options.only] if self.options.only else PARTS:
            print_progress(f"part: {name}")
            parts[name]()
            self.write()

    def write(self) -> None:
        self.results |= {"machine": f"{platform.machine()}, {platform.system()}", "goal": self.options.goal}
        write_json(self.options.out.with_suffix(".json"), self.results)
        text = report.table(self.results)
        with atomic_write(self.options.out.with_suffix(".md")) as file:
            file.write_text(text, encoding="utf-8")
        print(text)

    def training(self) -> None:
        folder = self.work / "training"
        if not self.corpus.tokenizer.exists():
            learn = self.ours.learn_pieces(self.corpus, self.corpus.pieces)
            child.run(learn, self.corpus.pieces / "log", self.core)
        tokenize_corpus(self.corpus)
        systems = [self.ours, Ours(report.FEEDING, FEEDING_OPTIONS, training_batches=FEEDING_BATCHES), *self.peers]
        steps, rounds = self.options.steps, self.options.rounds
        results, choices = training.measure(systems, self.corpus, folder, steps, rounds, self.core)
        batches = {name: choice._asdict() for name, choice in choices.items()}
        self.results |= {"training": results, "training batches": batches}

    def quality(self) -> None:
        goal = quality.TrainingGoal(bleu=self.options.goal, max_seconds=self.options.limit)
        for system in [Ours(report.OURS, config=QUICK_CONFIG), *self.peers]:
            folder = self.work / "quality" / system.name
            result = models.quality_result(folder)
            if result is None:
                result = quality.run(system, self.corpus, folder, goal, self.core)
            reported = {key: value for key, value in result.items() if key != "checkpoint"}  # a local path
            self.results.setdefault("quality", {})[system.name] = reported
            self.write()

    def decoding(self) -> None:
        source, folder = self.corpus.raw("test", SOURCE), self.work / "decoding"
        trained = self.trained_models([self.ours, *self.peers])
        self.results["decoding"] = decoding.measure(trained, source, 5, folder, self.options.rounds, self.core)
        self.results["translations"] = decoding.measure_quality(trained, self.corpus, "test", 5, folder)

    def latency(self) -> None:
        source, folder = self.corpus.raw("test", SOURCE), self.work / "latency"
        trained = self.trained_models([self.ours, self.peers[0]])
        for label, beams in (("greedy", 1), ("beam 5", 5)):
            rounds = decoding.measure_latency(
                trained, source, LATENCY_LINES, beams, folder, self.options.rounds, self.core
            )
            self.results[f"latency, {label}"] = rounds

    def trained_models(self, systems: list[System]) -> list[Model]:
        return [
            Model(system, self.options.ours.absolute())
            if system is self.ours and self.options.ours
            else models.trained_model(system, self.corpus, self.work, self.core, to_goal=system is not self.ours)
            for system in systems
        ]


if __name__ == "__main__":
    main()
