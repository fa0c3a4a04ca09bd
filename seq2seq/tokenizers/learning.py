"""Learning a sentencepiece model from a stream of lines, whatever they hold."""

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from random import Random

from seq2seq.errors import UserError
from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.pieces import import_sentencepiece
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS

_LINES_HELD = 1_000_000  # of more lines so many are drawn, so that memory stays flat
_CHARACTERS_A_LINE = 1000  # a longer line is cut, since sentencepiece skips lines of more bytes than it is told


def learn_model(lines: Iterable[str], size: int, algorithm: str, coverage: float) -> bytes:
    """Return the model of at most `size` pieces for escaped lines, the same bytes for the same lines.

    Raises a UserError if there is no text, or if `size` does not hold its characters.
    """
    sentencepiece = import_sentencepiece()
    source = _Watched(_drawn(_short(lines), _LINES_HELD))
    model = BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=source,
            model_writer=model,
            model_type=algorithm,
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=coverage,
            required_chars="\u2581",  # a space, however rare: it does not come back from its bytes
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
            unk_surface=SPECIAL_TOKENS[UNK],
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


def _drawn(lines: Iterator[str], number: int) -> Iterator[str]:
    """Yield all lines, or so many if there are more, each as likely as any other (Vitter, 1985).

    sentencepiece would draw them differently in each process.
    """
    random = Random(1)
    kept: list[str] = []
    for count, line in enumerate(lines, 1):
        if count <= number:
            kept.append(line)
        elif (place := random.randrange(count)) < number:
            kept[place] = line
    kept.reverse()
    while kept:
        yield kept.pop()  # what the learner has is held here no longer
