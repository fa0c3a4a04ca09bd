r"""A learned sentencepiece model: the escaping of its text, its validated processor, and its pieces for sampling.

sentencepiece writes a space as U+2581 and reads U+2581 as a space, and it skips training lines with U+2585. Both are
escaped with U+001A, the control character "substitute", and so is U+001A itself, so that text is restored exactly.

Every line that is not empty gets one space before it, so that its first word equals the same word within a line. Since
lines are escaped independently, texts that end with a newline can be escaped separately and joined.
"""

import math
import re
from typing import Any, NamedTuple

from seq2seq.errors import UserError
from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.states import abbreviate
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS

FIRST_BYTE = len(SPECIAL_TOKENS)  # the id of byte 0, followed by the ids of the other bytes
FIRST_PIECE = FIRST_BYTE + 256
# no piece has a space after another character, so segments are tokenized independently
SEGMENT = re.compile(" *[^ ]+| +")

# U+001A first, since the other escapes contain it
_ESCAPES = {"\x1a": "\x1a0", "\u2581": "\x1a1", "\u2585": "\x1a2"}
_UNESCAPES = {escaped: character for character, escaped in _ESCAPES.items()}
_ESCAPED = re.compile("\x1a[012]")
_SPACE_AFTER_TEXT = re.compile("[^\u2581\n]\u2581")  # in pieces joined by newlines, which no piece contains
_BYTE_PIECES = [f"<0x{byte:02X}>" for byte in range(256)]
_UNNORMALIZED_TEXT = "  a  ﬁ\tＡ\u0301\r\u2581\n b \0"  # changed by every normalization of sentencepiece


def escape(text: str, at_line_start: bool = True) -> str:
    """Escape reserved characters and put one space before each line that is not empty.

    If `at_line_start` is false, the text starts within a line, and its first line gets no space.
    """
    for character, escaped in _ESCAPES.items():
        text = text.replace(character, escaped)
    spaced = "\n".join([" " + line if line else "" for line in text.split("\n")])
    return spaced if at_line_start else spaced.removeprefix(" ")


def unescape(text: str) -> str:
    """Undo `escape`; an invalid escape sequence is left unchanged."""
    text = text.removeprefix(" ").replace("\n ", "\n")
    return _ESCAPED.sub(lambda match: _UNESCAPES[match[0]], text) if "\x1a" in text else text


class Pieces(NamedTuple):
    """The pieces of a model, written with spaces where sentencepiece writes U+2581."""

    ids: dict[str, tuple[int]]
    scores: dict[str, float]  # log-probabilities of a unigram model; for bpe, the negative ranks of the merges


def import_sentencepiece() -> Any:
    """Import sentencepiece, which only Subwords needs. Raises ImportError with advice if it is missing."""
    try:
        import sentencepiece
    except ImportError as error:
        raise ImportError(
            "Subwords needs the package sentencepiece, which cannot be imported here: run `pip install sentencepiece`,"
            " or use Characters, Bytes or Words"
        ) from error
    return sentencepiece


def load_processor(model: Any, algorithm: str) -> Any:
    """Return the processor of a learned model. Raises a UserError for a model that `learn_model` cannot have made."""
    if not isinstance(model, bytes):
        raise UserError(f"the model of subwords must be bytes, not {abbreviate(model)}")
    try:
        processor = import_sentencepiece().SentencePieceProcessor(model_proto=model)
        mismatch = _find_mismatch(processor, algorithm)
    except (RuntimeError, UnicodeDecodeError, IndexError) as error:
        raise UserError(f"the model of subwords cannot be read: {' '.join(str(error).split())}") from error
    if mismatch is not None:
        raise UserError(f"the model of subwords is not as Subwords learns it: {mismatch}")
    return processor


def extract_pieces(processor: Any) -> Pieces:
    """Return the learned pieces of a processor, without the pieces of single bytes."""
    piece_ids = list(range(FIRST_PIECE, processor.vocab_size()))
    texts = [piece.replace("\u2581", " ") for piece in processor.id_to_piece(piece_ids)]
    ids = {text: (i,) for text, i in zip(texts, piece_ids, strict=True)}
    return Pieces(ids, dict(zip(texts, processor.get_score(piece_ids), strict=True)))


def byte_ids(character: str) -> tuple[int, ...]:
    """Return the ids of a character's UTF-8 bytes, the encoding of a character without a piece."""
    return tuple(FIRST_BYTE + byte for byte in character.encode())


def _find_mismatch(processor: Any, algorithm: str) -> str | None:
    """Return how a model differs from those that `learn_model` makes; None if it does not."""
    size = processor.vocab_size()
    if size <= FIRST_PIECE:
        return f"it has {size} ids"
    if [processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id()] != [PAD, UNK, BOS, EOS]:
        return "its special ids are elsewhere"
    piece_ids = list(range(FIRST_PIECE, size))
    if processor.id_to_piece(list(range(FIRST_BYTE, FIRST_PIECE))) != _BYTE_PIECES:
        return "its bytes are elsewhere"
    for is_special in (processor.is_byte, processor.is_control, processor.is_unknown, processor.is_unused):
        if any(is_special(piece_ids)):
            return "it has special ids among its pieces"
    pieces = processor.id_to_piece(piece_ids)
    if len(set(pieces)) < len(pieces) or "" in pieces or any("\n" in piece for piece in pieces):
        return "its pieces are empty, hold a newline or are there twice"
    if _SPACE_AFTER_TEXT.search("\n".join(pieces)):
        return "its pieces hold spaces after other characters"
    scores = processor.get_score(piece_ids)
    if not all(map(math.isfinite, scores)):
        return "its scores are not finite numbers"
    if (scores == [-float(rank) for rank in range(len(scores))]) != (algorithm == "bpe"):
        return f"its pieces were not found by {algorithm}"
    text = escape(_UNNORMALIZED_TEXT)
    if processor.normalize(text).replace("\u2581", " ") != text or processor.decode(processor.encode(text)) != text:
        return "it does not keep text as it is"
    return None
