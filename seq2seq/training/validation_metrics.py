"""Metrics of translations at each validation, such as BLEU, for checkpoints and early stopping to monitor."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import pytorch_lightning as pl

from seq2seq.data.batches import rank_share
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.inference import TranslationPipeline
from seq2seq.metrics import Metrics, score_lines
from seq2seq.metrics.bleu_tokenizers import BleuTokenizer, bleu_tokenizer_of_script
from seq2seq.metrics.lines import METRICS
from seq2seq.ranges import Count, CountOrZero, checked
from seq2seq.search import Greedy, Search
from seq2seq.standard_streams import rank_zero_log
from seq2seq.tasks.evaluation import evenly_spaced, format_example
from seq2seq.tasks.loading import nouns_of
from seq2seq.training.previews import Preview, serves

T = TypeVar("T")


class LoggedMetric(NamedTuple):
    """A metric that is logged at validation."""

    title: str
    unit: str
    higher_is_better: bool
    decimals: int  # shown of a value


TRANSLATION_METRICS = {
    f"val_{name}": LoggedMetric(f"validation {title}", title, higher_is_better, 2)
    for name, (title, higher_is_better) in METRICS.items()
}
VALIDATION_METRICS = {"val_loss": LoggedMetric("validation loss, nats", "nats", False, 4), **TRANSLATION_METRICS}


class TranslationMetrics(Preview):
    """Callback that translates validation sentences and logs metrics such as val_bleu, for others to monitor.

    Args:
        metrics: Metrics that are logged with the prefix val_: bleu, chrf, ter, accuracy, ser, wer, cer, per.
        sentences: Number of sentences, from the start of the validation split; null for all.
        search: How to search; by default greedily.
        tokenize: Tokenizer of BLEU; by default the one for the main script of the training targets.
        lowercase: Ignore case.
        examples: Number of translations that are printed with their references.
        max_length: Maximum tokens of a translation; by default a limit learned from the training pairs.
    """

    @checked
    def __init__(
        self,
        metrics: list[str] | None = None,
        sentences: Count | None = None,
        search: Search | None = None,
        tokenize: BleuTokenizer | None = None,
        lowercase: bool = False,
        examples: CountOrZero = 3,
        max_length: Count | None = None,
    ) -> None:
        self.metrics = Metrics(tuple(metrics or ["bleu"]), tokenize, lowercase)
        self.sentences = sentences
        self.search = search or Greedy()
        self.limits = TranslationLimits(max_length)
        self.examples = examples
        self.example_texts: list[str] = []

    @property
    def logged(self) -> list[str]:
        """The names of the metrics that it logs."""
        return [f"val_{name}" for name in dict.fromkeys(self.metrics.names)]

    def setup(self, trainer: pl.Trainer, pl_module: Any, stage: str) -> None:
        if not serves(pl_module, "translate"):
            raise UserError(
                f"{self.logged[0]} needs {nouns_of('translate')}, and the model is a {type(pl_module).__name__}"
            )

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
                f"{len(translations):,}; max_length of TranslationMetrics sets another limit, in tokens"
            )
        self.log_scores(pl_module, data, translations, texts["target"])
        rows = evenly_spaced(len(texts), self.examples)
        self.example_texts = [format_example(texts[row], translations[row]) for row in rows]

    def log_scores(self, pl_module: Any, data: Any, translations: list[str], references: Iterable[str]) -> None:
        """Log the scores of translations; the tokenizer of BLEU is that of the training, also after a resume."""
        tokenize = self.metrics.tokenize
        if tokenize is None and hasattr(data, "target_script"):
            tokenize = bleu_tokenizer_of_script(data.target_script)
        metrics = replace(self.metrics, tokenize=tokenize, pieces=data.vocabularies.target.pieces)
        scores = score_lines(translations, list(references), metrics)
        for name, score in zip(self.logged, scores, strict=True):
            pl_module.log(name, score.value, prog_bar=True)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if trainer.is_global_zero and self.example_texts:
            print("\n\n".join(self.example_texts), flush=True)


def gather_in_order(items: list[T], ranks: int) -> list[T]:
    """Gather the items of all ranks, where rank r has items r, r + ranks, r + 2 ranks, ..., in their original order."""
    import torch.distributed

    parts: list[list[T]] = [[] for _ in range(ranks)]
    torch.distributed.all_gather_object(parts, items)
    return [parts[index % ranks][index // ranks] for index in range(sum(map(len, parts)))]
