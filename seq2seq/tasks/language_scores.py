"""Scores of a language model on a text: nats and bits per token, character and byte."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from seq2seq.errors import UserError
from seq2seq.inference.text_generator import TextGenerator
from seq2seq.tasks.evaluation import Evaluation
from seq2seq.tokenizers.unknown import UnknownTokenCounts, format_percent

if TYPE_CHECKING:
    from seq2seq.metrics import LanguageScore
    from seq2seq.tokenizers import Tokenizer


class CountedText:
    """An iterable over the blocks of a text that counts its characters and bytes before tokenization.

    Bytes are those of the UTF-8 encoding, with the original line ends and without a byte-order mark.

    Args:
        blocks: The text.
        tokenizer: The tokenizer that will encode it.
    """

    def __init__(self, blocks: Iterable[str], tokenizer: "Tokenizer") -> None:
        self.blocks = blocks
        self.tokenizer = tokenizer
        self.characters = 0
        self.bytes = 0
        self.altered = False  # whether decoding would not restore the text, even without unknown tokens

    def __iter__(self) -> Iterator[str]:
        previous = "\n"
        for block in self.blocks:
            self.characters += len(block)
            self.bytes += len(block.encode("utf-8", errors="replace"))
            self.altered = self.altered or self.tokenizer.alters(block, previous)
            previous = block[-1:] or previous
            yield block
        self.altered = self.altered or self.tokenizer.alters("\n", previous)  # trailing whitespace

    @property
    def alteration(self) -> str | None:
        """How the tokenizer changes the text, as in "the text is read ..."; None if it does not."""
        if not self.altered:
            return None
        return self.tokenizer.alteration or "with U+FFFD in place of lone surrogates"


def evaluate_text(generator: TextGenerator, blocks: Iterable[str], window: int | None, name: str) -> Evaluation:
    """Score a text.

    Args:
        generator: The language model.
        blocks: The text.
        window: Reset the state every this many tokens.
        name: Name of the text, for errors.
    """
    from seq2seq.metrics import language_score

    if window is None and generator.model.stack.grows:
        raise UserError("this model's state grows with the text: give --window, the number of tokens to read at once")
    text = CountedText(blocks, generator.tokenizer)
    measured = generator.score_text(text, window)
    if not measured.tokens:
        problem = "is empty" if not text.characters else "contains no tokens"
        raise UserError(f"{name} {problem}, so there is nothing to score")
    score = language_score(measured.nats, measured.tokens, text.characters, text.bytes, measured.spelling)
    unknown = UnknownTokenCounts(measured.tokens, measured.unknown)
    unknown.report()
    counts = {"tokens": unknown.tokens, "characters": text.characters, "bytes": text.bytes}
    counts |= {"unknown_tokens": unknown.unknown}
    share = {"unknown_share": unknown.unknown / unknown.tokens, "altered": text.alteration}
    return Evaluation(score._asdict() | counts | share, "\n".join(table_lines(score, unknown, text)))


def table_lines(score: "LanguageScore", unknown: UnknownTokenCounts, text: CountedText) -> Iterator[str]:
    """Yield the lines of a table of the scores."""
    unknown_share = (
        f" ({unknown.unknown:,} unknown, {format_percent(unknown.unknown, unknown.tokens)})" if unknown.unknown else ""
    )
    perplexity = f"{score.perplexity:.4f}" if score.perplexity < float("inf") else "beyond 1e308"
    yield (
        f"{unknown.tokens:,} tokens{unknown_share}, {text.characters:,} characters, {text.bytes:,} bytes; "
        f"perplexity {perplexity}"
    )
    yield f"{'':<10} {'nats':>9} {'bits':>9}"
    for unit in ("token", "character", "byte"):
        yield format_row(score, unit)
    if unknown.unknown:
        yield "with unknown tokens spelled out, for comparison with other vocabularies:"
        yield format_row(score, "character", "comparable_")
        yield format_row(score, "byte", "comparable_")
    if text.alteration is not None:
        yield f"the text is read {text.alteration}: scores per character and byte do not include what that removes"


def format_row(score: "LanguageScore", unit: str, prefix: str = "") -> str:
    nats, bits = (getattr(score, f"{prefix}{measure}_per_{unit}") for measure in ("nats", "bits"))
    return f"{unit:<10} {nats:>9.4f} {bits:>9.4f}"
