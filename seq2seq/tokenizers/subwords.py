"""Lossless subwords learned from text by sentencepiece."""

import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, TypeAlias

from seq2seq.errors import UserError, refuse_string
from seq2seq.ranges import LARGEST, Probability, Range, checked
from seq2seq.tokenizers.bpe_dropout import BpeDropout
from seq2seq.tokenizers.learning import learn_model
from seq2seq.tokenizers.pieces import FIRST_PIECE, escape, extract_pieces, load_processor, unescape
from seq2seq.tokenizers.tokenizer import Tokenizer, without_surrogates
from seq2seq.tokenizers.unigram_sampling import UnigramSampler

SubwordsSize: TypeAlias = Annotated[int, Range(FIRST_PIECE + 1, LARGEST)]  # the special tokens, the bytes and a piece
Coverage: TypeAlias = Annotated[float, Range(0.98, 1)]  # the range that sentencepiece accepts


class Subwords(Tokenizer):
    r"""Subwords learned from the text (Kudo and Richardson, 2018), with byte fallback for rare characters.

    There are no unknown tokens, and every text is restored exactly, apart from `normalization` and `lowercase`. Each
    line that is not empty is encoded with one space before it, so a word has the same pieces at the start of a line and
    within it; `decode` removes that space. Ids of texts that end with a newline can be joined: they decode to the
    joined texts.

    Args:
        size: Vocabulary size, special tokens and 256 bytes included; smaller, with a warning, if the text is too small.
        algorithm: unigram (Kudo, 2018) or bpe, byte-pair encoding (Sennrich et al., 2016).
        sampling: Randomness of segmentations in training (subword regularization), from 0, none, to 1. For unigram, 0.8
            is usual: a segmentation is sampled with its probability to the power of 1 - sampling (Kudo, 2018). For bpe,
            0.1 is usual: the probability of dropping a merge, each time it is possible (BPE-dropout, Provilkov et al.,
            2020).
        normalization: identity keeps every character; nfkc replaces characters by their compatibility form, such as a
            ligature by its letters, and decoded text is in that form.
        lowercase: Whether text is lowercased, so decoded text is in lower case.
        coverage: Share of the text's characters that get pieces of their own; the rarest others are encoded as bytes.
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
        self._set_model(learn_model(map(self._preprocess, lines), self.size, self.algorithm, self.coverage))
        if self.vocab_size < self.size:
            warnings.warn(
                f"the text is too small for {self.size} subwords, so there are {self.vocab_size}", stacklevel=2
            )

    @property
    def vocab_size(self) -> int:
        return int(self._get_processor().vocab_size())

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._get_processor().encode(self._preprocess(text))
        return ids

    def encode_batch(self, lines: list[str]) -> list[list[int]]:
        refuse_string(lines, "lines")
        ids: list[list[int]] = self._get_processor().encode([self._preprocess(line) for line in lines], num_threads=1)
        return ids

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[list[int]]:
        processor = self._get_processor()
        at_line_start = True
        for block in blocks:
            yield processor.encode(escape(self._normalize(block), at_line_start))
            at_line_start = block.endswith("\n") if block else at_line_start

    @property
    def alteration(self) -> str:  # type: ignore[override]
        forms = {"in the form NFKC": self.normalization == "nfkc", "in small letters": self.lowercase}
        return " and ".join(form for form, used in forms.items() if used)

    def alters(self, text: str, previous: str = "\n") -> bool:
        return self._normalize(text) != text

    def sample(self, text: str, seed: int) -> list[int]:
        """Return the ids of a random segmentation, which depends only on the text, the options and the seed.

        sentencepiece's own sampling cannot be used: it differs from process to process, whatever its seed.
        """
        if self.sampling == 0:
            return self.encode(text)
        sampler = self._sampler
        if sampler is None or sampler.sampling != self.sampling:
            sampler_class = BpeDropout if self.algorithm == "bpe" else UnigramSampler
            sampler = self._sampler = sampler_class(extract_pieces(self._get_processor()), self.sampling)
        return sampler.sample(self._preprocess(text), seed)

    def decode(self, ids: Iterable[int]) -> str:
        processor, ids = self._get_processor(), list(ids)
        try:
            return unescape(processor.decode(ids))
        except (IndexError, TypeError):  # an id outside the vocabulary, or an integer of another type than int
            return unescape(processor.decode(self._check_ids(ids)))

    def pieces(self, text: str) -> list[str]:
        pieces: list[str] = self._get_processor().encode(self._preprocess(text), out_type=str)
        return pieces

    def units(self) -> list[str]:
        processor = self._get_processor()
        return [processor.id_to_piece(i) for i in range(processor.vocab_size())]

    def learned_state(self) -> dict[str, Any]:
        return {"model": self._model}

    def load_learned_state(self, state: dict[str, Any]) -> None:
        self._set_model(state["model"])
        if self._model is not None:
            self._get_processor()  # checks the model

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_processor": None, "_sampler": None}

    def _set_model(self, model: bytes | None) -> None:
        self._model = model
        self._processor = None
        self._sampler = None

    def _get_processor(self) -> Any:
        """Return the processor of the learned model, created on first use."""
        if self._processor is None:
            if self._model is None:
                raise UserError("this tokenizer of subwords must learn from text before it is used")
            self._processor = load_processor(self._model, self.algorithm)
        return self._processor

    def _normalize(self, text: str) -> str:
        text = without_surrogates(text)
        if self.normalization == "nfkc":
            text = unicodedata.normalize("NFKC", text)
        return text.lower() if self.lowercase else text

    def _preprocess(self, text: str) -> str:
        return escape(self._normalize(text))
