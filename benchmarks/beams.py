"""`python -m benchmarks.beams CHECKPOINT --source val.de --reference val.en`: what ending a beam early saves and loses.

One process with one thread; every way to end translates the file in turns.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.contest import in_turns, seconds, spread
from benchmarks.precision import PRECISIONS
from benchmarks.setting import pin
from seq2seq.data.text import read_lines
from seq2seq.inference import SearchOptions, TranslationPipeline, load_translation
from seq2seq.inference.shortlist import Shortlist
from seq2seq.metrics import bleu

ENDINGS = ((99.0, 99.0), (0.2, 99.0), (0.2, 3.0), (0.2, 2.0), (0.2, 1.5), (0.2, 1.0), (0.0, 2.0))
HEAD = ("| patience | threshold | seconds | BLEU | mean log-probability |", "|---|---|---|---|---|")


class Found(NamedTuple):
    """What a way to end a beam takes and gives; the log-probability is that of the first translation of each line."""

    seconds: float
    bleu: float
    score: float


def measure(
    translation: TranslationPipeline, source: Sequence[str], reference: Sequence[str], rounds: int
) -> list[Found]:
    """Of each of `ENDINGS`."""
    ways = {str(ending): SearchOptions(patience=ending[0], threshold=ending[1]) for ending in ENDINGS}
    said = {}

    def translate(name: str) -> None:
        said[name] = [found[0] for found in translation.translate(source, ways[name])]

    took = in_turns({name: partial(seconds, partial(translate, name)) for name in ways}, rounds)
    return [
        Found(
            spread(took[name]).median,
            bleu([one.text for one in said[name]], reference).value,
            sum(one.score for one in said[name]) / len(source),
        )
        for name in ways
    ]


def table(found: Sequence[Found]) -> str:
    rows = [
        f"| {patience:g} | {threshold:g} | {one.seconds:.1f} | {one.bleu:.2f} | {one.score:.3f} |"
        for (patience, threshold), one in zip(ENDINGS, found, strict=True)
    ]
    return "\n".join([*HEAD, *rows])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beams", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--source", type=Path, required=True, help="Lines to translate.")
    parser.add_argument("--reference", type=Path, required=True, help="Their translations.")
    parser.add_argument("--precision", choices=PRECISIONS, default="int8")
    parser.add_argument("--shortlist", type=Path, help="What `seq2seq shortlist` wrote.")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    pin(1)
    translation = load_translation(given.checkpoint, device="cpu", precision=given.precision)
    if given.shortlist:
        translation.shortlist = Shortlist.load(given.shortlist, translation.vocabularies)
    source, reference = (list(read_lines(path)) for path in (given.source, given.reference))
    print(table(measure(translation, source, reference, given.rounds)))


if __name__ == "__main__":
    main()
