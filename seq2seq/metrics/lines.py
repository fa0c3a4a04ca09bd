"""Scores of lines against their references: BLEU, chrF, TER, accuracy and edit rates."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from seq2seq.errors import UserError, refuse_string
from seq2seq.metrics.bleu_tokenizers import BleuTokenizer, bleu_tokenizer_of_script, check_bleu_tokenizer
from seq2seq.scripts import main_script

References: TypeAlias = Sequence[str | Sequence[str]]  # of each line one or several

DEFAULT_METRICS = ("bleu", "chrf", "ter", "accuracy", "wer", "cer")


class MetricKind(NamedTuple):
    """How a metric is called, and which of two values is better."""

    title: str
    higher_is_better: bool


METRICS = {
    "bleu": MetricKind("BLEU", True),
    "chrf": MetricKind("chrF", True),
    "ter": MetricKind("TER", False),
    "accuracy": MetricKind("accuracy", True),
    "ser": MetricKind("SER", False),
    "wer": MetricKind("WER", False),
    "cer": MetricKind("CER", False),
    "per": MetricKind("PER", False),
}


class Score(NamedTuple):
    """A score of lines, with a signature that records the settings of the metric."""

    name: str
    value: float
    signature: str


@dataclass(frozen=True)
class Metrics:
    """Some metrics of lines and their settings.

    Args:
        names: The metrics: bleu, chrf, ter, accuracy (whole lines that are right), ser (their complement, the sequence
            error rate), wer, cer and per (edits of words, characters and tokens).
        tokenize: The tokenizer of BLEU: 13a, intl, zh, char, none, ja-mecab, ko-mecab or flores200; by default chosen
            by the script of the references.
        lowercase: Ignore case.
        pieces: Returns the tokens of a line, for the token error rate; by default its words.
    """

    names: tuple[str, ...] = DEFAULT_METRICS
    tokenize: BleuTokenizer | None = None
    lowercase: bool = False
    pieces: Callable[[str], Sequence[str]] = str.split

    def __post_init__(self) -> None:
        if unknown := [name for name in self.names if name not in METRICS]:
            raise UserError(f"a metric must be one of {', '.join(METRICS)}, not {unknown[0]!r}")
        if not self.names:
            raise UserError("at least one metric must be named")
        if self.tokenize is not None:
            check_bleu_tokenizer(self.tokenize)

    def create(self, references: References) -> dict[str, Any]:
        """Return sacreBLEU's metric objects by name; the references may choose the tokenizer of BLEU."""
        return {name: self._create(name, references) for name in dict.fromkeys(self.names)}

    def _create(self, name: str, references: References) -> Any:
        if name == "bleu":
            from sacrebleu.metrics.bleu import BLEU

            tokenize = self.tokenize or bleu_tokenizer_of_script(main_script(first_references(references)))
            return BLEU(lowercase=self.lowercase, tokenize=tokenize)
        if name == "chrf":
            from sacrebleu.metrics.chrf import CHRF

            return CHRF(lowercase=self.lowercase)
        if name == "ter":
            from sacrebleu.metrics.ter import TER

            return TER(case_sensitive=not self.lowercase)
        from seq2seq.metrics.edit_rates import CHARACTERS, LINES, WORDS, EditRate, Unit

        units = {"wer": WORDS, "cer": CHARACTERS, "per": Unit("tokens", self.pieces)}
        return EditRate(METRICS[name].title, units.get(name, LINES), self.lowercase, complement=name == "accuracy")


def first_references(references: References) -> Iterable[str]:
    """Yield the first reference of each line."""
    return (reference if isinstance(reference, str) else reference[0] for reference in references)


def score_lines(hypotheses: Sequence[str], references: References, metrics: Metrics = Metrics()) -> list[Score]:
    """Return the scores of some lines.

    Args:
        hypotheses: The lines.
        references: One reference for each line, or several as a list, of which any may be met.
        metrics: The metrics and their settings.

    Raises:
        UserError: unless there is at least one line, and at least one reference for each.
    """
    streams = reference_streams(hypotheses, references)
    scores = []
    for name, metric in metrics.create(references).items():
        value = metric.corpus_score(list(hypotheses), streams).score
        scores.append(Score(METRICS[name].title, value, str(metric.get_signature())))
    return scores


