"""The few target words that a sentence may be translated into (Jean et al., 2015, section 3.2)."""

import os

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from seq2seq import checkpoint
from seq2seq.data.pairs import Vocabularies
from seq2seq.errors import UserError
from seq2seq.special_tokens import NO_TOKEN, NUM_SPECIAL


class Shortlist:
    """Which target tokens a source may be translated into: frequent ones, and those likely beside its tokens.

    Args:
        frequent: Tokens that every sentence may say, beside the special ones.
        likely: Those that each source token allows; PAD where there are fewer.
        target_size: Number of target tokens there are.
    """

    def __init__(
        self, frequent: Int[Tensor, " frequent"], likely: Int[Tensor, "source_vocab likely"], target_size: int
    ) -> None:
        self.frequent = frequent
        self.likely = likely
        self.target_size = target_size

    def allowed(self, source: Int[Tensor, "sentences length"]) -> Bool[Tensor, "sentences target_vocab"]:
        """What each sentence may say, whatever else is in the batch."""
        allowed = torch.zeros(len(source), self.target_size, dtype=torch.bool)
        allowed[:, :NUM_SPECIAL] = True
        allowed[:, self.frequent] = True
        return allowed.scatter_(1, self.likely[source].flatten(1).long(), True)

    def candidates(self, source: Int[Tensor, "sentences length"]) -> Int[Tensor, "sentences candidates"]:
        """The ids that each of these sentences may say, in ascending order; NONE at the end where it has fewer."""
        allowed = self.allowed(source)
        counts = allowed.sum(dim=1)
        sentence, ids = allowed.nonzero(as_tuple=True)
        place = torch.arange(len(ids)) - (counts.cumsum(0) - counts)[sentence]
        candidates = torch.full((len(source), int(counts.max()) if len(counts) else 0), NO_TOKEN)
        candidates[sentence, place] = ids
        return candidates

    def save(self, path: str | os.PathLike[str], vocabularies: Vocabularies) -> None:
        """Write it into one file, which is whole or absent."""
        held = {"frequent": self.frequent, "likely": self.likely, "target_size": self.target_size}
        checkpoint.save({"shortlist": held, "vocabularies": fingerprint(vocabularies)}, path)

    @staticmethod
    def load(path: str | os.PathLike[str], vocabularies: Vocabularies) -> "Shortlist":
        """The shortlist in a file that `save` wrote for these vocabularies; raises a ValueError for any other."""
        held = checkpoint.load(path)
        if "shortlist" not in held:
            raise UserError(f"{path} is no shortlist of seq2seq shortlist")
        if held["vocabularies"] != fingerprint(vocabularies):
            raise UserError(f"{path} is the shortlist of a model with other vocabularies")
        return Shortlist(**held["shortlist"])


def fingerprint(vocabularies: Vocabularies) -> str:
    return "-".join(tokenizer.fingerprint() for tokenizer in vocabularies)
