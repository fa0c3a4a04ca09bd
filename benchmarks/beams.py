"""`python -m benchmarks.beams CHECKPOINT --source val.de --reference val.en`: cost and benefit of stopping beams early.

One process with one thread; all settings translate the file in interleaved rounds.
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.interleaved import elapsed_seconds, run_interleaved, spread
from benchmarks.precision import PRECISIONS
from benchmarks.setting import pin
from seq2seq.data.text import read_lines
from seq2seq.inference import TranslationPipeline
from seq2seq.inference.shortlist import Shortlist
from seq2seq.metrics import bleu
from seq2seq.search import Beam
from seq2seq.tasks import load_translation

SETTINGS = ((99.0, 99.0), (0.2, 99.0), (0.2, 3.0), (0.2, 2.0), (0.2, 1.5), (0.2, 1.0), (0.0, 2.0))
TABLE_HEAD = ("| patience | threshold | seconds | BLEU | mean log-probability |", "|---|---|---|---|---|")


class SettingResult(NamedTuple):
    """Time and quality of a setting; `score` is the mean log-probability of the best translation of each line."""

    seconds: float
    bleu: float
    score: float


def measure(
    translation: TranslationPipeline, source: Sequence[str], reference: Sequence[str], rounds: int
) -> list[SettingResult]:
    """Measure all of `SETTINGS`."""
    searches = {str(setting): Beam(patience=setting[0], threshold=setting[1]) for setting in SETTINGS}
    translations = {}

    def translate(name: str) -> None:
        translations[name] = [hypotheses[0] for hypotheses in translation.translate(source, searches[name])]

    times = run_interleaved({name: partial(elapsed_seconds, partial(translate, name)) for name in searches}, rounds)
    return [
        SettingResult(
            spread(times[name]).median,
            bleu([hypothesis.text for hypothesis in translations[name]], reference).value,
            sum(hypothesis.score for hypothesis in translations[name]) / len(source),
        )
        for name in searches
    ]


def table(results: Sequence[SettingResult]) -> str:
    rows = [
        f"| {patience:g} | {threshold:g} | {result.seconds:.1f} | {result.bleu:.2f} | {result.score:.3f} |"
        for (patience, threshold), result in zip(SETTINGS, results, strict=True)
    ]
    return "\n".join([*TABLE_HEAD, *rows])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beams", description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--source", type=Path, required=True, help="Lines to translate.")
    parser.add_argument("--reference", type=Path, required=True, help="Their translations.")
    parser.add_argument("--precision", choices=PRECISIONS, default="int8")
    parser.add_argument("--shortlist", type=Path, help="A file written by `seq2seq shortlist`.")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    pin(1)
    translation = load_translation(options.checkpoint, device="cpu", precision=options.precision)
    if options.shortlist:
        translation.shortlist = Shortlist.load(options.shortlist, translation.vocabularies)
    source, reference = (list(read_lines(path)) for path in (options.source, options.reference))
    print(table(measure(translation, source, reference, options.rounds)))


if __name__ == "__main__":
    main()
