"""Whole lines that are right, and edits of units, in sacreBLEU's interface of metrics, which resamples them too."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rapidfuzz.distance import Levenshtein
from sacrebleu.metrics.base import Metric, Score, Signature


class Unit(NamedTuple):
    """What an edit inserts, deletes or replaces."""

    name: str  # in signatures
    split: Callable[[str], Sequence[Any]]


WORDS = Unit("words", str.split)  # runs without white space
CHARACTERS = Unit("characters", str)
LINES = Unit("lines", lambda text: [text])


class _Signature(Signature):
    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self.info["case"] = "lc" if settings["lowercase"] else "mixed"
        self.info["unit"] = settings["unit"].name
        self.info["version"] = None  # that of sacreBLEU, which does not compute it


class EditRate(Metric):
    """Edits per 100 units of the references (Levenshtein, 1966): the word, character or token error rate.

    Of several references of a line, the one with the fewest edits counts, and of these the longest. Without any unit in
    the references, the rate is 0, or 100 if there are edits. With whole lines as units, it is the share of wrong lines.

    Args:
        title: Its name.
        unit: The units.
        lowercase: Ignore case.
        complement: Score 100 minus the rate, which with whole lines is the accuracy.
    """

    _SIGNATURE_TYPE = _Signature  # type: ignore[assignment]

    def __init__(self, title: str, unit: Unit, lowercase: bool = False, complement: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.title = title
        self.unit = unit
        self.lowercase = lowercase
        self.complement = complement

    def _preprocess_segment(self, sent: str) -> str:
        return sent.lower() if self.lowercase else sent

    def _extract_reference_info(self, refs: Sequence[str]) -> dict[str, Any]:
        return {"references": [self.unit.split(reference) for reference in refs]}

    def _compute_segment_statistics(self, hypothesis: str, ref_kwargs: dict[str, Any]) -> list[int]:
        units = self.unit.split(hypothesis)
        distances = [(Levenshtein.distance(units, each), -len(each)) for each in ref_kwargs["references"]]
        edits, negative_length = min(distances)
        return [edits, -negative_length]

    def _compute_score_from_stats(self, stats: Sequence[float]) -> Score:
        edits, length = map(float, stats)
        rate = 100 * edits / length if length else 100.0 * bool(edits)
        return Score(self.title, 100 - rate if self.complement else rate)

    def _aggregate_and_compute(self, stats: Sequence[Sequence[float]]) -> Score:
        return self._compute_score_from_stats([sum(column) for column in zip(*stats, strict=True)])
