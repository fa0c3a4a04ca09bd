"""Numbers that say how good a model is, from losses or from strings."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from seq2seq.errors import UserError, refuse_string


class LanguageScore(NamedTuple):
    """How well a language model predicts a text.

    Between tokenizers, only the comparable numbers compare. They are the same as the others if every token is known;
    otherwise the unknown ones are spelled in them, and cost what that takes besides their own probability.
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
    """One number about translations, with the signature that says how it was measured."""

    name: str
    value: float
    signature: str


def bits(nats: float) -> float:
    """The same information in bits."""
    return nats / math.log(2)


def perplexity(nats_per_token: float) -> float:
    """Among how many equally likely tokens the model chooses; infinity where the number is too large for a float."""
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
    """Return the score of a text.

    Args:
        nats: The loss of all its tokens.
        tokens: Their number.
        characters: The length of the original text.
        bytes: The length of the original text in UTF-8.
        spelling: Nats that spelling the unknown tokens takes besides.

    Raises:
        UserError: unless all three numbers are positive and the loss is finite.
    """
    for name, count in (("tokens", tokens), ("characters", characters), ("bytes", bytes)):
        if count <= 0:
            raise UserError(f"a text to score must have at least one of its {name}, not {count}")
    if not math.isfinite(nats + spelling):
        raise UserError(f"the loss of a text must be a finite number to be scored, and it is {nats + spelling}")
    whole = nats + spelling
    return LanguageScore(
        nats_per_token=nats / tokens,
        bits_per_token=bits(nats / tokens),
        nats_per_character=nats / characters,
        bits_per_character=bits(nats / characters),
        nats_per_byte=nats / bytes,
        bits_per_byte=bits(nats / bytes),
        perplexity=perplexity(nats / tokens),
        comparable_nats_per_character=whole / characters,
        comparable_bits_per_character=bits(whole / characters),
        comparable_nats_per_byte=whole / bytes,
        comparable_bits_per_byte=bits(whole / bytes),
    )


def bleu(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = False, tokenize: str = "13a") -> Score:
    """BLEU of a corpus (Papineni et al., 2002) by sacreBLEU (Post, 2018), from 0 to 100, higher is better.

    `tokenize` is one of sacreBLEU's tokenizers, such as 13a, intl, char, zh and ja-mecab. Raises ValueError unless
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
    """chrF of a corpus (Popović, 2015) by sacreBLEU, from 0 to 100, higher is better; with `word_order` 2 it is chrF++.

    Raises ValueError unless there are equally many lines on both sides, at least one.
    """
    _check_lines(hypotheses, references)
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF(lowercase=lowercase, word_order=word_order)
    value = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score("chrF" + "+" * word_order, value, str(metric.get_signature()))


def ter(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = False) -> Score:
    """TER of a corpus (Snover et al., 2006) by sacreBLEU: edits for 100 words of the reference, lower is better.

    Case counts by default, as in the other scores here, though not in sacreBLEU's command. Raises ValueError unless
    there are equally many lines on both sides, at least one.
    """
    _check_lines(hypotheses, references)
    from sacrebleu.metrics.ter import TER

    metric = TER(case_sensitive=not lowercase)
    value = metric.corpus_score(list(hypotheses), [list(references)]).score
    return Score("TER", value, str(metric.get_signature()))


def exact_match(hypotheses: Sequence[str], references: Sequence[str], lowercase: bool = False) -> Score:
    """Return how many lines of 100 equal their reference in every character, or but for their case.

    Raises ValueError unless there are equally many lines on both sides, at least one.
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
