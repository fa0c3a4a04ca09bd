"""Callbacks that translate or generate text at each validation, to compute BLEU and to show examples."""

from typing import Any, TypeVar

import pytorch_lightning as pl

from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.inference import TextGenerator, TranslationPipeline
from seq2seq.metrics import bleu
from seq2seq.ranges import Count, CountOrZero, NonNegative, checked
from seq2seq.rank_zero import rank_zero_log
from seq2seq.search import Greedy, Sampling, Search
from seq2seq.tokenizers.unknown import UnknownTokenCounts

T = TypeVar("T")


class Bleu(pl.Callback):
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
            raise UserError(f"val_bleu needs a translator, and the model is a {type(pl_module).__name__}")

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        texts = data.texts("validation")
        texts = texts.select(range(min(len(texts), self.sentences or len(texts))))
        pipeline: TranslationPipeline = pl_module.task.training_pipeline(pl_module, data)
        # each rank translates every `ranks`th sentence, and the translations are gathered in the original order
        rank, ranks = trainer.global_rank, trainer.world_size
        sources = list(texts["source"])[rank::ranks]
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


def serves(module: Any, command: str) -> bool:
    """Return whether models of a training module's task can be used with a command."""
    task = getattr(module, "task", None)  # a Lightning module of another package may have none
    return task is not None and command in task.commands


def gather_in_order(items: list[T], ranks: int) -> list[T]:
    """Gather the items of all ranks, where rank r has items r, r + ranks, r + 2 ranks, ..., in their original order."""
    import torch.distributed

    parts: list[list[T]] = [[] for _ in range(ranks)]
    torch.distributed.all_gather_object(parts, items)
    return [parts[index % ranks][index // ranks] for index in range(sum(map(len, parts)))]


class TranslationPreview(pl.Callback):
    """Callback that prints translations of some validation sentences with their references.

    Args:
        examples: Number of sentences.
        max_length: Maximum tokens of a translation; by default a limit learned from the training pairs.
    """

    @checked
    def __init__(self, examples: CountOrZero = 3, max_length: Count | None = None) -> None:
        self.examples = examples
        self.limits = TranslationLimits(max_length)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if not serves(pl_module, "translate") or not trainer.is_global_zero or trainer.sanity_checking:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        texts = data.texts("validation")
        pairs = [texts[row] for row in evenly_spaced(len(texts), self.examples)]
        pipeline: TranslationPipeline = pl_module.task.training_pipeline(pl_module, data)
        found = pipeline.translate([pair["source"] for pair in pairs], Greedy(), limits=self.limits)
        translations = [best for best, *_ in found]
        if limited := sum(best.truncated for best in translations):
            rank_zero_log(
                f"examples cut short by the limit of their length: {limited} of {len(translations)}; "
                f"max_length of TranslationPreview sets another limit, in tokens"
            )
        print(
            "\n\n".join(format_example(pair, best.text) for pair, best in zip(pairs, translations, strict=True)),
            flush=True,
        )


def evenly_spaced(rows: int, count: int) -> list[int]:
    """Return the indices of `count` rows that are evenly spaced over all rows."""
    return list(range(0, rows, max(1, rows // max(1, count))))[:count]


def format_example(pair: dict[str, str], translation: str) -> str:
    """Return three lines: a source, its translation and its reference."""
    return f"  source     {pair['source']}\n  model      {translation}\n  reference  {pair['target']}"


class TextPreview(pl.Callback):
    """Callback that prints text generated by a language model at each validation.

    Args:
        length: Number of tokens to generate.
        prompt: Text to continue.
        temperature: Sampling temperature; 0 is greedy.
    """

    @checked
    def __init__(self, length: Count = 200, prompt: str = "\n", temperature: NonNegative = 0.8) -> None:
        self.length = length
        self.prompt = prompt
        self.sampling = Sampling(temperature=temperature)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if serves(pl_module, "sample"):
            counts = UnknownTokenCounts()
            counts.add([trainer.datamodule.tokenizer.encode(self.prompt)])  # type: ignore[attr-defined]
            counts.report(prefix="prompt of TextPreview: ")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if not serves(pl_module, "sample") or not trainer.is_global_zero or trainer.sanity_checking:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        generator: TextGenerator = pl_module.task.training_pipeline(pl_module, data)
        text = generator.complete(self.prompt, self.length, self.sampling)
        print("  | " + text.strip("\n").replace("\n", "\n  | "), flush=True)
