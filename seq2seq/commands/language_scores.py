"""Scores of a language model on a text, for `seq2seq evaluate`."""

from collections.abc import Iterable, Iterator
from json import dumps
from typing import TYPE_CHECKING

from seq2seq.data.text import read_blocks
from seq2seq.errors import UserError
from seq2seq.storage import json_value
from seq2seq.tasks.language_modeling import corpus_text
from seq2seq.tokenizers.unknown import UnknownTokenCounts, format_percent

if TYPE_CHECKING:
    from seq2seq.inference import TextGenerator
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


def score_text(
    model: "TextGenerator", text: str | None, corpus: str | None, split: str | None, window: int | None, as_json: bool
) -> None:
    """Score a file, or a split of a corpus, and print the result."""
    from seq2seq.metrics import language_score

    if window is None and model.model.stack.grows:
        raise UserError("this model's state grows with the text: give --window, the number of tokens to read at once")
    blocks = CountedText(
        read_blocks(text) if text is not None else corpus_text(model.corpus, corpus, split), model.tokenizer
    )
    measured = model.score_text(blocks, window)
    if not measured.tokens:
        problem = "is empty" if not blocks.characters else "contains no tokens"
        raise UserError(f"{text or 'the text'} {problem}, so there is nothing to score")
    score = language_score(measured.nats, measured.tokens, blocks.characters, blocks.bytes, measured.spelling)
    unknown = UnknownTokenCounts(measured.tokens, measured.unknown)
    unknown.report()
    (print_json if as_json else print_table)(score, unknown, blocks)


def print_json(score: "LanguageScore", unknown: UnknownTokenCounts, text: CountedText) -> None:
    counts = {"tokens": unknown.tokens, "characters": text.characters, "bytes": text.bytes}
    counts |= {"unknown_tokens": unknown.unknown}
    share = {"unknown_share": unknown.unknown / unknown.tokens, "altered": text.alteration}
    print(dumps(json_value(score._asdict() | counts | share), allow_nan=False))


def print_table(score: "LanguageScore", unknown: UnknownTokenCounts, text: CountedText) -> None:
    unknown_share = (
        f" ({unknown.unknown:,} unknown, {format_percent(unknown.unknown, unknown.tokens)})" if unknown.unknown else ""
    )
    perplexity = f"{score.perplexity:.4f}" if score.perplexity < float("inf") else "beyond 1e308"
    print(
        f"{unknown.tokens:,} tokens{unknown_share}, {text.characters:,} characters, {text.bytes:,} bytes; "
        f"perplexity {perplexity}"
    )
    print(f"{'':<10} {'nats':>9} {'bits':>9}")
    for unit in ("token", "character", "byte"):
        print(format_row(score, unit))
    if unknown.unknown:
        print("with unknown tokens spelled out, for comparison with other vocabularies:")
        print(format_row(score, "character", "comparable_"))
        print(format_row(score, "byte", "comparable_"))
    if text.alteration is not None:
        print(f"the text is read {text.alteration}: scores per character and byte do not include what that removes")


def format_row(score: "LanguageScore", unit: str, prefix: str = "") -> str:
    nats, bits = (getattr(score, f"{prefix}{measure}_per_{unit}") for measure in ("nats", "bits"))
    return f"{unit:<10} {nats:>9.4f} {bits:>9.4f}"
