"""Learn a sentencepiece model from a stream of arbitrary lines."""

import re
from collections.abc import Iterable, Iterator
from io import BytesIO
from random import Random

from seq2seq.errors import UserError
from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.pieces import import_sentencepiece
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS

_MAX_LINES = 1_000_000  # of more lines a sample is drawn, to bound memory
_MAX_LINE_CHARACTERS = 1000  # a longer line is split, since sentencepiece skips lines above a number of bytes


def learn_model(lines: Iterable[str], size: int, algorithm: str, coverage: float) -> bytes:
    """Return a serialized model of at most `size` pieces for escaped lines, the same bytes for the same lines.

    Raises a UserError if there is no text, or if `size` is too small for its characters.
    """
    sentencepiece = import_sentencepiece()
    sentences = _TrackedLines(_sample_lines(_split_lines(lines), _MAX_LINES))
    model = BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=sentences,
            model_writer=model,
            model_type=algorithm,
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=coverage,
            required_chars="\u2581",  # a space, however rare: it cannot be restored from its bytes
            byte_fallback=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            allow_whitespace_only_pieces=True,
            pad_id=PAD,
            unk_id=UNK,
            bos_id=BOS,
            eos_id=EOS,
            # names that cannot occur in escaped text, where <unk> and </s> may be words
            pad_piece="\x1apad",
            unk_piece="\x1aunk",
            bos_piece="\x1abos",
            eos_piece="\x1aeos",
            unk_surface=SPECIAL_TOKENS[UNK],
            max_sentence_length=8 * _MAX_LINE_CHARACTERS,
            num_threads=1,  # float sums depend on it, and equal text must give equal bytes
            minloglevel=2,
        )
    except RuntimeError as error:
        if sentences.error is not None:
            raise sentences.error from None
        if sentences.count == 0:
            raise UserError("there must be at least one word to learn from, but the text is empty") from None
        too_small = re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error))
        if too_small:
            raise UserError(
                f"size ({size}) must be at least {too_small[1]} for the characters of this text, or coverage"
                f" ({coverage}) smaller"
            ) from None
        raise UserError(f"sentencepiece cannot learn from this text: {error}") from error
    return model.getvalue()


class _TrackedLines:
    """An iterator of lines that counts non-blank lines and keeps the error that sentencepiece would replace."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.count = 0
        self.error: Exception | None = None

    def __iter__(self) -> "_TrackedLines":
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


def _split_lines(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines of bounded length, without newlines, tabs and NULs, which are always encoded as bytes."""
    for line in lines:
        for part in re.split("[\n\t\0]", line):
            start = 0
            while len(part) - start > _MAX_LINE_CHARACTERS:
                end = part.rfind(" ", start + 1, start + _MAX_LINE_CHARACTERS)
                end = end if end > 0 else start + _MAX_LINE_CHARACTERS
                yield part[start:end]
                start = end
            yield part[start:]


def _sample_lines(lines: Iterator[str], size: int) -> Iterator[str]:
    """Yield all lines, or a uniform sample of `size` lines if there are more: reservoir sampling (Vitter, 1985).

    sentencepiece's own sample differs from process to process.
    """
    random = Random(1)
    sample: list[str] = []
    for count, line in enumerate(lines, 1):
        if count <= size:
            sample.append(line)
        elif (index := random.randrange(count)) < size:
            sample[index] = line
    sample.reverse()
    while sample:
        yield sample.pop()  # frees the memory of lines that sentencepiece has copied
