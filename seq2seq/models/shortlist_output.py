"""An output layer that only scores the words in question."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.kernels.library import serves
from seq2seq.quantization.linear import Int8Linear, rows
from seq2seq.special_tokens import NO_TOKEN


class ShortlistOutput(NamedTuple):
    """The output layer for the few words that each sentence may say, which go by their numbers among these."""

    ids: Int[Tensor, "sentences candidates"]  # NONE at the end where a sentence has fewer
    layer: nn.Module  # the output layer, or its rows for what any of the sentences may say
    places: Int[Tensor, "sentences candidates"]  # of the candidates in the layer

    @staticmethod
    def of(output: nn.Module, ids: Int[Tensor, "sentences candidates"]) -> "ShortlistOutput":
        if isinstance(output, Int8Linear) and serves(output.scale):
            return ShortlistOutput(ids, output, ids)
        every, places = ids.clamp(min=0).unique(return_inverse=True)
        return ShortlistOutput(ids, rows(output, every), places.where(ids != NO_TOKEN, NO_TOKEN))

    def __call__(
        self, features: Float[Tensor, "rows size"], sentences: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows candidates"]:
        """Logits of what each row's sentence may say; -inf for NONE, so that the others do not matter."""
        if isinstance(self.layer, Int8Linear) and serves(features):
            return self.layer.chosen(features, sentences, self.places)
        logits: Tensor = self.layer(features)
        places = self.places[sentences]
        return logits.gather(1, places.clamp(min=0)).masked_fill_(places == NO_TOKEN, float("-inf"))

    def select(self, sentences: Int[Tensor, " kept"]) -> "ShortlistOutput":
        """The same for some of the sentences only."""
        return self._replace(ids=self.ids[sentences], places=self.places[sentences])
