"""How a language model is trained."""

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

    A state that grows without end, as attention's without a window, is not carried: each batch starts from nothing.
    """

    restored: list[Tensor] | None = None  # of the training streams, from a checkpoint

    @cached_property
    def carried(self) -> dict[str, Any]:
        """The state of the training streams, and apart from it of validation's."""
        return {}

    def training_step(self, batch: LanguageBatch) -> Tensor:
        features = self.read(batch, "train")
        loss = cross_entropy(features, self.output.weight, self.output.bias, batch.targets)
        self.log("train_loss", loss.nats / loss.tokens.clamp(min=1), batch_size=max(1, batch.tokens), prog_bar=True)
        # ranks are averaged, so that each one's share of the global mean is scaled by their number
        return loss.smoothed * self.trainer.world_size / batch.tokens

    def evaluate(self, batch: LanguageBatch, name: str) -> None:
        nats = token_nats(self.read(batch, name), self.output, batch.targets)
        tokens = int((batch.targets != PAD).sum())  # which may be none on one of several ranks
        self.log(f"{name}_loss", nats.sum() / max(1, tokens), batch_size=tokens, prog_bar=True, sync_dist=True)

    def read(self, batch: LanguageBatch, streams: str) -> Float[Tensor, "batch time size"]:
        """Read on where these streams were left, and leave them where this batch ends."""
        if batch.start:
            self.carried.pop(streams, None)
        elif streams == "train" and self.restored is not None:
            like = self.initial_state(len(batch.inputs))
            device = batch.inputs.device
            self.carried[streams] = unflatten([part.to(device) for part in self.restored], like)
        self.restored = None if streams == "train" else self.restored
        features, state = self.forward(batch.inputs, self.carried.get(streams))
        if not self.stack.grows:
            self.carried[streams] = detach(state)
        return features

    def predict_step(self, batch: LanguageBatch) -> list[float]:
        """The nats of every token."""
        features = self.read(batch, "predict")
        nats = token_nats(features, self.output, batch.targets)
        return list(nats[batch.targets != PAD].tolist())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_save_checkpoint(checkpoint)
        mine = [part.cpu() for part in flatten(self.carried["train"])] if "train" in self.carried else []
        every = [mine]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            every = [[] for _ in range(torch.distributed.get_world_size())]
            torch.distributed.all_gather_object(every, mine)
        checkpoint["carried_state"] = every  # for every rank

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        every = checkpoint.get("carried_state", [])
        rank = self._trainer.global_rank if self._trainer is not None else 0
        self.restored = every[rank] if rank < len(every) and every[rank] else None
