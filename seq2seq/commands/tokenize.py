"""`seq2seq tokenize`: learn a tokenizer from text files and report token counts."""

import os
from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from jsonargparse import lazy_instance  # type: ignore[attr-defined]

from seq2seq.commands.lines import check_other_file
from seq2seq.data.text import open_file, read_lines
from seq2seq.errors import UserError
from seq2seq.storage import check_output, check_regular
from seq2seq.tokenizers import Subwords, Tokenizer, save
from seq2seq.tokenizers.unknown import UnknownTokenCounts

_DEFAULT: Tokenizer = lazy_instance(Subwords)  # lazy, so that the command line can change its options
_BATCH_LINES = 1000


class TokenCounts(NamedTuple):
    """Counts of lines, characters and tokens in a text."""

    lines: int
    characters: int
    tokens: UnknownTokenCounts


def tokenize(
    files: list[str],
    out: str,
    tokenizer: Tokenizer = _DEFAULT,
    held_out: str | None = None,
    show: str | None = None,
) -> None:
    """Learn a tokenizer from text files and write it to a file.

    Prints the size of the vocabulary and, for each file, the tokens per line and per character and the percentage of
    unknown tokens.

    examples:
      seq2seq tokenize train.de train.en --out vocabulary.json --tokenizer.size 8000 --held-out val.de
      seq2seq tokenize text.txt --out words.json --tokenizer Words --tokenizer.max_size 20000 --show "A line."

    Args:
        files: Training texts in UTF-8.
        out: Output file for the tokenizer.
        tokenizer: Kind of tokenizer: Characters, Bytes, Words, Subwords or the import path of your own, such as
            my_tokenizers.Mine, with its options.
        held_out: Text file that is not used for training, to count the unknown tokens of new text.
        show: Line of text whose tokens are printed.
    """
    counted = files if held_out is None else [*files, held_out]
    _check_files(files, counted, out)
    # a copy, since the argument stays unchanged; the class of a lazy instance is one of jsonargparse's
    learned = Subwords() if tokenizer is _DEFAULT else tokenizer.from_state(tokenizer.state_dict())
    learned.learn(chain.from_iterable(map(read_lines, files)))
    counts = {file: _count_tokens(learned, read_lines(file)) for file in counted}
    save(learned, out)
    print(f"{type(learned).__name__}: {learned.vocab_size:,} ids, written to {out}")
    width = max(map(len, ["file", *counts]))
    print(f"{'file':<{width}}  {'lines':>11}  tokens a line  tokens a character  unknown")
    for file, count in counts.items():
        print(
            f"{file:<{width}}  {count.lines:>11,}  {_ratio(count.tokens.tokens, count.lines):>13.2f}"
            f"  {_ratio(count.tokens.tokens, count.characters):>18.3f}"
            f"  {_ratio(count.tokens.unknown, count.tokens.tokens):>7.2%}"
        )
    if show is not None:
        print("pieces: " + " ".join(piece.replace(" ", "␣").replace("\n", "⏎") for piece in learned.pieces(show)))


def _check_files(files: list[str], counted: list[str], out: str) -> None:
    """Raise a UserError for files that cannot be read or written, before the work of learning."""
    if not files:
        raise UserError("there must be at least one file to learn from")
    for file in counted:
        check_regular(file)
        open_file(file).close()
    if all(os.stat(file).st_size == 0 for file in files):
        raise UserError(f"there must be text to learn from, but {' and '.join(files)} is empty")
    check_other_file("--out", out, counted)
    check_output(out)


def _count_tokens(tokenizer: Tokenizer, lines: Iterator[str]) -> TokenCounts:
    """Count tokens with a few lines in memory at a time."""
    counts = TokenCounts(0, 0, UnknownTokenCounts())
    while batch := list(islice(lines, _BATCH_LINES)):
        counts.tokens.add(tokenizer.encode_batch(batch))
        characters = counts.characters + sum(map(len, batch))
        counts = counts._replace(lines=counts.lines + len(batch), characters=characters)
    return counts


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
