"""`python -m benchmarks.peers`: ours against OpenNMT-py and JoeyNMT, as one table and one JSON file."""

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
from benchmarks.peers.corpus import SOURCE, Corpus, cut_corpus
from benchmarks.peers.decoding import Model
from benchmarks.peers.environment import Environment
from benchmarks.peers.joeynmt import JoeyNMT
from benchmarks.peers.opennmt import OpenNMT
from benchmarks.peers.ours import FEEDING, FEEDING_BATCHES, QUICK, Ours
from benchmarks.peers.system import System
from benchmarks.progress import tell
from seq2seq.storage import atomic_write, write_json

PARTS = ("training", "quality", "decoding", "latency")  # decoding and latency use the models of quality
LATENCY_LINES = 100
FIRST_CORE = min(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def main() -> None:
    given = arguments().parse_args()
    environment = Environment(given.environment)
    try:
        environment.make()
    except RuntimeError as error:
        sys.exit(str(error))
    corpus = Corpus(given.corpus.absolute(), (given.work / "pieces").absolute())
    ours = Ours(report.OURS, shlex.split(given.fit_options), shlex.split(given.translate_options))
    peers: list[System] = [OpenNMT(environment), JoeyNMT(environment)]
    Contest(given, corpus, ours, peers).run()


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, help="Folder with train, val and test, .de and .en.")
    parser.add_argument(
        "--out", type=Path, default=Path("benchmarks/peers-results"), help="Results, without an ending."
    )
    parser.add_argument("--work", type=Path, default=Path("runs/peers"), help="Folder for models and logs.")
    parser.add_argument("--environment", type=Path, default=Path(".venv-peers"), help="Where the peers are installed.")
    parser.add_argument("--only", choices=PARTS, help="Measure this part and keep the others' results.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=50, help="Steps of a short training.")
    parser.add_argument(
        "--core",
        type=int,
        default=FIRST_CORE,
        help="The core that everything runs on, by default the first that this process may use.",
    )
    parser.add_argument("--goal", type=float, default=30.0, help="BLEU that ends the way to quality.")
    parser.add_argument("--limit", type=float, default=7200.0, help="Seconds that a system has for it.")
    parser.add_argument("--ours", type=Path, help="Our checkpoint to translate with, of the same size.")
    parser.add_argument("--fit-options", default="", help="Further options of `seq2seq fit`, in one string.")
    parser.add_argument("--translate-options", default="", help="The same of `seq2seq translate`.")
    return parser


class Contest:
    """All parts, whose results are written as they come."""

    def __init__(self, given: argparse.Namespace, corpus: Corpus, ours: Ours, peers: list[System]) -> None:
        self.given = given
        self.corpus = corpus
        self.ours = ours
        self.peers = peers
        self.work: Path = given.work.absolute()
        self.core: int | None = given.core
        path = given.out.with_suffix(".json")
        self.results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def run(self) -> None:
        parts: dict[str, Callable[[], None]] = {
            "training": self.training,
            "quality": self.quality,
            "decoding": self.decoding,
            "latency": self.latency,
        }
        for name in [self.given.only] if self.given.only else PARTS:
            tell(f"part: {name}")
            parts[name]()
            self.write()

    def write(self) -> None:
        self.results |= {"machine": f"{platform.machine()}, {platform.system()}", "goal": self.given.goal}
        write_json(self.given.out.with_suffix(".json"), self.results)
        text = report.table(self.results)
        with atomic_write(self.given.out.with_suffix(".md")) as file:
            file.write_text(text, encoding="utf-8")
        print(text)

    def training(self) -> None:
        folder = self.work / "training"
        if not self.corpus.tokenizer.exists():
            learn = self.ours.pieces(self.corpus, self.corpus.pieces)
            child.run(learn, self.corpus.pieces / "log", self.core)
        cut_corpus(self.corpus)
        systems = [self.ours, Ours(report.FEEDING, FEEDING, training_batches=FEEDING_BATCHES), *self.peers]
        steps, rounds = self.given.steps, self.given.rounds
        found, chosen = training.measure(systems, self.corpus, folder, steps, rounds, self.core)
        batches = {name: choice._asdict() for name, choice in chosen.items()}
        self.results |= {"training": found, "training batches": batches}

    def quality(self) -> None:
        race = quality.Race(goal=self.given.goal, limit=self.given.limit)
        for system in [Ours(report.OURS, config=QUICK), *self.peers]:
            folder = self.work / "quality" / system.name
            found = models.raced(folder)
            if found is None:
                found = quality.run(system, self.corpus, folder, race, self.core)
            told = {key: value for key, value in found.items() if key != "checkpoint"}  # a path of this machine only
            self.results.setdefault("quality", {})[system.name] = told
            self.write()

    def decoding(self) -> None:
        source, folder = self.corpus.raw("test", SOURCE), self.work / "decoding"
        known = self.trained([self.ours, *self.peers])
        self.results["decoding"] = decoding.measure(known, source, 5, folder, self.given.rounds, self.core)
        self.results["said"] = decoding.quality(known, self.corpus, "test", 5, folder)

    def latency(self) -> None:
        source, folder = self.corpus.raw("test", SOURCE), self.work / "latency"
        known = self.trained([self.ours, self.peers[0]])
        for name, beams in (("greedy", 1), ("beam 5", 5)):
            found = decoding.latency(known, source, LATENCY_LINES, beams, folder, self.given.rounds, self.core)
            self.results[f"latency, {name}"] = found

    def trained(self, systems: list[System]) -> list[Model]:
        return [
            Model(one, self.given.ours.absolute())
            if one is self.ours and self.given.ours
            else models.trained(one, self.corpus, self.work, self.core, from_race=one is not self.ours)
            for one in systems
        ]


if __name__ == "__main__":
    main()
