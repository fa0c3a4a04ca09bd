"""How an encoder-decoder is trained."""

from typing import Any

import torch
from torch import Tensor

from seq2seq.batch import TranslationBatch
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.trainable import Trainable
from seq2seq.nn.loss import cross_entropy
from seq2seq.search import Hypothesis, greedy
from seq2seq.special_tokens import PAD


class Translator(EncoderDecoder, Trainable):
    max_length: int | None = None  # most tokens of a predicted translation, in place of the limit that training learned

    def training_step(self, batch: TranslationBatch) -> Tensor:
        features = self(batch.source, batch.lengths, batch.inputs).features
        loss = cross_entropy(features, self.output.weight, self.output.bias, batch.targets, self.label_smoothing)
        self.log("train_loss", loss.nats / loss.tokens.clamp(min=1), batch_size=max(1, batch.tokens), prog_bar=True)
        # ranks are averaged, so that each one's share of the global mean is scaled by their number
        return loss.smoothed * self.trainer.world_size / batch.tokens

    def evaluate(self, batch: TranslationBatch, name: str) -> None:
        tokens = int((batch.targets != PAD).sum())  # which may be none on one of several ranks
        mean = self.nats(batch).sum() / max(1, tokens)
        self.log(f"{name}_loss", mean, batch_size=tokens, prog_bar=True, sync_dist=True)

    def predict_step(self, batch: TranslationBatch) -> list[Hypothesis]:
        """Return greedy translations, within `max_length` or the limits that training learned."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        learned = data.output_lengths.limits((batch.lengths - 1).tolist())
        limits = learned if self.max_length is None else [self.max_length] * len(learned)
        problem = self.problem(batch.source, batch.lengths)
        return greedy(problem, torch.tensor(limits, device=batch.lengths.device))
