"""Training of an encoder-decoder."""

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from seq2seq.batch import TranslationBatch
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.search import Beam, Hypothesis, Search
from seq2seq.special_tokens import PAD
from seq2seq.standard_streams import rank_zero_log
from seq2seq.tasks.translation import Translation
from seq2seq.training.training_module import TrainingModule


class Translator(EncoderDecoder, TrainingModule):
    """Trains an encoder-decoder with attention by the cross-entropy of the target's tokens."""

    task = Translation()
    predict_options = ("search", "limits")
    search: Search = Beam()
    limits = TranslationLimits()

    def training_step(self, batch: TranslationBatch) -> Tensor:
        output = self.run(batch)
        loss = self.output.loss(output.output_input, batch.targets, self.label_smoothing)
        self.log("train_loss", loss.nats / loss.tokens.clamp(min=1), batch_size=max(1, batch.tokens), prog_bar=True)
        # gradients are averaged over ranks, so each rank's share of the global mean is multiplied by their number
        return loss.smoothed * self.trainer.world_size / batch.tokens + self.auxiliary_loss(output)

    def evaluate(self, batch: TranslationBatch, split: str) -> None:
        tokens = int((batch.targets != PAD).sum())  # may be 0 on one of several ranks
        mean = self.token_nats(batch).sum() / max(1, tokens)
        self.log(f"{split}_loss", mean, batch_size=tokens, prog_bar=True, sync_dist=True)

    def predict_step(self, batch: TranslationBatch) -> list[Hypothesis]:
        """Return the best hypothesis of each sentence, within the limit given or those learned in training."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        pipeline = self.task.training_pipeline(self, data)
        sources = [ids[:length] for ids, length in zip(batch.source.tolist(), batch.lengths.tolist(), strict=True)]
        return [best for best, *_ in pipeline.search(sources, self.search, max_length=self.limits.max_length)]

    def format_predictions(self, predictions: Sequence[Hypothesis], data: Any) -> Iterator[str]:
        pipeline = self.task.training_pipeline(self, data)
        yield from (pipeline.detokenize(hypothesis.ids) for hypothesis in predictions)
        if truncated := sum(hypothesis.truncated for hypothesis in predictions):
            rank_zero_log(
                f"translations cut short by the limit of their length: {truncated:,} of {len(predictions):,}; "
                f"--max-length N lets each have N tokens"
            )
