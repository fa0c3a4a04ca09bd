"""The text that all systems read, raw or cut into the pieces of one vocabulary."""

from pathlib import Path
from typing import NamedTuple

from seq2seq.storage import atomic_write
from seq2seq.tokenizers import Tokenizer, load

SOURCE, TARGET = "de", "en"
SPLITS = ("train", "val", "test")


class Corpus(NamedTuple):
    """Parallel files.

    Args:
        folder: Where train.de, train.en and so on lie: raw text.
        pieces: Where the same files lie with a space between any two pieces, vocabularies beside them.
    """

    folder: Path
    pieces: Path

    def raw(self, split: str, side: str) -> Path:
        return self.folder / f"{split}.{side}"

    def cut(self, split: str, side: str) -> Path:
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
    """Lines that end at a newline and at nothing else."""
    text = path.read_text(encoding="utf-8")
    return text.removesuffix("\n").split("\n") if text else []


def write_lines(path: Path, what: list[str]) -> None:
    with atomic_write(path) as file:
        file.write_text("".join(f"{line}\n" for line in what), encoding="utf-8", newline="\n")


def cut_corpus(corpus: Corpus) -> None:
    """Write the pieces of every split with the learned tokenizer, and its vocabulary as each peer reads one."""
    if all(path.exists() for path in (corpus.joeynmt, corpus.opennmt)):
        return
    tokenizer = load(corpus.tokenizer)
    for split in SPLITS:
        for side in (SOURCE, TARGET):
            write_lines(corpus.cut(split, side), [cut(tokenizer, line) for line in lines(corpus.raw(split, side))])
    pieces = all_pieces(tokenizer)
    write_lines(corpus.opennmt, opennmt_vocabulary(pieces))
    write_lines(corpus.joeynmt, pieces)


def cut(tokenizer: Tokenizer, line: str) -> str:
    """The pieces of a line with spaces between. Raises ValueError for a piece with a space in it."""
    pieces = tokenizer.pieces(line)
    if any(" " in piece for piece in pieces):
        raise ValueError(f"pieces with a space in them cannot be joined by spaces: {pieces}")
    return " ".join(pieces)


def all_pieces(tokenizer: Tokenizer) -> list[str]:
    """Every piece of a tokenizer of subwords in the order of its ids, but the special ones."""
    from sentencepiece import SentencePieceProcessor

    model = SentencePieceProcessor(model_proto=tokenizer.state_dict()["model"])
    return [
        model.id_to_piece(one)
        for one in range(model.vocab_size())
        if not (model.is_control(one) or model.is_unknown(one))
    ]


def opennmt_vocabulary(pieces: list[str]) -> list[str]:
    """Pieces with counts that keep their order, since it sorts by them."""
    return [f"{piece}\t{len(pieces) - place}" for place, piece in enumerate(pieces)]
