"""An output layer that only scores the words in question."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seq2seq.rounding import rows


class Candidates(NamedTuple):
    """The target words that some sentences may say, numbered anew in the order of their ids.

    Special ids are among them, so that these keep their numbers.
    """

    ids: Int[Tensor, " candidates"]
    forbidden: Bool[Tensor, "sentences candidates"]  # what only other sentences may say

    def to(self, device: torch.device) -> "Candidates":
        return Candidates(self.ids.to(device), self.forbidden.to(device))

    def words(self, numbers: Sequence[int]) -> list[int]:
        """The ids of words that go by their numbers among the candidates."""
        ids: list[int] = self.ids[list(numbers)].tolist()
        return ids

    def select(self, sentences: Int[Tensor, " kept"]) -> "Candidates":
        """The same words for some of the sentences only."""
        return Candidates(self.ids, self.forbidden[sentences])


class CandidateOutput(NamedTuple):
    """The output layer's rows for the candidates."""

    layer: nn.Module
    candidates: Candidates

    @staticmethod
    def of(output: nn.Module, candidates: Candidates) -> "CandidateOutput":
        return CandidateOutput(rows(output, candidates.ids), candidates)

    def __call__(self, features: Float[Tensor, "rows size"]) -> Float[Tensor, "rows candidates"]:
        """Logits; -inf for what a sentence may not say, so that its scores do not depend on the others."""
        logits: Tensor = self.layer(features)
        forbidden = self.candidates.forbidden
        # several rows of a sentence stand side by side
        logits.view(len(forbidden), -1, logits.shape[-1]).masked_fill_(forbidden[:, None], float("-inf"))
        return logits

    def select(self, sentences: Int[Tensor, " kept"]) -> "CandidateOutput":
        """The same for some of the sentences only."""
        return self._replace(candidates=self.candidates.select(sentences))
