"""Subwords learned from text, by sentencepiece, without losing a character of it."""

import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from seq2seq.errors import UserError
from seq2seq.tokenizers.escapes import escape, unescape
from seq2seq.tokenizers.interface import SPECIALS, Tokenizer, without_surrogates
from seq2seq.tokenizers.learning import GENERATOR, import_sentencepiece, learn_model


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
            way is drawn with its probability to the power of 1 - sampling (Kudo, 2018). For bpe 0.1 is usual: the
            probability that a merge is left out (Provilkov et al., 2020).
        normalization: identity keeps every character; nfkc replaces characters by their compatible form, such as a
            ligature by its letters, so the text that comes back is in that form.
        lowercase: Whether letters are made small, so the text that comes back is in small letters.
        coverage: Which part of the text's characters gets pieces of their own; the rest, the rarest, is cut into bytes.
    """

    def __init__(
        self,
        size: int = 8000,
        algorithm: Literal["unigram", "bpe"] = "unigram",
        sampling: float = 0.0,
        normalization: Literal["identity", "nfkc"] = "identity",
        lowercase: bool = False,
        coverage: float = 0.9995,
    ) -> None:
        if size <= len(SPECIALS) + 256:
            raise UserError(f"size ({size}) must be larger than {len(SPECIALS) + 256}, the special ids and the bytes")
        if algorithm not in ("unigram", "bpe"):
            raise UserError(f"algorithm must be unigram or bpe, not {algorithm!r}")
        if not 0 <= sampling <= 1:
            raise UserError(f"sampling ({sampling}) must be between 0 and 1")
        if normalization not in ("identity", "nfkc"):
            raise UserError(f"normalization must be identity or nfkc, not {normalization!r}")
        if not 0.9 <= coverage <= 1:
            raise UserError(f"coverage ({coverage}) must be between 0.9 and 1")
        self.size = size
        self.algorithm = algorithm
        self.sampling = sampling
        self.normalization = normalization
        self.lowercase = lowercase
        self.coverage = coverage
        self._model: bytes | None = None
        self._processor: Any = None

    def learn(self, lines: Iterable[str]) -> None:
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
        """A random way to cut the text, the same for the same seed, in every thread and process; see `sampling`."""
        if self.sampling == 0:
            return self.encode(text)
        sentencepiece = import_sentencepiece()
        processor, text = self._learned(), self._read(text)
        alpha = self.sampling if self.algorithm == "bpe" else 1 - self.sampling
        with GENERATOR:
            sentencepiece.set_random_generator_seed(seed % (2**32 - 1))  # the largest one would mean: take any
            ids: list[int] = processor.encode(text, enable_sampling=True, alpha=alpha, nbest_size=-1)
        return ids

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
        options = {
            "size": self.size,
            "algorithm": self.algorithm,
            "sampling": self.sampling,
            "normalization": self.normalization,
            "lowercase": self.lowercase,
            "coverage": self.coverage,
        }
        return {"kind": "Subwords", "options": options, "model": self._model}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, value in Subwords(**state["options"]).state_dict()["options"].items():
            setattr(self, name, value)
        self._keep(state["model"])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_processor": None}

    def _keep(self, model: bytes | None) -> None:
        self._model = model
        self._processor = None

    def _learned(self) -> Any:
        """The processor of the learned model, made when it is first needed."""
        if self._processor is None:
            if self._model is None:
                raise UserError("this tokenizer of subwords must learn from text before it is used")
            self._processor = import_sentencepiece().SentencePieceProcessor(model_proto=self._model)
        return self._processor

    def _normal(self, text: str) -> str:
        text = without_surrogates(text)
        if self.normalization == "nfkc":
            text = unicodedata.normalize("NFKC", text)
        return text.lower() if self.lowercase else text

    def _read(self, text: str) -> str:
        return escape(self._normal(text))
