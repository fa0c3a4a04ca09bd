"""Translation, and any other task from one line of text to another."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import chain
from typing import TYPE_CHECKING, Any

from seq2seq.data.output_lengths import OutputLengths
from seq2seq.data.text import read_lines
from seq2seq.data.translation_limits import MAX_SOURCE_LENGTH, TranslationLimits
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint import user_errors
from seq2seq.inference.translation_pipeline import TranslationPipeline
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.search import Beam
from seq2seq.special_tokens import UNK
from seq2seq.standard_streams import rank_zero_log
from seq2seq.tasks.evaluation import (
    PAIRS_NEEDED,
    Evaluation,
    EvaluationOptions,
    ScoredPieces,
    ScoringInput,
    evaluate_lines,
    evenly_spaced,
    format_example,
    read_references,
)
from seq2seq.tasks.task import LoadedModel, Task

if TYPE_CHECKING:
    from seq2seq.metrics import Metrics
    from seq2seq.metrics.breakdown import Breakdown, Property


class Translation(Task[EncoderDecoder, TranslationPipeline]):
    noun = "a translator"
    data_module = "seq2seq.data.TranslationData"
    preview = "seq2seq.training.TranslationPreview"
    commands = frozenset({"translate", "score", "evaluate", "shortlist"})
    evaluation_options = frozenset(
        {"source", "reference", "corpus", "split", "metrics", "tokenize", "lowercase", "bootstrap", "against"}
        | {"by", "picture", "search", "examples"}
        | {field.name for kind in (Beam, TranslationLimits) for field in fields(kind)}
    )
    makes_ensembles = True

    @property
    def network(self) -> type[EncoderDecoder]:
        return EncoderDecoder

    def pipeline(self, models: Sequence[LoadedModel[EncoderDecoder]]) -> TranslationPipeline:
        first, output_lengths = models[0], []
        for model in models:
            with user_errors(model.path):
                output_lengths.append(OutputLengths.from_state(model.data.get("output_lengths")))
            if model.vocabularies != first.vocabularies:
                raise UserError(f"cannot make an ensemble of {first.path} and {model.path}: their vocabularies differ")
        networks = [model.network for model in models]
        return TranslationPipeline(networks, first.vocabularies, output_lengths, first.corpus)

    def training_pipeline(self, network: EncoderDecoder, data: Any) -> TranslationPipeline:
        return TranslationPipeline([network], data.vocabularies, [data.output_lengths])

    def evaluate(self, pipeline: TranslationPipeline, options: EvaluationOptions) -> Evaluation:
        sources, references = read_pairs(
            pipeline.corpus, options.source, options.reference, options.corpus, options.split
        )
        systems = {}
        for name, system in {options.name: pipeline, **options.against}.items():
            with options.progress(f"translating {name}".rstrip(), lambda: len(sources)) as progress:
                results = system.translate(sources, options.search, limits=options.limits, progress=progress)
                systems[name] = [best.text for best, *_ in results]
            report_counts(system)
        metrics = line_metrics(pipeline, options)
        evaluation = evaluate_lines(systems, references, metrics, options.bootstrap)
        if options.by is not None:
            part = break_down(pipeline, options.by, sources, systems[options.name], references, metrics)
            evaluation = evaluation._replace(breakdown=part)
        examples = [
            format_example({"source": sources[row], "target": references[row][0]}, systems[options.name][row])
            for row in evenly_spaced(len(sources), options.examples)
        ]
        return evaluation._replace(text="\n\n".join([evaluation.text, *examples]))

    def score(self, pipeline: TranslationPipeline, inputs: ScoringInput) -> Iterator[tuple[str, ScoredPieces]]:
        if inputs.sources is None or inputs.targets is None:
            raise UserError(PAIRS_NEEDED)
        pairs = zip(inputs.sources, inputs.targets, strict=True)
        scored = pipeline.score(pairs, inputs.max_source_length or MAX_SOURCE_LENGTH)
        yield from zip(inputs.targets, scored, strict=True)
        report_counts(pipeline)


def line_metrics(pipeline: TranslationPipeline, options: EvaluationOptions) -> "Metrics":
    """Return the metrics of an evaluation; BLEU is tokenized as during the training."""
    from seq2seq.metrics.bleu_tokenizers import bleu_tokenizer_of_script
    from seq2seq.metrics.lines import DEFAULT_METRICS, Metrics

    tokenize = options.tokenize
    if tokenize is None and isinstance(script := pipeline.corpus.get("target_script", ...), str | None):
        tokenize = bleu_tokenizer_of_script(script)
    return Metrics(
        options.metrics or DEFAULT_METRICS,
        tokenize,
        options.lowercase,
        pipeline.vocabularies.target.pieces,
    )


def break_down(
    pipeline: TranslationPipeline,
    by: "Property",
    sources: Sequence[str],
    hypotheses: Sequence[str],
    references: Sequence[tuple[str, ...]],
    metrics: "Metrics",
) -> "Breakdown":
    """Return the scores by length or unknown tokens of the sources, or those of words by their frequency in training.

    Args:
        pipeline: The translator.
        by: The property.
        sources: The sources.
        hypotheses: The translations.
        references: The references of each source.
        metrics: The metrics and their settings.
    """
    from seq2seq.metrics.breakdown import break_down_lines, break_down_words, parts_by_count, parts_by_length

    tokenizer = pipeline.vocabularies.source
    if by == "frequency":
        training = training_lines(pipeline.corpus, "target")
        split = list if metrics.tokenize in ("zh", "char") else str.split
        return break_down_words(hypotheses, references, training, split, metrics.lowercase)
    ids = tokenizer.encode_batch(list(sources))
    if by == "length":
        parts, title, part = parts_by_length([len(row) for row in ids]), "by length of the source", "source tokens"
    elif tokenizer.characters:
        parts = parts_by_count([row.count(UNK) for row in ids])
        title, part = "by unknown tokens of the source", "unknown tokens"
    else:  # no token can be unknown, so words are
        unknown = unknown_words(sources, training_lines(pipeline.corpus, "source"))
        parts, title, part = parts_by_count(unknown), "by words of the source that training lacks", "unknown words"
    return break_down_lines(title, part, parts, hypotheses, references, metrics)


def unknown_words(lines: Sequence[str], training: Iterable[str]) -> list[int]:
    """Return how many words of each line do not occur in a text."""
    missing = set(chain.from_iterable(map(str.split, lines)))
    for line in training:
        missing.difference_update(line.split())
    return [sum(word in missing for word in line.split()) for line in lines]


def training_lines(training: Mapping[str, Any], side: str) -> Iterator[str]:
    """Return the sources or targets of the corpus on which a model was trained."""
    from seq2seq.data.translation_pairs import HeldOutPairs, column_lines, translation_pairs
    from seq2seq.tasks.trained_corpus import trained_corpus

    name, subset, source, target, held_out = trained_corpus(training, None, "source", "target", held_out=HeldOutPairs)
    return column_lines(translation_pairs(name, source, target, "train", held_out, subset), side)


def report_counts(pipeline: TranslationPipeline) -> None:
    """Report on standard error what was unknown and what was truncated in all that a pipeline read and wrote."""
    pipeline.report_unknown()
    for message in pipeline.truncation_counts.messages():
        rank_zero_log(message)


def read_pairs(
    training: Mapping[str, Any], source: str | None, reference: Sequence[str], corpus: str | None, split: str | None
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return the sources, and the references of each, from files or from a corpus.

    Args:
        training: The arguments of the training's data: where its text is.
        source: File of sources.
        reference: Files of references, each with one for every source.
        corpus: Corpus to use instead of that of the training.
        split: Split of the corpus; by default test, or validation if there is none.
    """
    if source is not None and reference:
        sources = list(read_lines(source))
        return sources, read_references(reference, source, len(sources))
    # imported only now, since translating starts sooner without them
    from seq2seq.data.corpora import evaluation_split
    from seq2seq.data.translation_pairs import HeldOutPairs, translation_pairs
    from seq2seq.tasks.trained_corpus import trained_corpus

    name, subset, source, target, held_out = trained_corpus(training, corpus, "source", "target", held_out=HeldOutPairs)
    held_out = held_out if corpus is None else 0.0  # only the training's corpus may have a held-out part
    split = split or evaluation_split(name, [source, target], subset) or ("validation" if held_out else "test")
    texts = translation_pairs(name, source, target, split, held_out, subset)
    return list(texts["source"]), [(target,) for target in texts["target"]]
