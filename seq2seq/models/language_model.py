"""Training of a language model with a carried state (truncated BPTT)."""

from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from seq2seq.batch import LanguageBatch
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.models.trainable import Trainable
from seq2seq.nn.loss import cross_entropy, token_nats
from seq2seq.special_tokens import PAD
from seq2seq.state import detach, flatten, unflatten


class LanguageModel(RecurrentLanguageModel, Trainable):
    """A recurrent language model (Mikolov et al., 2010) whose state is carried from batch to batch.

    A state that grows without bound, as attention's without a window, is not carried: each batch starts afresh.
    """

    restored_state: list[Tensor] | None = None  # of the training streams, from a checkpoint

    @cached_property
    def carried_states(self) -> dict[str, Any]:
        """The state of the streams of each split: train, val, test and predict."""
        return {}

    def training_step(self, batch: LanguageBatch) -> Tensor:
        features = self.forward_carried(batch, "train")
        loss = cross_entropy(features, self.output.weight, self.output.bias, batch.targets)
        self.log("train_loss", loss.nats / loss.tokens.clamp(min=1), batch_size=max(1, batch.tokens), prog_bar=True)
        # gradients are averaged over ranks, so each rank's share of the global mean is multiplied by their number
        return loss.smoothed * self.trainer.world_size / batch.tokens

    def evaluate(self, batch: LanguageBatch, split: str) -> None:
        nats = token_nats(self.forward_carried(batch, split), self.output, batch.targets)
        tokens = int((batch.targets != PAD).sum())  # may be 0 on one of several ranks
        self.log(f"{split}_loss", nats.sum() / max(1, tokens), batch_size=tokens, prog_bar=True, sync_dist=True)

    def forward_carried(self, batch: LanguageBatch, split: str) -> Float[Tensor, "batch time size"]:
        """Return the features of a batch, continuing the split's streams from their carried state, which is updated."""
        if batch.start:
            self.carried_states.pop(split, None)
        elif split == "train" and self.restored_state is not None:
            like = self.initial_state(len(batch.inputs))
            device = batch.inputs.device
            self.carried_states[split] = unflatten([part.to(device) for part in self.restored_state], like)
        self.restored_state = None if split == "train" else self.restored_state
        features, state = self.forward(batch.inputs, self.carried_states.get(split))
        if not self.stack.grows:
            self.carried_states[split] = detach(state)
        return features

    def predict_step(self, batch: LanguageBatch) -> list[float]:
        """Return the negative log-probability of every token in nats."""
        features = self.forward_carried(batch, "predict")
        nats = token_nats(features, self.output, batch.targets)
        return list(nats[batch.targets != PAD].tolist())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        own_state = (
            [part.cpu() for part in flatten(self.carried_states["train"])] if "train" in self.carried_states else []
        )
        states = [own_state]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            states = [[] for _ in range(torch.distributed.get_world_size())]
            torch.distributed.all_gather_object(states, own_state)
        checkpoint["carried_state"] = states  # one per rank

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        states = checkpoint.get("carried_state", [])
        rank = self._trainer.global_rank if self._trainer is not None else 0
        self.restored_state = states[rank] if rank < len(states) and states[rank] else None
