"""`seq2seq tokenize`: learn a tokenizer from text files, and report how well it fits them."""

import os
from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from jsonargparse import lazy_instance  # type: ignore[attr-defined]

from seq2seq.data.text import open_file, read_lines
from seq2seq.errors import UserError
from seq2seq.storage import check_output, check_regular
from seq2seq.tokenizers import Subwords, Tokenizer, restore, save
from seq2seq.tokenizers.unknown import UnknownTokens

_DEFAULT: Tokenizer = lazy_instance(Subwords)  # a lazy one, whose options the command line can change
_LINES_AT_ONCE = 1000


class Fit(NamedTuple):
    """How a tokenizer cuts some text."""

    lines: int
    characters: int
    tokens: UnknownTokens


def tokenize(
    files: list[str],
    out: str,
    tokenizer: Tokenizer = _DEFAULT,
    held_out: str | None = None,
    show: str | None = None,
) -> None:
    """Learn a tokenizer from text files and write it into one file.

    Prints the size of the vocabulary and, for each file, how many tokens a line and a character take and how many of
    them are unknown.

    examples:
      seq2seq tokenize train.de train.en --out vocabulary.json --tokenizer.size 8000 --held-out val.de
      seq2seq tokenize text.txt --out words.json --tokenizer Words --tokenizer.max_size 20000 --show "A line."

    Args:
        files: Text files in UTF-8 to learn from, all of them as one text.
        out: The file to write the tokenizer into.
        tokenizer: What text is cut into: Characters, Bytes, Words or Subwords, with its options.
        held_out: A text file that is not learned from, to see how many tokens of new text are unknown.
        show: A line of text whose pieces are printed.
    """
    measured = files if held_out is None else [*files, held_out]
    _check(files, measured, out)
    learned = restore(tokenizer.state_dict())  # what was given stays as it is
    learned.learn(chain.from_iterable(map(read_lines, files)))
    fits = {file: _fit(learned, read_lines(file)) for file in measured}
    save(learned, out)
    print(f"{type(learned).__name__}: {learned.vocab_size:,} ids, written to {out}")
    width = max(map(len, ["file", *fits]))
    print(f"{'file':<{width}}  {'lines':>11}  tokens a line  tokens a character  unknown")
    for file, fit in fits.items():
        print(
            f"{file:<{width}}  {fit.lines:>11,}  {_ratio(fit.tokens.tokens, fit.lines):>13.2f}"
            f"  {_ratio(fit.tokens.tokens, fit.characters):>18.3f}"
            f"  {_ratio(fit.tokens.unknown, fit.tokens.tokens):>7.2%}"
        )
    if show is not None:
        print("pieces: " + " ".join(piece.replace(" ", "␣").replace("\n", "⏎") for piece in learned.pieces(show)))


def _check(files: list[str], measured: list[str], out: str) -> None:
    """Raise what would otherwise come after the work of learning, or be lost in it."""
    if not files:
        raise UserError("there must be at least one file to learn from")
    for file in measured:
        check_regular(file)
        open_file(file).close()
    if all(os.stat(file).st_size == 0 for file in files):
        raise UserError(f"there must be text to learn from, but {' and '.join(files)} is empty")
    check_output(out)


def _fit(tokenizer: Tokenizer, lines: Iterator[str]) -> Fit:
    """Count tokens, a few lines in memory at a time."""
    fit = Fit(0, 0, UnknownTokens())
    while some := list(islice(lines, _LINES_AT_ONCE)):
        fit.tokens.add(tokenizer.encode_batch(some))
        fit = fit._replace(lines=fit.lines + len(some), characters=fit.characters + sum(map(len, some)))
    return fit


def _ratio(part: int, of: int) -> float:
    return part / of if of else 0.0