def reference_streams(hypotheses: Sequence[str], references: References) -> list[list[Any]]:
    """Return the first reference of every line, the second of every line, and so on; None where a line has fewer."""
    check_lines(hypotheses, references)
    rows = [[reference] if isinstance(reference, str) else list(reference) for reference in references]
    if empty := [number for number, row in enumerate(rows, start=1) if not row]:
        raise UserError(f"every line must have a reference, and line {empty[0]} has none")
    return [[row[index] if index < len(row) else None for row in rows] for index in range(max(map(len, rows)))]


def check_lines(hypotheses: Sequence[str], references: References) -> None:
    """Raise a UserError unless there are equally many lines on both sides, at least one."""
    refuse_string(hypotheses, "hypotheses")
    refuse_string(references, "references")
    if len(hypotheses) != len(references):
        raise UserError(f"there must be one reference a line, not {len(references)} for {len(hypotheses)} lines")
    if not references:
        raise UserError("there must be at least one line to score, but there is none")


def bleu(
    hypotheses: Sequence[str],
    references: References,
    lowercase: bool = False,
    tokenize: BleuTokenizer | None = None,
) -> Score:
    """Return BLEU of a corpus (Papineni et al., 2002) by sacreBLEU (Post, 2018), from 0 to 100, higher is better.

    See `score_lines` for the arguments and `Metrics` for the tokenizers.
    """
    return score_lines(hypotheses, references, Metrics(("bleu",), tokenize, lowercase))[0]


def chrf(hypotheses: Sequence[str], references: References, lowercase: bool = False, word_order: int = 0) -> Score:
    """Return chrF of a corpus (Popović, 2015) by sacreBLEU, from 0 to 100, higher is better; `word_order=2` is chrF++.

    See `score_lines` for the arguments.
    """
    streams = reference_streams(hypotheses, references)
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF(lowercase=lowercase, word_order=word_order)
    value = metric.corpus_score(list(hypotheses), streams).score
    return Score("chrF" + "+" * word_order, value, str(metric.get_signature()))


def ter(hypotheses: Sequence[str], references: References, lowercase: bool = False) -> Score:
    """Return TER of a corpus (Snover et al., 2006) by sacreBLEU: edits per 100 words of the reference, lower is better.

    Case matters by default, as in the other metrics here, unlike in sacreBLEU's command line. See `score_lines` for the
    arguments.
    """
    return score_lines(hypotheses, references, Metrics(("ter",), lowercase=lowercase))[0]


def accuracy(hypotheses: Sequence[str], references: References, lowercase: bool = False) -> Score:
    """Return the percentage of lines that equal a reference. See `score_lines` for the arguments."""
    return score_lines(hypotheses, references, Metrics(("accuracy",), lowercase=lowercase))[0]


def sequence_error_rate(hypotheses: Sequence[str], references: References, lowercase: bool = False) -> Score:
    """Return the percentage of lines that equal no reference. See `score_lines` for the arguments."""
    return score_lines(hypotheses, references, Metrics(("ser",), lowercase=lowercase))[0]


def word_error_rate(hypotheses: Sequence[str], references: References, lowercase: bool = False) -> Score:
    """Return WER: edits per 100 words of the references, lower is better. See `score_lines` for the arguments."""
    return score_lines(hypotheses, references, Metrics(("wer",), lowercase=lowercase))[0]


def character_error_rate(hypotheses: Sequence[str], references: References, lowercase: bool = False) -> Score:
    """Return CER: edits per 100 characters of the references, lower is better. See `score_lines` for the arguments."""
    return score_lines(hypotheses, references, Metrics(("cer",), lowercase=lowercase))[0]


def token_error_rate(
    hypotheses: Sequence[str],
    references: References,
    lowercase: bool = False,
    pieces: Callable[[str], Sequence[str]] = str.split,
) -> Score:
    """Return edits per 100 tokens of the references, lower is better; PER where the tokens are phones.

    Args:
        hypotheses: The lines.
        references: One reference for each line, or several as a list.
        lowercase: Ignore case.
        pieces: Returns the tokens of a line, such as `Tokenizer.pieces`; by default its words.
    """
    return score_lines(hypotheses, references, Metrics(("per",), lowercase=lowercase, pieces=pieces))[0]
