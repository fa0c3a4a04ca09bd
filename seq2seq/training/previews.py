"""Callbacks that use a model at each validation: its BLEU, and some of its text to look at."""

from typing import Any, TypeVar

import pytorch_lightning as pl

from seq2seq.errors import UserError
from seq2seq.inference import SearchOptions, TextGenerator, TranslationPipeline
from seq2seq.metrics import bleu
from seq2seq.models import LanguageModel, Translator
from seq2seq.ranges import Beams, Count, CountOrZero, NonNegative, checked
from seq2seq.rank_zero import rank_zero_log
from seq2seq.search import Sampling
from seq2seq.tokenizers.unknown import UnknownTokens

T = TypeVar("T")


class Bleu(pl.Callback):
    """Translates validation sentences and logs val_bleu, which checkpoints and early stopping can watch.

    Args:
        sentences: The first so many of the validation split; null for all.
        beams: Hypotheses that are followed at once; 1 is greedy.
        lowercase: Score without regard to case.
        examples: Translations that are shown beside their references.
        max_length: Most tokens of a translation; by default the limit that is learned from the training pairs.
    """

    @checked
    def __init__(
        self,
        sentences: Count | None = None,
        beams: Beams = 1,
        lowercase: bool = False,
        examples: CountOrZero = 3,
        max_length: Count | None = None,
    ) -> None:
        self.sentences = sentences
        self.searching = SearchOptions(beams=beams, max_length=max_length)
        self.lowercase = lowercase
        self.examples = examples
        self.shown: list[str] = []

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        if not isinstance(pl_module, Translator):
            raise UserError(f"val_bleu needs a translator, and the model is a {type(pl_module).__name__}")

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Translator)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        texts = data.texts("validation")
        texts = texts.select(range(min(len(texts), self.sentences or len(texts))))
        translation = TranslationPipeline([pl_module], data.vocabularies, [data.output_lengths])
        # every rank translates its share, and the parts are put together in order
        rank, ranks = trainer.global_rank, trainer.world_size
        share = list(texts["source"])[rank::ranks]
        found = [(best.text, best.limited) for best, *_ in translation.translate(share, self.searching)]
        if ranks > 1:
            found = together(found, ranks)
        said, limited = [text for text, _ in found], sum(short for _, short in found)
        if limited:
            rank_zero_log(
                f"validation translations cut short by the limit of their length: {limited:,} of {len(said):,}; "
                f"max_length of Bleu sets another limit, in tokens"
            )
        score = bleu(said, list(texts["target"]), lowercase=self.lowercase).value
        pl_module.log("val_bleu", score, prog_bar=True)
        rows = spread(len(texts), self.examples)
        self.shown = [beside(texts[row], said[row]) for row in rows]

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.is_global_zero and self.shown:
            print("\n\n".join(self.shown), flush=True)


def together(mine: list[T], ranks: int) -> list[T]:
    """Put every `ranks`th item, from each rank, into one list on each."""
    import torch.distributed

    parts: list[list[T]] = [[] for _ in range(ranks)]
    torch.distributed.all_gather_object(parts, mine)
    return [parts[place % ranks][place // ranks] for place in range(sum(map(len, parts)))]


class TranslationPreview(pl.Callback):
    """Shows what a translator makes of some validation sentences, beside their references.

    Args:
        examples: Number of sentences.
        max_length: Most tokens of a translation; by default the limit that is learned from the training pairs.
    """

    @checked
    def __init__(self, examples: CountOrZero = 3, max_length: Count | None = None) -> None:
        self.examples = examples
        self.searching = SearchOptions(beams=1, max_length=max_length)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not isinstance(pl_module, Translator) or not trainer.is_global_zero or trainer.sanity_checking:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        texts = data.texts("validation")
        pairs = [texts[row] for row in spread(len(texts), self.examples)]
        translate = TranslationPipeline([pl_module], data.vocabularies, [data.output_lengths])
        found = [best for best, *_ in translate.translate([pair["source"] for pair in pairs], self.searching)]
        if limited := sum(best.limited for best in found):
            rank_zero_log(
                f"examples cut short by the limit of their length: {limited} of {len(found)}; "
                f"max_length of TranslationSample sets another limit, in tokens"
            )
        print("\n\n".join(beside(pair, best.text) for pair, best in zip(pairs, found, strict=True)), flush=True)


def spread(rows: int, count: int) -> list[int]:
    """So many of the rows, evenly over all."""
    return list(range(0, rows, max(1, rows // max(1, count))))[:count]


def beside(pair: dict[str, str], said: str) -> str:
    """A translation beside its source and its reference."""
    return f"  source     {pair['source']}\n  model      {said}\n  reference  {pair['target']}"


class TextPreview(pl.Callback):
    """Shows what a language model writes at each validation.

    Args:
        length: Tokens to write.
        prompt: What is gone on with.
        temperature: How likely unlikely tokens are.
    """

    @checked
    def __init__(self, length: Count = 200, prompt: str = "\n", temperature: NonNegative = 0.8) -> None:
        self.length = length
        self.prompt = prompt
        self.sampler = Sampling(temperature=temperature)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if isinstance(pl_module, LanguageModel):
            counts = UnknownTokens()
            counts.add([trainer.datamodule.tokenizer.encode(self.prompt)])  # type: ignore[attr-defined]
            counts.report(where="prompt of TextSample: ")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not isinstance(pl_module, LanguageModel) or not trainer.is_global_zero or trainer.sanity_checking:
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        text = TextGenerator(pl_module, data.tokenizer).complete(self.prompt, self.length, self.sampler)
        print("  | " + text.strip("\n").replace("\n", "\n  | "), flush=True)
