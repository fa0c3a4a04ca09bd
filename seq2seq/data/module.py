"""The base class of data modules: what the rest of the toolkit needs of a task's data."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import pytorch_lightning as pl

from seq2seq.data.batches import BatchLoader, ResumableBatchLoader
from seq2seq.data.vocabulary import check_resume_tokenizers
from seq2seq.tokenizers import Tokenizer


class TextDataModule(pl.LightningDataModule, ABC):
    """A corpus as batches of token ids.

    A subclass offers:

    - `tokenizers`, from which checkpoints are restored and resumed. With an option `tokenizer` (and `target_tokenizer`)
      that may be the path of a checkpoint, the checkpoint's tokenizers are used where its weights are.
    - its vocabulary sizes as attributes with the names of the model's options, to which `fit` sets those: `vocab_size`,
      or `source_vocab_size`, `target_vocab_size` and `shared_vocabulary`.
    - batches as NamedTuples of tensors, each with the field `tokens`: the number of targets in the global batch, over
      all ranks, by which every rank divides its loss. Each rank gets its share of each global batch.
    - `train_dataloader`, a loader whose position in the epoch a checkpoint holds, and `eval_dataloader`.
    - `corpus_options`, where its text is, so that commands can read it again.

    Nothing is read or learned before it is needed.

    Args:
        corpus: A folder, a file, a glob, or a data set of the Hugging Face Hub.
        subset: A folder inside the corpus folder, or a configuration of the Hub's data set.
        held_out: Share that is held out for validation if the corpus has no validation split.
        workers: Worker processes that prefetch batches.
    """

    corpus_options: ClassVar[tuple[str, ...]] = ("corpus", "subset", "held_out")  # attributes that a checkpoint records

    def __init__(self, corpus: str, subset: str | None, held_out: float, workers: int) -> None:
        super().__init__()
        self.corpus = corpus
        self.subset = subset
        self.held_out = held_out
        self.workers = workers

    def __str__(self) -> str:
        return f"{type(self).__name__}({self.corpus})"  # Lightning's default creates every data loader

    @property
    @abstractmethod
    def tokenizers(self) -> dict[str, Tokenizer]:
        """The tokenizers by side: the source, and the target if it is text of another kind."""

    @abstractmethod
    def train_dataloader(self) -> ResumableBatchLoader[Any]:
        """Return a loader of this rank's training batches, equally many on every rank."""

    @abstractmethod
    def eval_dataloader(self, split: str) -> BatchLoader[Any]:
        """Return a loader of this rank's batches of a split, the same at every iteration."""

    def val_dataloader(self) -> BatchLoader[Any]:
        return self.eval_dataloader("validation")

    def test_dataloader(self) -> BatchLoader[Any]:
        return self.eval_dataloader("test")

    def predict_dataloader(self) -> BatchLoader[Any]:
        """Return a loader of the test split in its original order."""
        return self.eval_dataloader("test")

    @property
    def rank_and_world_size(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def state_dict(self) -> dict[str, Any]:
        """Return the data module's part of a checkpoint: the tokenizers and the location of the corpus."""
        return {
            "tokenizers": {side: tokenizer.state_dict() for side, tokenizer in self.tokenizers.items()},
            "corpus": {name: getattr(self, name) for name in self.corpus_options},
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Raise a UserError unless the tokenizers of a checkpoint equal those of this corpus."""
        check_resume_tokenizers(state_dict, self.tokenizers)
