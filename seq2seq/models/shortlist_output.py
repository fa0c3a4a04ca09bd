"""An output layer that computes logits for the tokens of a shortlist only."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.kernels.library import kernels_available
from seq2seq.quantization.linear import Int8Linear, select_rows
from seq2seq.special_tokens import NO_TOKEN


class ShortlistOutput(NamedTuple):
    """The output layer restricted to each sentence's shortlist; logit i is that of its i-th token."""

    ids: Int[Tensor, "sentences shortlist"]  # NO_TOKEN at the end of shorter ones
    layer: nn.Module  # the output layer, or its rows for the tokens of any shortlist
    layer_rows: Int[Tensor, "sentences shortlist"]  # the row in `layer` of each token

    @staticmethod
    def from_layer(output: nn.Module, ids: Int[Tensor, "sentences shortlist"]) -> "ShortlistOutput":
        if isinstance(output, Int8Linear) and kernels_available(output.scale):
            return ShortlistOutput(ids, output, ids)
        unique_ids, layer_rows = ids.clamp(min=0).unique(return_inverse=True)
        return ShortlistOutput(ids, select_rows(output, unique_ids), layer_rows.where(ids != NO_TOKEN, NO_TOKEN))

    def __call__(
        self, features: Float[Tensor, "rows size"], sentence_index: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows shortlist"]:
        """Return the logits of the shortlist of each row's sentence, -inf for NO_TOKEN."""
        if isinstance(self.layer, Int8Linear) and kernels_available(features):
            return self.layer.forward_selected(features, sentence_index, self.layer_rows)
        logits: Tensor = self.layer(features)
        layer_rows = self.layer_rows[sentence_index]
        return logits.gather(1, layer_rows.clamp(min=0)).masked_fill_(layer_rows == NO_TOKEN, float("-inf"))

    def select(self, sentences: Int[Tensor, " kept"]) -> "ShortlistOutput":
        """Return the shortlists of these sentences only."""
        return self._replace(ids=self.ids[sentences], layer_rows=self.layer_rows[sentences])
