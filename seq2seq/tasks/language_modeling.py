"""Language modeling: generating and scoring text."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, tee
from typing import Any

import torch

from seq2seq.data.pairs import Vocabularies
from seq2seq.data.text import read_blocks
from seq2seq.errors import UserError
from seq2seq.inference.text_generator import ScoredToken, TextGenerator
from seq2seq.models.language_model import LanguageModelNetwork
from seq2seq.tasks.evaluation import Evaluation, EvaluationOptions, ScoredPieces, ScoringInput
from seq2seq.tasks.language_scores import evaluate_text
from seq2seq.tasks.task import LoadedModel, Task, Windows
from seq2seq.tokenizers.unknown import UnknownTokenCounts

MAX_TOKENS = 1_000_000  # tokens of a text from which windows are taken


class LanguageModeling(Task[LanguageModelNetwork, TextGenerator]):
    noun = "a language model"
    data_module = "seq2seq.data.LanguageData"
    preview = "seq2seq.training.TextPreview"
    commands = frozenset({"sample", "score", "evaluate", "inspect"})
    evaluation_options = frozenset({"text", "corpus", "split", "window"})

    @property
    def network(self) -> type[LanguageModelNetwork]:
        return LanguageModelNetwork

    def pipeline(self, models: Sequence[LoadedModel[LanguageModelNetwork]]) -> TextGenerator:
        [model] = models
        return TextGenerator(model.network, model.vocabularies.source, model.corpus)

    def inspection_windows(
        self, vocabularies: Vocabularies, corpus: dict[str, Any], text: Iterable[str] | None, windows: int, width: int
    ) -> Windows:
        tokenizer = vocabularies.source
        blocks = text if text is not None else corpus_text(corpus, None, "validation")
        encoded = chain.from_iterable(tokenizer.encode_blocks(blocks))
        ids = torch.tensor(list(islice(encoded, MAX_TOKENS)), dtype=torch.long)
        candidates = ids.unfold(0, width + 1, 1) if len(ids) > width else ids.new_zeros(0, width + 1)
        chosen = candidates[torch.linspace(0, len(candidates) - 1, min(windows, len(candidates))).long()]
        return Windows(chosen[:, :-1], chosen[:, -1], len(ids))

    def evaluate(self, pipeline: TextGenerator, options: EvaluationOptions) -> Evaluation:
        if options.text is not None:
            return evaluate_text(pipeline, read_blocks(options.text), options.window, options.text)
        blocks = corpus_text(pipeline.corpus, options.corpus, options.split)
        return evaluate_text(pipeline, blocks, options.window, "the text")

    def score(self, pipeline: TextGenerator, inputs: ScoringInput) -> Iterator[tuple[str, ScoredPieces]]:
        if inputs.text is None:
            raise UserError("a language model scores a --text and takes no --source and --target")
        if inputs.max_source_length is not None:
            raise UserError("--max-source-length does not apply to a language model")
        model_input, output_lines = tee(inputs.text)
        counts = UnknownTokenCounts()
        lines = (line.removesuffix("\n") for line in output_lines)
        yield from zip(lines, group_by_line(count_unknown(pipeline.score(model_input), counts)), strict=False)
        counts.report()

    def training_pipeline(self, network: LanguageModelNetwork, data: Any) -> TextGenerator:
        return TextGenerator(network, data.tokenizer)


def corpus_text(training: Mapping[str, Any], corpus: str | None, split: str | None) -> Iterable[str]:
    """Return the text of a split in blocks.

    Args:
        training: The arguments of the training's data: where its text is.
        corpus: Corpus to use instead of that of the training.
        split: Split of the corpus; by default test, or validation if there is none.
    """
    # imported only now, since generating starts sooner without them
    from seq2seq.data.corpora import evaluation_split
    from seq2seq.data.language_text import HeldOut, language_text
    from seq2seq.tasks.trained_corpus import trained_corpus

    name, subset, column, held_out = trained_corpus(training, corpus, "column", held_out=HeldOut)
    split = split or evaluation_split(name, [column], subset) or "validation"
    return language_text(name, split, held_out, subset, column)


def count_unknown(tokens: Iterable[ScoredToken], counts: UnknownTokenCounts) -> Iterator[tuple[str, float]]:
    """Yield the text and the log-probability of each token, and add the tokens to the counts."""
    for token in tokens:
        counts.add([[token.token]])
        yield token.text, -token.nats


def group_by_line(pieces: Iterable[tuple[str, float]]) -> Iterator[ScoredPieces]:
    """Yield the tokens of each line, up to and including its newline; those of the last line may be none."""
    line: ScoredPieces = []
    for piece in pieces:
        line.append(piece)
        if "\n" in piece[0]:
            yield line
            line = []
    yield line
