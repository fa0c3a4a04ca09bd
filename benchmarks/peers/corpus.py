"""The text that all systems read, raw or tokenized with a shared subword vocabulary."""

from pathlib import Path
from typing import NamedTuple

from seq2seq.storage import atomic_write
from seq2seq.tokenizers import Tokenizer, load

SOURCE, TARGET = "de", "en"
SPLITS = ("train", "val", "test")


class Corpus(NamedTuple):
    """Parallel files.

    Args:
        folder: Folder with raw text: train.de, train.en and so on.
        pieces: Folder with the same files as subwords separated by spaces, and with the vocabularies.
    """

    folder: Path
    pieces: Path

    def raw(self, split: str, side: str) -> Path:
        return self.folder / f"{split}.{side}"

    def tokenized(self, split: str, side: str) -> Path:
        return self.pieces / f"{split}.{side}"

    @property
    def tokenizer(self) -> Path:
        return self.pieces / "vocabulary.json"

    @property
    def opennmt(self) -> Path:
        return self.pieces / "opennmt.vocab"

    @property
    def joeynmt(self) -> Path:
        return self.pieces / "joeynmt.vocab"


def lines(path: Path) -> list[str]:
    """Return the lines of a file, which end at newlines only."""
    text = path.read_text(encoding="utf-8")
    return text.removesuffix("\n").split("\n") if text else []


def write_lines(path: Path, content: list[str]) -> None:
    with atomic_write(path) as file:
        file.write_text("".join(f"{line}\n" for line in content), encoding="utf-8", newline="\n")


def tokenize_corpus(corpus: Corpus) -> None:
    """Tokenize every split, and write the vocabulary in the format of each peer."""
    if all(path.exists() for path in (corpus.joeynmt, corpus.opennmt)):
        return
    tokenizer = load(corpus.tokenizer)
    for split in SPLITS:
        for side in (SOURCE, TARGET):
            write_lines(
                corpus.tokenized(split, side),
                [tokenize_line(tokenizer, line) for line in lines(corpus.raw(split, side))],
            )
    pieces = all_pieces(tokenizer)
    write_lines(corpus.opennmt, opennmt_vocabulary(pieces))
    write_lines(corpus.joeynmt, pieces)


def tokenize_line(tokenizer: Tokenizer, line: str) -> str:
    """Return the pieces of a line, separated by spaces. Raises ValueError for a piece that contains a space."""
    pieces = tokenizer.pieces(line)
    if any(" " in piece for piece in pieces):
        raise ValueError(f"pieces that contain a space cannot be joined by spaces: {pieces}")
    return " ".join(pieces)


def all_pieces(tokenizer: Tokenizer) -> list[str]:
    """Return all pieces of a subword tokenizer in the order of their ids, without special tokens."""
    from sentencepiece import SentencePieceProcessor

    model = SentencePieceProcessor(model_proto=tokenizer.state_dict()["model"])
    return [
        model.id_to_piece(piece_id)
        for piece_id in range(model.vocab_size())
        if not (model.is_control(piece_id) or model.is_unknown(piece_id))
    ]


def opennmt_vocabulary(pieces: list[str]) -> list[str]:
    """Return pieces with decreasing counts, since OpenNMT-py sorts by count."""
    return [f"{piece}\t{len(pieces) - index}" for index, piece in enumerate(pieces)]
