"""A user's own module: one of each thing that the package can be extended by, none of them known to the package."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.data.batches import BatchLoader, ResumableBatchLoader
from seq2seq.data.module import TextDataModule
from seq2seq.data.pairs import Vocabularies, pad
from seq2seq.data.translation_pairs import translation_pairs
from seq2seq.data.vocabulary import load_or_learn_tokenizer
from seq2seq.models.encoder_decoder import EncoderDecoderOutput
from seq2seq.models.network import Network, Vocabulary
from seq2seq.nn.attention import Attention, AttentionOutput, Memory
from seq2seq.nn.embedding import embedding
from seq2seq.nn.output import LinearOutput, OutputInput, OutputLayer
from seq2seq.ranges import Count
from seq2seq.recurrence import Cell, EncoderLayer, LayerFactory, Stack
from seq2seq.search import Hypothesis, Sampling, Search
from seq2seq.special_tokens import PAD
from seq2seq.tasks import LoadedModel, Task
from seq2seq.tasks.evaluation import Evaluation, EvaluationOptions
from seq2seq.tasks.task import Windows
from seq2seq.tokenizers import Tokenizer, Words
from seq2seq.tokenizers.frequent_units import FrequentUnits
from seq2seq.tokenizers.tokenizer import without_surrogates
from seq2seq.training import Preview, TrainingModule, Translator


class IndRNN(Cell[Tensor]):
    """h = tanh(W x + u * h), with one recurrent weight per unit (Li et al., 2018).

    Args:
        input_size: Number of input features of a step.
        size: Number of units.
        decay: Initial recurrent weight.
    """

    def __init__(self, input_size: int, size: int, decay: float = 0.9) -> None:
        super().__init__(input_size, size)
        self.linear = nn.Linear(input_size, size)
        self.recurrent_weight = nn.Parameter(torch.full((size,), decay))

    def initial_state(self, batch: int) -> Tensor:
        return self.recurrent_weight.new_zeros(batch, self.size)

    def project_input(self, x: Tensor) -> Tensor:
        projected: Tensor = self.linear(x)
        return projected

    def cell(self, projected_x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.tanh(projected_x + self.recurrent_weight * state)
        return hidden, hidden


class GatedConvolution(EncoderLayer):
    """A convolution over the steps before and after each, with a gate (Gehring et al., 2017).

    Args:
        input_size: Number of input features of a step.
        size: Number of output features of a step.
        width: Number of steps that an output sees; odd.
    """

    def __init__(self, input_size: int, size: int, width: int = 3) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(input_size, 2 * size, width, padding=width // 2)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        mask = torch.arange(x.shape[1], device=x.device) < lengths.to(x.device)[:, None]
        x = torch.where(mask[..., None], x, 0.0).transpose(1, 2)
        return F.glu(self.convolution(x), dim=1).transpose(1, 2)


class CoverageAttention(Attention[Tensor]):
    """Additive attention that sees how much each position has been attended to (See et al., 2017, equation 11)."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__(query_size, memory_size)
        self.query_projection = nn.Linear(query_size, query_size)
        self.key_projection = nn.Linear(memory_size, query_size, bias=False)
        self.coverage_projection = nn.Linear(1, query_size, bias=False)
        self.score_projection = nn.Linear(query_size, 1, bias=False)

    def keys(self, states: Tensor) -> Tensor:
        projected: Tensor = self.key_projection(states)
        return projected

    def initial_state(self, memory: Memory) -> Tensor:
        return torch.zeros(memory.mask.shape, device=memory.mask.device)

    def step(self, query: Tensor, memory: Memory, state: Tensor) -> AttentionOutput[Tensor]:
        features = self.query_projection(query)[:, None] + memory.keys + self.coverage_projection(state[..., None])
        scores = self.score_projection(features.tanh()).squeeze(2).masked_fill(~memory.mask, -1e9)
        weights = scores.softmax(dim=1)
        return AttentionOutput((weights[:, None] @ memory.values).squeeze(1), weights, state + weights)


class PointerOutput(OutputLayer):
    """Generates the next token or copies one from the source, of a shared vocabulary (See et al., 2017, equation 9)."""

    token_rows = ("generator.linear.weight", "generator.linear.bias")
    reads_attention_weights = True

    def __init__(self, size: int, context_size: int, vocab_size: int, copy_bias: float = 0.0) -> None:
        super().__init__(size, context_size, vocab_size)
        self.generator = LinearOutput(size, context_size, vocab_size)
        self.copy_gate = nn.Linear(size + context_size, 1)
        nn.init.constant_(self.copy_gate.bias, copy_bias)

    def tie(self, embedding: nn.Embedding) -> None:
        self.generator.tie(embedding)

    def logits(self, x: OutputInput) -> Tensor:
        assert x.context is not None
        assert x.weights is not None
        assert x.source is not None
        gate = self.copy_gate(torch.cat([x.features, x.context], dim=-1)).float()
        ids = x.source[:, None].expand(-1, x.features.shape[1], -1)
        copied = torch.zeros(*x.features.shape[:2], self.vocab_size, device=ids.device)
        copied = copied.scatter_add(2, ids, x.weights.float())
        generated = F.logsigmoid(-gate) + self.generator.log_probabilities(x)
        return torch.logaddexp(generated, F.logsigmoid(gate) + copied.clamp(min=1e-30).log())


