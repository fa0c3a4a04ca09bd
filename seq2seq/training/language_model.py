"""Training of a language model with a carried state (truncated BPTT)."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from seq2seq.batch import LanguageBatch
from seq2seq.errors import UserError, prefix_errors
from seq2seq.models.language_model import LanguageModelNetwork
from seq2seq.nn.output import OutputInput
from seq2seq.recurrence.stack import StackOutput
from seq2seq.special_tokens import PAD
from seq2seq.state import detach, flatten, unflatten
from seq2seq.tasks.language_modeling import LanguageModeling
from seq2seq.training.lightning_internals import attached_trainer
from seq2seq.training.training_module import TrainingModule


class LanguageModel(LanguageModelNetwork, TrainingModule):
    """A recurrent language model (Mikolov et al., 2010) whose state is carried from batch to batch.

    A state that grows without bound, as attention's without a window, is not carried: each batch starts afresh.
    """

    task = LanguageModeling()
    restored_state: list[Tensor] | None = None  # of the training streams, from a checkpoint

    @cached_property
    def carried_states(self) -> dict[str, Any]:
        """The state of the streams of each split: train, val, test and predict."""
        return {}

    def training_step(self, batch: LanguageBatch) -> Tensor:
        output = self.run_carried(batch, "train")
        loss = self.output.loss(OutputInput(output.output), batch.targets)
        self.log("train_loss", loss.nats / loss.tokens.clamp(min=1), batch_size=max(1, batch.tokens), prog_bar=True)
        # gradients are averaged over ranks, so each rank's share of the global mean is multiplied by their number
        return loss.smoothed * self.trainer.world_size / batch.tokens + self.auxiliary_loss(output)

    def evaluate(self, batch: LanguageBatch, split: str) -> None:
        nats = self.output.token_nats(OutputInput(self.run_carried(batch, split).output), batch.targets)
        tokens = int((batch.targets != PAD).sum())  # may be 0 on one of several ranks
        self.log(f"{split}_loss", nats.sum() / max(1, tokens), batch_size=tokens, prog_bar=True, sync_dist=True)

    def run_carried(self, batch: LanguageBatch, split: str) -> StackOutput:
        """Run the network on a batch, continuing the split's streams from their carried state, which is updated."""
        if batch.start:
            self.carried_states.pop(split, None)
        elif split == "train" and self.restored_state is not None:
            like = self.initial_state(len(batch.inputs))
            device = batch.inputs.device
            self.carried_states[split] = unflatten([part.to(device) for part in self.restored_state], like)
        self.restored_state = None if split == "train" else self.restored_state
        output = self.run(batch.inputs, self.carried_states.get(split))
        if not self.stack.grows:
            self.carried_states[split] = detach(output.state)
        return output

    def predict_step(self, batch: LanguageBatch) -> list[float]:
        """Return the negative log-probability of every token in nats."""
        nats = self.output.token_nats(OutputInput(self.run_carried(batch, "predict").output), batch.targets)
        return list(nats[batch.targets != PAD].tolist())

    def format_predictions(self, predictions: Sequence[float], data: Any) -> Iterator[str]:
        return (f"{nats:.6f}" for nats in predictions)

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
        trainer = attached_trainer(self)
        rank = trainer.global_rank if trainer is not None else 0
        self.restored_state = states[rank] if rank < len(states) and states[rank] else None

    def validate_resume(self, checkpoint: dict[str, Any]) -> None:
        """Raise a UserError unless each process has a carried state that fits the layers, or an empty one."""
        states = checkpoint.get("carried_state")
        if not isinstance(states, list):
            raise UserError("carried_state must have one state for each process")
        for state in states:
            if not isinstance(state, list) or not all(isinstance(part, Tensor) and part.ndim for part in state):
                raise UserError("carried_state does not fit the layers of this model")
            if not state:
                continue
            with prefix_errors("carried_state does not fit the layers of this model"):
                unflatten(state, self.initial_state(len(state[0])))
            if not all(part.isfinite().all() for part in state):
                raise UserError("carried_state has values that are not finite")
