"""How well a language model predicts a text, for `seq2seq evaluate`."""

from collections.abc import Iterable, Iterator
from json import dumps
from typing import TYPE_CHECKING

from seq2seq.commands.trained_corpus import trained_corpus
from seq2seq.data.text import read_blocks
from seq2seq.errors import UserError
from seq2seq.storage import plain
from seq2seq.tokenizers.unknown import UnknownTokens, percent

if TYPE_CHECKING:
    from seq2seq.inference import TextGenerator
    from seq2seq.metrics import LanguageScore
    from seq2seq.tokenizers import Tokenizer


class Original:
    """The blocks of a text, counted as they go by, before a tokenizer changes anything.

    Bytes are those of its UTF-8, line ends as they are; a byte-order mark, which is no text, is dropped when a file is
    read.

    Args:
        blocks: The text.
        tokenizer: What is to read it.
    """

    def __init__(self, blocks: Iterable[str], tokenizer: "Tokenizer") -> None:
        self.blocks = blocks
        self.tokenizer = tokenizer
        self.characters = 0
        self.bytes = 0
        self.altered = False  # whether it would not come back exactly although every token were known

    def __iter__(self) -> Iterator[str]:
        before = "\n"
        for block in self.blocks:
            self.characters += len(block)
            self.bytes += len(block.encode("utf-8", errors="replace"))
            self.altered = self.altered or self.tokenizer.alters(block, before)
            before = block[-1:] or before
            yield block
        self.altered = self.altered or self.tokenizer.alters("\n", before)  # white space at the very end

    @property
    def alteration(self) -> str | None:
        """How the tokenizer changes the text, as in "it is read ..."; None if it does not."""
        if not self.altered:
            return None
        return self.tokenizer.alteration or "with U+FFFD in place of lone surrogates"


def score_text(
    model: "TextGenerator", text: str | None, corpus: str | None, split: str | None, window: int | None, as_json: bool
) -> None:
    """Score a file, or a split of a corpus, and print the result."""
    from seq2seq.metrics import language_score

    if window is None and model.model.stack.grows:
        raise UserError("this model's state grows with the text: give --window, how many tokens it reads at once")
    blocks = Original(read_blocks(text) if text is not None else corpus_text(model, corpus, split), model.tokenizer)
    measured = model.measure(blocks, window)
    if not measured.tokens:
        what = "is empty" if not blocks.characters else "holds nothing that the tokenizer reads"
        raise UserError(f"{text or 'the text'} {what}, so there is nothing to score")
    score = language_score(measured.nats, measured.tokens, blocks.characters, blocks.bytes, measured.spelling)
    unknown = UnknownTokens(measured.tokens, measured.unknown)
    unknown.report()
    (print_json if as_json else print_table)(score, unknown, blocks)


def corpus_text(model: "TextGenerator", corpus: str | None, split: str | None) -> Iterable[str]:
    """The text of a split, block by block; of the corpus that the model was trained on by default."""
    from seq2seq.data.corpora import first_split
    from seq2seq.data.language_text import language_text

    name, subset, column, held_out = trained_corpus(model.corpus, corpus, "column", "held_out")
    split = split or first_split(name, [column], subset) or "validation"
    return language_text(name, split, held_out, subset, column)


def print_json(score: "LanguageScore", unknown: UnknownTokens, text: Original) -> None:
    counts = {"tokens": unknown.tokens, "characters": text.characters, "bytes": text.bytes}
    counts |= {"unknown_tokens": unknown.unknown}
    share = {"unknown_share": unknown.unknown / unknown.tokens, "altered": text.alteration}
    print(dumps(plain(score._asdict() | counts | share), allow_nan=False))


def print_table(score: "LanguageScore", unknown: UnknownTokens, text: Original) -> None:
    some = f" ({unknown.unknown:,} unknown, {percent(unknown.unknown, unknown.tokens)})" if unknown.unknown else ""
    perplexity = f"{score.perplexity:.4f}" if score.perplexity < float("inf") else "beyond 1e308"
    print(
        f"{unknown.tokens:,} tokens{some}, {text.characters:,} characters, {text.bytes:,} bytes; "
        f"perplexity {perplexity}"
    )
    print(f"{'':<10} {'nats':>9} {'bits':>9}")
    for unit in ("token", "character", "byte"):
        print(row(score, unit))
    if unknown.unknown:
        print("with the unknown tokens spelled, which compares with other vocabularies:")
        print(row(score, "character", "comparable_"))
        print(row(score, "byte", "comparable_"))
    if text.alteration is not None:
        print(f"it is read {text.alteration}, so figures by character and byte leave out what that loses")


def row(score: "LanguageScore", unit: str, kind: str = "") -> str:
    nats, bits = (getattr(score, f"{kind}{measure}_per_{unit}") for measure in ("nats", "bits"))
    return f"{unit:<10} {nats:>9.4f} {bits:>9.4f}"