class SplitDigits(FrequentUnits):
    """Words, where each digit is a unit of its own, so that numbers that were never seen can be read."""

    unit = "word or digit"

    def split(self, text: str) -> list[str]:
        return re.findall(r"\d|[^\W\d]+|.|\n", without_surrogates(text))

    def join(self, units: Iterable[str]) -> str:
        return "".join(units)


@dataclass(frozen=True)
class BestOf(Search):
    """The likeliest of several samples.

    Args:
        width: Number of samples.
    """

    width: Count = 5

    def __call__(self, problem: Any, limits: Tensor, n_best: int = 1) -> list[list[Hypothesis]]:
        found = Sampling(allow_unknown=self.allow_unknown)(problem, limits, max(n_best, self.width))
        return [hypotheses[:n_best] for hypotheses in found]


class CoverageTranslator(Translator):
    """A translator with the coverage loss (See et al., 2017, equation 13)."""

    def auxiliary_loss(self, output: EncoderDecoderOutput) -> Tensor | float:
        weights, mask = output.output_input.weights, output.target_mask
        assert weights is not None
        coverage = weights.cumsum(dim=1) - weights
        return torch.minimum(coverage, weights).sum(dim=2)[mask].sum() / mask.sum().clamp(min=1)


class LabelBatch(NamedTuple):
    """Sentences with one label for each token."""

    inputs: Tensor
    lengths: Tensor
    targets: Tensor  # PAD has no loss
    tokens: int


class LabelData(TextDataModule):
    """Lines of words beside lines of as many labels.

    Args:
        corpus: A folder with train.SOURCE and train.TARGET.
        source: Suffix of the words' files.
        target: Suffix of the labels' files.
        batch_size: Sentences in a batch.
    """

    corpus_options = ("corpus", "subset", "held_out", "source", "target")

    def __init__(self, corpus: str, source: str = "words", target: str = "labels", batch_size: int = 8) -> None:
        super().__init__(corpus, None, 0.1, 0)
        self.source = source
        self.target = target
        self.batch_size = batch_size

    def texts(self, split: str) -> Any:
        return translation_pairs(self.corpus, self.source, self.target, split, self.held_out)

    @cached_property
    def tokenizers(self) -> dict[str, Tokenizer]:  # type: ignore[override]
        texts = self.texts("train")
        return {
            side: load_or_learn_tokenizer(Words(), lambda side=side: texts[side], f"{texts._fingerprint}-{side}")
            for side in ("source", "target")
        }

    @property
    def word_count(self) -> int:
        return self.tokenizers["source"].vocab_size

    @property
    def label_count(self) -> int:
        return self.tokenizers["target"].vocab_size

    def batches(self, split: str) -> list[LabelBatch]:
        texts = self.texts(split)
        pairs = [self.encode(row["source"], row["target"]) for row in texts]
        return [collate(pairs[start : start + self.batch_size]) for start in range(0, len(pairs), self.batch_size)]

    def encode(self, words: str, labels: str) -> tuple[list[int], list[int]]:
        return self.tokenizers["source"].encode(words), self.tokenizers["target"].encode(labels)

    def train_dataloader(self) -> ResumableBatchLoader[LabelBatch]:
        batches = self.batches("train")
        return ResumableBatchLoader(partial(shuffled, len(batches)), lambda epoch, index: batches[index])

    def eval_dataloader(self, split: str) -> BatchLoader[LabelBatch]:
        return BatchLoader(self.batches(split), lambda batch: batch)


def shuffled(count: int, epoch: int) -> list[int]:
    order: list[int] = np.random.default_rng(epoch).permutation(count).tolist()
    return order


def collate(pairs: Sequence[tuple[list[int], list[int]]]) -> LabelBatch:
    inputs, targets = pad([words for words, _ in pairs]), pad([labels for _, labels in pairs])
    return LabelBatch(inputs, torch.tensor([len(words) for words, _ in pairs]), targets, int((targets != PAD).sum()))


