"""Metrics: BLEU, chrF, TER and exact match of translations; perplexity and bits per byte of language models."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from seq2seq.errors import UserError, refuse_string


class LanguageScore(NamedTuple):
    """The scores of a language model on a text.

    Across tokenizers, compare only the comparable scores. They equal the others if there are no unknown tokens; else
    they include the cost of spelling the unknown tokens.
    """

    nats_per_token: float
    bits_per_token: float
    nats_per_character: float
    bits_per_character: float
    nats_per_byte: float
    bits_per_byte: float
    perplexity: float  # per token
    comparable_nats_per_character: float
    comparable_bits_per_character: float
    comparable_nats_per_byte: float
    comparable_bits_per_byte: float


class Score(NamedTuple):
    """A score of translations, with a signature that records the settings of the metric."""

    name: str
    value: float
    signature: str


def nats_to_bits(nats: float) -> float:
    """Convert nats to bits."""
    return nats / math.log(2)


def perplexity(nats_per_token: float) -> float:
    """Return the exponential of the mean negative log-likelihood; infinity if it overflows a float."""
    try:
        return math.exp(nats_per_token)
    except OverflowError:
        return math.inf


def language_score(
    nats: float,
    tokens: int,
    characters: int,
    bytes: int,  # noqa: A002
    spelling: float = 0.0,
) -> LanguageScore:
    """Return the scores of a language model on a text.

    Args:
        nats: Total negative log-likelihood of the tokens.
        tokens: Number of tokens.
        characters: Number of characters of the original text.
        bytes: Number of UTF-8 bytes of the original text.
        spelling: Additional nats for spelling the unknown tokens.

    Raises:
        UserError: unless all three counts are positive and the loss is finite.
    """
    for name, count in (("tokens", tokens), ("characters", characters), ("bytes", bytes)):
        if count <= 0:
            raise UserError(f"a text to score must have at least one of its {name}, not {count}")
    if not math.isfinite(nats + spelling):
        raise UserError(f"the loss of a text must be a finite number to be scored, and it is {nats + spelling}")
    comparable_nats = nats + spelling
    return LanguageScore(
        nats_per_token=nats / tokens,
        bits_per_token=nats_to_bits(nats / tokens),
        nats_per_character=nats / characters,
        bits_per_character=nats_to_bits(nats / characters),
        nats_per_byte=nats / bytes,
        bits_per_byte=nats_to_bits(nats / bytes),
        perplexity=perplexity(nats / tokens),
        comparable_nats_per_character=comparable_nats / characters,
        comparable_bits_per_character=nats_to_bits(comparable_nats / characters),
        comparable_nats_per_byte=comparable_nats / bytes,
        comparable_bits_per_byte=nats_to_bits(comparable_nats / bytes),
    )


def bleu(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = False, tokenize: str = "13a") -> Score:
    """Return BLEU of a corpus (Papineni et al., 2002) by sacreBLEU (Post, 2018), from 0 to 100, higher is better.

    `tokenize` is one of sacreBLEU's tokenizers, such as 13a, intl, char, zh and ja-mecab. Raises a UserError unless
    there are equally many lines on both sides, at least one.
    """
    _check_lines(hypotheses, references)
    from sacrebleu.metrics.bleu import BLEU

    try:
        metric = BLEU(lowercase=lowercase, tokenize=tokenize)
    except (AssertionError, KeyError):
        known = ", ".join(sorted(BLEU.TOKENIZERS))
        raise UserError(f"tokenize must be one of {known}, not {tokenize!r}") from None
    value = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score("BLEU", value, str(metric.get_signature()))


def chrf(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = False, word_order: int = 0) -> Score:
    """Return chrF of a corpus (Popović, 2015) by sacreBLEU, from 0 to 100, higher is better; `word_order=2` is chrF++.

    Raises a UserError unless there are equally many lines on both sides, at least one.
    """
    _check_lines(hypotheses, references)
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF(lowercase=lowercase, word_order=word_order)
    value = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score("chrF" + "+" * word_order, value, str(metric.get_signature()))


def ter(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = False) -> Score:
    """Return TER of a corpus (Snover et al., 2006) by sacreBLEU: edits per 100 words of the reference, lower is better.

    Case matters by default, as in the other metrics here, unlike in sacreBLEU's command line. Raises a UserError unless
    there are equally many lines on both sides, at least one.
    """
    _check_lines(hypotheses, references)
    from sacrebleu.metrics.ter import TER

    metric = TER(case_sensitive=not lowercase)
    value = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score("TER", value, str(metric.get_signature()))


def exact_match(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = False) -> Score:
    """Return the percentage of lines that equal their reference, or equal it but for case with `lowercase`.

    Raises a UserError unless there are equally many lines on both sides, at least one.
    """
    _check_lines(hypotheses, references)
    if lowercase:
        hypotheses, references = [line.lower() for line in hypotheses], [line.lower() for line in references]
    equal = sum(map(str.__eq__, hypotheses, references))
    case = "lc" if lowercase else "mixed"
    return Score("exact match", 100 * equal / len(references), f"nrefs:1|case:{case}|tok:none")


def _check_lines(hypotheses: Sequence[str], references: Sequence[str]) -> None:
    refuse_string(hypotheses, "hypotheses")
    refuse_string(references, "references")
    if len(hypotheses) != len(references):
        raise UserError(f"there must be one reference a line, not {len(references)} for {len(hypotheses)} lines")
    if not references:
        raise UserError("there must be at least one line to score, but there is none")
