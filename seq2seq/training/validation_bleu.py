"""BLEU at each validation, for checkpoints and early stopping to monitor."""

from typing import Any, TypeVar

import pytorch_lightning as pl

from seq2seq.data.batches import rank_share
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.inference import TranslationPipeline
from seq2seq.metrics import bleu
from seq2seq.ranges import Count, CountOrZero, checked
from seq2seq.search import Greedy, Search
from seq2seq.standard_streams import rank_zero_log
from seq2seq.tasks.evaluation import evenly_spaced, format_example
from seq2seq.tasks.loading import nouns_of
from seq2seq.training.previews import Preview, serves

T = TypeVar("T")


class Bleu(Preview):
    """Callback that translates validation sentences and logs val_bleu, for checkpoints and early stopping to monitor.

    Args:
        sentences: Number of sentences, from the start of the validation split; null for all.
        search: How to search; by default greedily.
        lowercase: Compute a case-insensitive score.
        examples: Number of translations that are printed with their references.
        max_length: Maximum tokens of a translation; by default a limit learned from the training pairs.
    """

    @checked
    def __init__(
        self,
        sentences: Count | None = None,
        search: Search | None = None,
        lowercase: bool = False,
        examples: CountOrZero = 3,
        max_length: Count | None = None,
    ) -> None:
        self.sentences = sentences
        self.search = search or Greedy()
        self.limits = TranslationLimits(max_length)
        self.lowercase = lowercase
        self.examples = examples
        self.example_texts: list[str] = []

    def setup(self, trainer: pl.Trainer, pl_module: Any, stage: str) -> None:
        if not serves(pl_module, "translate"):
            raise UserError(f"val_bleu needs {nouns_of('translate')}, and the model is a {type(pl_module).__name__}")

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        texts = data.texts("validation")
        texts = texts.select(range(min(len(texts), self.sentences or len(texts))))
        pipeline: TranslationPipeline = pl_module.task.training_pipeline(pl_module, data)
        # each rank translates its share, and the translations are gathered in the original order
        ranks = trainer.world_size
        sources = list(texts["source"])[rank_share(trainer.global_rank, ranks)]
        found = pipeline.translate(sources, self.search, limits=self.limits)
        results = [(best.text, best.truncated) for best, *_ in found]
        if ranks > 1:
            results = gather_in_order(results, ranks)
        translations, limited = [text for text, _ in results], sum(limited for _, limited in results)
        if limited:
            rank_zero_log(
                f"validation translations cut short by the limit of their length: {limited:,} of "
                f"{len(translations):,}; max_length of Bleu sets another limit, in tokens"
            )
        score = bleu(translations, list(texts["target"]), lowercase=self.lowercase).value
        pl_module.log("val_bleu", score, prog_bar=True)
        rows = evenly_spaced(len(texts), self.examples)
        self.example_texts = [format_example(texts[row], translations[row]) for row in rows]

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if trainer.is_global_zero and self.example_texts:
            print("\n\n".join(self.example_texts), flush=True)


def gather_in_order(items: list[T], ranks: int) -> list[T]:
    """Gather the items of all ranks, where rank r has items r, r + ranks, r + 2 ranks, ..., in their original order."""
    import torch.distributed

    parts: list[list[T]] = [[] for _ in range(ranks)]
    torch.distributed.all_gather_object(parts, items)
    return [parts[index % ranks][index // ranks] for index in range(sum(map(len, parts)))]
