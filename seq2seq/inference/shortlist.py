"""Vocabulary shortlists: the target tokens allowed for each source sentence (Jean et al., 2015, section 3.2)."""

import os
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from seq2seq import checkpoint
from seq2seq.data.pairs import Vocabularies
from seq2seq.errors import UserError
from seq2seq.ranges import shorten
from seq2seq.special_tokens import NO_TOKEN, NUM_SPECIAL


class Shortlist:
    """The target tokens allowed for a source: frequent ones, and the likely translations of its tokens.

    Args:
        frequent: Target tokens that are allowed in every sentence, as the special ones are.
        likely: Target tokens that each source token allows; PAD where there are fewer.
        target_size: Size of the target vocabulary.
    """

    def __init__(
        self, frequent: Int[Tensor, " frequent"], likely: Int[Tensor, "source_vocab likely"], target_size: int
    ) -> None:
        self.frequent = frequent
        self.likely = likely
        self.target_size = target_size

    def allowed_mask(self, source: Int[Tensor, "sentences length"]) -> Bool[Tensor, "sentences target_vocab"]:
        """Return a mask of the target tokens that are allowed for each sentence."""
        mask = torch.zeros(len(source), self.target_size, dtype=torch.bool)
        mask[:, :NUM_SPECIAL] = True
        mask[:, self.frequent] = True
        return mask.scatter_(1, self.likely[source].flatten(1).long(), True)

    def allowed_ids(self, source: Int[Tensor, "sentences length"]) -> Int[Tensor, "sentences shortlist"]:
        """Return the ids allowed for each sentence, in ascending order, padded with NO_TOKEN."""
        mask = self.allowed_mask(source)
        counts = mask.sum(dim=1)
        sentences, ids = mask.nonzero(as_tuple=True)
        columns = torch.arange(len(ids)) - (counts.cumsum(0) - counts)[sentences]
        shortlist = torch.full((len(source), int(counts.max()) if len(counts) else 0), NO_TOKEN)
        shortlist[sentences, columns] = ids
        return shortlist

    def save(self, path: str | os.PathLike[str], vocabularies: Vocabularies) -> None:
        """Save the shortlist to a file, atomically."""
        content = {"frequent": self.frequent, "likely": self.likely, "target_size": self.target_size}
        checkpoint.save({"shortlist": content, "vocabularies": fingerprint(vocabularies)}, path)

    @staticmethod
    def load(path: str | os.PathLike[str], vocabularies: Vocabularies) -> "Shortlist":
        """Load a file that `save` wrote; raise a UserError for any other file, or one for other vocabularies."""
        content = checkpoint.load(path)
        if "shortlist" not in content:
            raise UserError(f"{path} is not a shortlist of `seq2seq shortlist`")
        if content.get("vocabularies") != fingerprint(vocabularies):
            raise UserError(f"{path} is the shortlist of a model with other vocabularies")
        try:
            validate_content(content["shortlist"], *(tokenizer.vocab_size for tokenizer in vocabularies))
        except UserError as error:
            raise UserError(f"{path} cannot be used as a shortlist: {error}") from error
        return Shortlist(**content["shortlist"])


def validate_content(content: Any, source_size: int, target_size: int) -> None:
    """Raise a UserError unless stored content is a shortlist for vocabularies of these sizes."""
    if not isinstance(content, dict) or set(content) != {"frequent", "likely", "target_size"}:
        raise UserError("it must contain frequent, likely and target_size, and nothing else")
    if content["target_size"] != target_size:
        raise UserError(f"it is for {shorten(content['target_size'])} target tokens, and there are {target_size}")
    for name, dimensions in (("frequent", 1), ("likely", 2)):
        ids = content[name]
        if not isinstance(ids, Tensor) or ids.ndim != dimensions or ids.dtype not in (torch.int32, torch.int64):
            raise UserError(f"{name} must be a tensor of integers with {dimensions} dimensions")
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < target_size:
            raise UserError(f"{name} must contain target tokens, from 0 to {target_size - 1}")
    if len(content["likely"]) != source_size:
        raise UserError(f"likely must have a row for each of the {source_size} source tokens")


def fingerprint(vocabularies: Vocabularies) -> str:
    return "-".join(tokenizer.fingerprint() for tokenizer in vocabularies)
