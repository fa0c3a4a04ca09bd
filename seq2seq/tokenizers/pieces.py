"""A learned sentencepiece model: its processor, checked, and its pieces, as our own sampling needs them."""

import math
import re
from typing import Any, NamedTuple

from seq2seq.errors import UserError
from seq2seq.special_tokens import BOS, EOS, PAD, UNK
from seq2seq.tokenizers.escapes import escape
from seq2seq.tokenizers.states import short
from seq2seq.tokenizers.tokenizer import SPECIAL_TOKENS

FIRST_BYTE = len(SPECIAL_TOKENS)  # the id of the byte 0; those of the other bytes follow
FIRST_PIECE = FIRST_BYTE + 256
# no piece goes on from a character that is no space to one that is, so that segments are cut apart from each other
SEGMENT = re.compile(" *[^ ]+| +")

_GOES_ON = re.compile("[^\u2581\n]\u2581")  # among pieces joined by newlines, which no piece holds
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_TEXT = "  a  ﬁ\tＡ\u0301\r\u2581\n b \0"  # which each of sentencepiece's normalisations would change


class Pieces(NamedTuple):
    """What can be cut out of an escaped text, written with spaces where sentencepiece writes U+2581."""

    ids: dict[str, tuple[int]]
    scores: dict[str, float]  # logarithms of probabilities for unigram; for bpe they fall with the rank of the merge


def import_sentencepiece() -> Any:
    """Return the package, which only subwords need. Raises ImportError that says what to do without it."""
    try:
        import sentencepiece
    except ImportError as error:
        raise ImportError(
            "Subwords needs the package sentencepiece, which cannot be imported here: run `pip install sentencepiece`,"
            " or use Characters, Bytes or Words"
        ) from error
    return sentencepiece


def open_model(model: Any, algorithm: str) -> Any:
    """Return the processor of a learned model. Raises a UserError if `learn_model` does not learn such a one."""
    if not isinstance(model, bytes):
        raise UserError(f"the model of subwords must be bytes, not {short(model)}")
    try:
        processor = import_sentencepiece().SentencePieceProcessor(model_proto=model)
        wrong = _difference(processor, algorithm)
    except (RuntimeError, UnicodeDecodeError, IndexError) as error:
        raise UserError(f"the model of subwords cannot be read: {' '.join(str(error).split())}") from error
    if wrong is not None:
        raise UserError(f"the model of subwords is not as Subwords learns it: {wrong}")
    return processor


def pieces_of(processor: Any) -> Pieces:
    """Return the pieces that a processor learned, those of single bytes left out."""
    numbers = list(range(FIRST_PIECE, processor.vocab_size()))
    texts = [piece.replace("\u2581", " ") for piece in processor.id_to_piece(numbers)]
    ids = {text: (number,) for text, number in zip(texts, numbers, strict=True)}
    return Pieces(ids, dict(zip(texts, processor.get_score(numbers), strict=True)))


def byte_ids(character: str) -> tuple[int, ...]:
    """Return the ids of a character's bytes, as which sentencepiece encodes one without a piece."""
    return tuple(FIRST_BYTE + byte for byte in character.encode())


def _difference(processor: Any, algorithm: str) -> str | None:
    """Return in which way a model is not as it is learned here; None if it is."""
    size = processor.vocab_size()
    if size <= FIRST_PIECE:
        return f"it has {size} ids"
    if [processor.pad_id(), processor.unk_id(), processor.bos_id(), processor.eos_id()] != [PAD, UNK, BOS, EOS]:
        return "its special ids are elsewhere"
    numbers = list(range(FIRST_PIECE, size))
    if processor.id_to_piece(list(range(FIRST_BYTE, FIRST_PIECE))) != _BYTES:
        return "its bytes are elsewhere"
    for special in (processor.is_byte, processor.is_control, processor.is_unknown, processor.is_unused):
        if any(special(numbers)):
            return "it has special ids among its pieces"
    pieces = processor.id_to_piece(numbers)
    if len(set(pieces)) < len(pieces) or "" in pieces or any("\n" in piece for piece in pieces):
        return "its pieces are empty, hold a newline or are there twice"
    if _GOES_ON.search("\n".join(pieces)):
        return "its pieces hold spaces after other characters"
    scores = processor.get_score(numbers)
    if not all(map(math.isfinite, scores)):
        return "its scores are not finite numbers"
    if (scores == [-float(rank) for rank in range(len(scores))]) != (algorithm == "bpe"):
        return f"its pieces were not found by {algorithm}"
    text = escape(_TEXT)
    if processor.normalize(text).replace("\u2581", " ") != text or processor.decode(processor.encode(text)) != text:
        return "it does not keep text as it is"
    return None
