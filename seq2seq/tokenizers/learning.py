"""Learning a sentencepiece model from a stream of lines, whatever they hold."""

import re
import threading
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from seq2seq.errors import UserError
from seq2seq.special import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.interface import SPECIALS

GENERATOR = threading.Lock()  # sentencepiece has one seed for the whole process: hold this to set and use it
_LINES_HELD = 1_000_000  # of more lines so many are drawn, so that memory stays flat
_CHARACTERS_A_LINE = 1000  # a longer line is cut, since sentencepiece skips lines of more bytes than it is told


def learn_model(lines: Iterable[str], size: int, algorithm: str, coverage: float) -> bytes:
    """The model of at most `size` pieces for escaped lines, the same bytes for the same lines.

    Raises ValueError if there is no text, or if `size` does not hold its characters.
    """
    sentencepiece = import_sentencepiece()
    source = _Watched(_short(lines))
    model = BytesIO()
    try:
        with GENERATOR:
            sentencepiece.set_random_generator_seed(1)
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=source,
                model_writer=model,
                model_type=algorithm,
                vocab_size=size,
                hard_vocab_limit=False,
                character_coverage=coverage,
                byte_fallback=True,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                add_dummy_prefix=False,
                allow_whitespace_only_pieces=True,
                pad_id=PAD,
                unk_id=UNK,
                bos_id=BOS,
                eos_id=EOS,
                # names that no escaped text can spell: a corpus may hold <unk> or </s> as words
                pad_piece="\x1apad",
                unk_piece="\x1aunk",
                bos_piece="\x1abos",
                eos_piece="\x1aeos",
                unk_surface=SPECIALS[UNK],
                input_sentence_size=_LINES_HELD,
                max_sentence_length=8 * _CHARACTERS_A_LINE,
                num_threads=1,  # sums of floats depend on it, and equal text must give equal bytes
                minloglevel=2,
            )
    except RuntimeError as error:
        if source.error is not None:
            raise source.error from None
        if source.count == 0:
            raise UserError("there must be at least one word to learn from, but the text is empty") from None
        too_small = re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error))
        if too_small:
            raise UserError(
                f"size ({size}) must be at least {too_small[1]} for the characters of this text, or coverage"
                f" ({coverage}) smaller"
            ) from None
        raise UserError(f"sentencepiece cannot learn from this text: {error}") from error
    return model.getvalue()


def import_sentencepiece() -> Any:
    """The package, which only subwords need. Raises ImportError that says what to do without it."""
    try:
        import sentencepiece
    except ImportError as error:
        raise ImportError(
            "Subwords needs the package sentencepiece, which cannot be imported here: run `pip install sentencepiece`,"
            " or use Characters, Bytes or Words"
        ) from error
    return sentencepiece


class _Watched:
    """An iterator of lines that counts those with words and keeps the error that sentencepiece would reword."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.count = 0
        self.error: Exception | None = None

    def __iter__(self) -> "_Watched":
        return self

    def __next__(self) -> str:
        try:
            line = next(self.lines)
        except StopIteration:
            raise
        except Exception as error:
            self.error = error
            raise
        self.count += line != "" and not line.isspace()
        return line


def _short(lines: Iterable[str]) -> Iterator[str]:
    """Lines short enough to be learned from, without newlines, tabs and zeros, which always become bytes."""
    for line in lines:
        for part in re.split("[\n\t\0]", line):
            start = 0
            while len(part) - start > _CHARACTERS_A_LINE:
                end = part.rfind(" ", start + 1, start + _CHARACTERS_A_LINE)
                end = end if end > 0 else start + _CHARACTERS_A_LINE
                yield part[start:end]
                start = end
            yield part[start:]
