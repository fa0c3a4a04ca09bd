"""Subwords learned from text, by sentencepiece, without losing a character of it."""

import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeAlias

from seq2seq.errors import UserError, refuse_string
from seq2seq.ranges import LARGEST, Probability, Range, checked
from seq2seq.tokenizers.bpe_dropout import BpeDropout
from seq2seq.tokenizers.escapes import escape, unescape
from seq2seq.tokenizers.learning import learn_model
from seq2seq.tokenizers.pieces import FIRST_PIECE, open_model, pieces_of
from seq2seq.tokenizers.states import make_state, options_of
from seq2seq.tokenizers.tokenizer import Tokenizer, without_surrogates
from seq2seq.tokenizers.unigram_sampling import UnigramSampler

SubwordsSize: TypeAlias = Annotated[int, Range(FIRST_PIECE + 1, LARGEST)]  # the special ids, the bytes and a piece
Coverage: TypeAlias = Annotated[float, Range(0.98, 1)]  # what sentencepiece takes


class Subwords(Tokenizer):
    r"""Pieces of words learned from the text (Kudo and Richardson, 2018), with bytes for characters that are too rare.

    Nothing is unknown, and every text comes back exactly, after `normalization` and `lowercase` if they are set. Each
    line that is not empty is read with one space before it, so a word has the same pieces at the start of a line and
    within it; `decode` takes that space away. Ids of texts that end with a newline can be joined: they decode to the
    joined texts.

    Args:
        size: How many ids there are, with special ids and 256 bytes; fewer, with a warning, if the text is too small.
        algorithm: How pieces are found: unigram (Kudo, 2018) or bpe, byte-pair encoding (Sennrich et al., 2016).
        sampling: How randomly words are cut in training, from 0, always the best way, to 1. For unigram 0.8 is usual: a
            segmentation is drawn with its probability to the power of 1 - sampling (Kudo, 2018). For bpe 0.1 is usual:
            the probability with which a merge is dropped, each time it is possible (Provilkov et al., 2020).
        normalization: identity keeps every character; nfkc replaces characters by their compatible form, such as a
            ligature by its letters, so the text that comes back is in that form.
        lowercase: Whether letters are made small, so the text that comes back is in small letters.
        coverage: Which part of the text's characters gets pieces of their own; the rest, the rarest, is cut into bytes.
    """

    @checked
    def __init__(
        self,
        size: SubwordsSize = 8000,
        algorithm: Literal["unigram", "bpe"] = "unigram",
        sampling: Probability = 0.0,
        normalization: Literal["identity", "nfkc"] = "identity",
        lowercase: bool = False,
        coverage: Coverage = 0.9995,
    ) -> None:
        if algorithm not in ("unigram", "bpe"):
            raise UserError(f"algorithm must be unigram or bpe, not {algorithm!r}")
        if normalization not in ("identity", "nfkc"):
            raise UserError(f"normalization must be identity or nfkc, not {normalization!r}")
        self.size = size
        self.algorithm = algorithm
        self.sampling = float(sampling)
        self.normalization = normalization
        self.lowercase = lowercase
        self.coverage = float(coverage)
        self._model: bytes | None = None
        self._processor: Any = None
        self._sampler: BpeDropout | UnigramSampler | None = None

    def learn(self, lines: Iterable[str]) -> None:
        refuse_string(lines, "lines")
        self._keep(learn_model(map(self._read, lines), self.size, self.algorithm, self.coverage))
        if self.vocab_size < self.size:
            warnings.warn(
                f"the text is too small for {self.size} subwords, so there are {self.vocab_size}", stacklevel=2
            )

    @property
    def vocab_size(self) -> int:
        return int(self._learned().vocab_size())

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._learned().encode(self._read(text))
        return ids

    def encode_batch(self, lines: list[str]) -> list[list[int]]:
        refuse_string(lines, "lines")
        ids: list[list[int]] = self._learned().encode([self._read(line) for line in lines], num_threads=1)
        return ids

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[list[int]]:
        processor = self._learned()
        line_starts = True
        for block in blocks:
            yield processor.encode(escape(self._normal(block), line_starts))
            line_starts = block.endswith("\n") if block else line_starts

    @property
    def alteration(self) -> str:  # type: ignore[override]
        forms = {"in the form NFKC": self.normalization == "nfkc", "in small letters": self.lowercase}
        return " and ".join(form for form, used in forms.items() if used)

    def alters(self, text: str, before: str = "\n") -> bool:
        return self._normal(text) != text

    def sample(self, text: str, seed: int) -> list[int]:
        """Return the ids of a random segmentation, drawn by `sampling` and the seed alone.

        sentencepiece's own sampling cannot be used: its draws differ from one process to the next, whatever its seed.
        """
        if self.sampling == 0:
            return self.encode(text)
        sampler = self._sampler
        if sampler is None or sampler.sampling != self.sampling:
            pieces, chance = pieces_of(self._learned()), self.sampling
            sampler = BpeDropout(pieces, chance) if self.algorithm == "bpe" else UnigramSampler(pieces, chance)
            self._sampler = sampler
        return sampler.sample(self._read(text), seed)

    def decode(self, ids: Iterable[int]) -> str:
        processor, known = self._learned(), list(ids)
        try:
            return unescape(processor.decode(known))
        except (IndexError, TypeError):  # an id that is none, or an integer of a type that is not its own
            return unescape(processor.decode(self._checked(known)))

    def pieces(self, text: str) -> list[str]:
        pieces: list[str] = self._learned().encode(self._read(text), out_type=str)
        return pieces

    def units(self) -> list[str]:
        processor = self._learned()
        return [processor.id_to_piece(i) for i in range(processor.vocab_size())]

    def state_dict(self) -> dict[str, Any]:
        return make_state(self, Subwords, model=self._model)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        other = Subwords(**options_of(state, Subwords, "model"))
        other._keep(state["model"])
        if other._model is not None:
            other._learned()
        self.__dict__.update(other.__dict__)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_processor": None, "_sampler": None}

    def _keep(self, model: bytes | None) -> None:
        self._model = model
        self._processor = None
        self._sampler = None

    def _learned(self) -> Any:
        """Return the processor of the learned model, made when it is first needed."""
        if self._processor is None:
            if self._model is None:
                raise UserError("this tokenizer of subwords must learn from text before it is used")
            self._processor = open_model(self._model, self.algorithm)
        return self._processor

    def _normal(self, text: str) -> str:
        text = without_surrogates(text)
        if self.normalization == "nfkc":
            text = unicodedata.normalize("NFKC", text)
        return text.lower() if self.lowercase else text

    def _read(self, text: str) -> str:
        return escape(self._normal(text))
