"""A model of text: which token comes next, given all before it."""

from typing import Any

import pytorch_lightning as pl
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seq2seq.batch import LanguageBatch
from seq2seq.dropout import VariationalDropout, WordDropout
from seq2seq.models.embedding import embedding, output_layer
from seq2seq.models.hyperparameters import describe
from seq2seq.models.loss import cross_entropy, token_nats
from seq2seq.recurrence import LSTM, LayerFactory, Stack
from seq2seq.special import PAD, UNK
from seq2seq.state import detach, flatten, unflatten


class LanguageModel(pl.LightningModule):
    """A recurrent language model (Mikolov et al., 2010) whose state is carried from batch to batch.

    A state that grows without end, as attention's without a window, is not carried: each batch starts from nothing.

    Args:
        vocab_size: Number of tokens, special ones included; taken from the data.
        layer: What carries memory through time.
        size: Number of features of every layer.
        depth: Number of layers.
        embedding_size: Number of features of a token; the same as size by default.
        tied: Use the embedding as the output layer too.
        dropout: Probability of dropping a feature of the embedding and of every layer, one mask a sequence.
        word_dropout: Probability of hiding a token of the input.
        norm: Layer normalisation before every layer and after the last one.
        residual: Add what goes into a layer to what comes out.
        feed_forward: Inner features, for each feature, of a gated feed-forward after every layer; 0 for none.
    """

    def __init__(
        self,
        vocab_size: int,
        layer: LayerFactory = LSTM,
        size: int = 512,
        depth: int = 2,
        embedding_size: int | None = None,
        tied: bool = True,
        dropout: float = 0.1,
        word_dropout: float = 0.0,
        norm: bool = False,
        residual: bool = False,
        feed_forward: float = 0.0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        width = size if embedding_size is None else embedding_size
        self.vocab_size = vocab_size
        self.embedding = embedding(vocab_size, width)
        self.word_dropout = WordDropout(word_dropout, UNK)
        self.dropout = VariationalDropout(dropout)
        self.stack = Stack(width, size, [layer] * depth, dropout, norm, residual, feed_forward)
        self.readout = nn.Linear(size, width) if tied and width != size else nn.Identity()
        self.output = output_layer(width if tied else size, vocab_size, self.embedding if tied else None)
        self.carried: dict[str, Any] = {}  # the state of the training streams, and apart from it of validation's
        self.restored: list[Tensor] | None = None

    def initial_state(self, batch: int) -> tuple[Any, ...]:
        return self.stack.initial_state(batch)

    def forward(
        self,
        ids: Int[Tensor, "batch time"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time size"], tuple[Any, ...]]:
        """What the output layer reads, at every step, and the state after the last one."""
        x = self.dropout(self.embedding(self.word_dropout(ids)))
        y, state = self.stack(x, state, lengths)
        return self.readout(y), state

    def step(self, tokens: Int[Tensor, " batch"], state: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
        """Logits of the next token, [batch, vocab], after one more token: a `Step` of `seq2seq.search`."""
        y, state = self.stack.step(self.embedding(tokens), state)
        return self.output(self.readout(y)), state

    def nats(
        self,
        inputs: Int[Tensor, "batch time"],
        targets: Int[Tensor, "batch time"],
        state: tuple[Any, ...] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> tuple[Float[Tensor, "batch time"], tuple[Any, ...]]:
        """Negative log-probability of every target, 0 where the target is 0, and the state afterwards."""
        features, state = self(inputs, state, lengths)
        return token_nats(features, self.output.weight, self.output.bias, targets), state

    def training_step(self, batch: LanguageBatch) -> Tensor:
        features = self.read(batch, "train")
        loss = cross_entropy(features, self.output.weight, self.output.bias, batch.targets)
        self.log("train_loss", loss.nats / max(1, loss.tokens), batch_size=max(1, loss.tokens), prog_bar=True)
        # ranks are averaged, so that each one's share of the global mean is scaled by their number
        return loss.smoothed * self.trainer.world_size / batch.tokens

    def validation_step(self, batch: LanguageBatch) -> None:
        self.evaluate(batch, "val")

    def test_step(self, batch: LanguageBatch) -> None:
        self.evaluate(batch, "test")

    def evaluate(self, batch: LanguageBatch, name: str) -> None:
        nats = token_nats(self.read(batch, name), self.output.weight, self.output.bias, batch.targets)
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
        nats = token_nats(features, self.output.weight, self.output.bias, batch.targets)
        return list(nats[batch.targets != PAD].tolist())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; the command line puts its own optimiser and schedule here."""
        return torch.optim.AdamW(self.parameters(), lr=1e-3)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["model"] = describe(self)
        checkpoint["hyper_parameters"] = checkpoint["model"]["init_args"]
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