class Labeler(Network):
    """Reads a sentence from left to right and labels every token.

    Args:
        word_count: Number of words.
        label_count: Number of labels.
        layer: The recurrent layer.
        size: Number of features.
        depth: Number of layers.
    """

    layer_options = ("layer",)
    vocabularies: ClassVar[Mapping[str, Vocabulary]] = {
        "word_count": Vocabulary("source", ("embedding",)),
        "label_count": Vocabulary("target"),
    }

    def __init__(
        self,
        word_count: int,
        label_count: int,
        layer: LayerFactory = IndRNN,
        size: int = 16,
        depth: int = 1,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.embedding = embedding(word_count, size)
        self.stack = Stack(size, size, [layer] * depth)
        self.output = LinearOutput(size, 0, label_count)

    def output_input(self, y: Tensor) -> OutputInput:
        return OutputInput(y)

    def forward(self, ids: Tensor, lengths: Tensor) -> OutputInput:
        return self.output_input(self.stack(self.embedding(ids), lengths=lengths)[0])


class LabelingPipeline:
    """Labels the words of lines."""

    def __init__(self, network: Labeler, vocabularies: Vocabularies, corpus: dict[str, Any]) -> None:
        self.network = network
        self.vocabularies = vocabularies
        self.corpus = corpus

    @torch.inference_mode()
    def __call__(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            ids = torch.tensor([self.vocabularies.source.encode(line)])
            logits = self.network.output.logits(self.network(ids, torch.tensor([ids.shape[1]])))
            yield self.vocabularies.target.decode(logits[0].argmax(dim=1).tolist())


class Labeling(Task[Labeler, LabelingPipeline]):
    """One label for each token."""

    noun = "a labeler"
    data_module = f"{__name__}.LabelData"
    preview = f"{__name__}.LabelPreview"
    commands = frozenset({"evaluate", "inspect"})

    @property
    def network(self) -> type[Labeler]:
        return Labeler

    def pipeline(self, models: Sequence[LoadedModel[Labeler]]) -> LabelingPipeline:
        [model] = models
        return LabelingPipeline(model.network, model.vocabularies, model.corpus)

    def training_pipeline(self, network: Labeler, data: Any) -> LabelingPipeline:
        return LabelingPipeline(network, Vocabularies(data.tokenizers["source"], data.tokenizers["target"]), {})

    def evaluate(self, pipeline: LabelingPipeline, options: EvaluationOptions) -> Evaluation:
        corpus = pipeline.corpus
        texts = translation_pairs(corpus["corpus"], corpus["source"], corpus["target"], options.split or "test")
        labels = [
            (a, b)
            for line, row in zip(pipeline(texts["source"]), texts["target"], strict=True)
            for a, b in zip(line.split(), row.split(), strict=True)
        ]
        accuracy = 100 * sum(found == correct for found, correct in labels) / len(labels)
        return Evaluation({"accuracy": accuracy}, f"accuracy {accuracy:.2f}")

    def inspection_windows(
        self, vocabularies: Vocabularies, corpus: dict[str, Any], text: Iterable[str] | None, windows: int, width: int
    ) -> Windows:
        texts = translation_pairs(corpus["corpus"], corpus["source"], corpus["target"], "validation")
        ids, labels = (
            torch.tensor([i for line in texts[side] for i in tokenizer.encode(line)])
            for side, tokenizer in vocabularies._asdict().items()
        )
        return Windows(ids.unfold(0, width, 1)[:windows], labels[width - 1 :][:windows], len(ids))


class LabelPreview(Preview):
    """Prints the labels of the first validation sentence."""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        pipeline = pl_module.task.training_pipeline(pl_module, data)
        print("labels:", *pipeline(data.texts("validation")["source"][:1]))


class LabelTraining(Labeler, TrainingModule):
    """Trains a labeler by the cross-entropy of its labels."""

    task = Labeling()

    def training_step(self, batch: LabelBatch) -> Tensor:
        loss = self.output.loss(self(batch.inputs, batch.lengths), batch.targets)
        self.log("train_loss", loss.nats / batch.tokens)
        return loss.smoothed / batch.tokens

    def evaluate(self, batch: LabelBatch, split: str) -> None:
        nats = self.output.token_nats(self(batch.inputs, batch.lengths), batch.targets)
        self.log(f"{split}_loss", nats.sum() / batch.tokens, batch_size=batch.tokens)

    def predict_step(self, batch: LabelBatch) -> list[str]:
        logits = self.output.logits(self(batch.inputs, batch.lengths)).argmax(dim=2)
        target = self.trainer.datamodule.tokenizers["target"]  # type: ignore[attr-defined]
        return [
            target.decode(row[:length]) for row, length in zip(logits.tolist(), batch.lengths.tolist(), strict=True)
        ]
