"""`seq2seq evaluate`: scores of a translator, a language model, or a file of translations."""

import inspect
import itertools
from collections import Counter
from json import dumps
from typing import Annotated, TypeAlias

from seq2seq.commands import lines
from seq2seq.commands.breakdowns import draw_breakdown, format_breakdown
from seq2seq.commands.dataclass_options import changed_options, reject_options
from seq2seq.data.text import read_lines
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.metrics.bleu_tokenizers import BleuTokenizer
from seq2seq.metrics.bootstrap import RESAMPLES
from seq2seq.metrics.breakdown import Property
from seq2seq.metrics.lines import DEFAULT_METRICS, Metrics
from seq2seq.quantization import Precision
from seq2seq.ranges import Count, CountOrZero, Range, checked
from seq2seq.search import Beam, Search
from seq2seq.storage import check_output, json_value
from seq2seq.tasks.evaluation import Evaluation, EvaluationOptions, evaluate_lines, read_references

Resamples: TypeAlias = Annotated[int, Range(1, 1_000_000)]
# options for scoring files of translations
FILE_OPTIONS = {"translations", "reference", "metrics", "tokenize", "lowercase", "bootstrap", "json"}
COMMON_OPTIONS = {"json", "device", "precision", "trust", "examples"}  # options for any model


@checked
def evaluate(
    checkpoints: list[str] = (),  # type: ignore[assignment]
    *,
    translations: list[str] = (),  # type: ignore[assignment]
    reference: list[str] = (),  # type: ignore[assignment]
    source: str | None = None,
    text: str | None = None,
    corpus: str | None = None,
    split: str | None = None,
    metrics: list[str] = (),  # type: ignore[assignment]
    tokenize: BleuTokenizer | None = None,
    lowercase: bool = False,
    bootstrap: Resamples | None = None,
    against: list[str] = (),  # type: ignore[assignment]
    by: Property | None = None,
    picture: str | None = None,
    search: Search = Beam(),
    limits: TranslationLimits = TranslationLimits(),
    window: Count | None = None,
    examples: CountOrZero = 0,
    json: bool = False,
    device: str = "auto",
    precision: Precision | None = None,
    trust: str | None = None,
) -> None:
    """Score a translator, a language model, or files of translations without a model.

    A translator gets BLEU, chrF and TER, the percentage of lines that are right (accuracy), and edits per 100 words
    (wer) and characters (cer) of the references. Several systems, which are files of translations or models, are
    compared with the first one by paired bootstrap resampling of the lines. A language model gets nats and bits per
    token, character and byte, and its perplexity, over the whole text with the state carried from start to end.
    Characters and bytes are those of the original text, without a byte-order mark. If tokens are unknown, two more
    numbers allow comparison with models of other vocabularies: each unknown token is spelled out, at a cost of
    log(V + 1) nats for each of its characters and for an end symbol, where V is the number of characters in the
    vocabulary's tokens, plus log(1,114,112) nats for each character that is not one of these.

    examples:
      seq2seq evaluate runs/phrasebook-lstm/1 --examples 3
      seq2seq evaluate runs/phrasebook-lstm/1 --split test-unseen --beams 1
      seq2seq evaluate runs/phrasebook-lstm/1 --by frequency --picture words.png
      seq2seq evaluate runs/shakespeare-lstm/1 --split validation --window 256
      seq2seq evaluate --translations old.txt new.txt --reference reference.txt --metrics bleu accuracy

    Args:
        checkpoints: Checkpoints, or folders of runs, where runs/NAME is the newest run of a name; several translators
            make an ensemble.
        translations: Files of translations to score, instead of those of a model.
        reference: Files of reference translations; several are several references of each line.
        source: File of source sentences for a translator.
        text: Text file for a language model; by default a split of a corpus.
        corpus: Corpus with the split; by default that of the training.
        split: Split of the corpus: train, validation, test or another; by default test, or validation if there is none.
        metrics: Metrics of translations: bleu, chrf, ter, accuracy, ser (the sequence error rate, its complement), wer,
            cer, and per (edits of target tokens, which may be phones); by default all but ser and per.
        tokenize: Tokenizer of BLEU: 13a, intl, zh, char, none, ja-mecab, ko-mecab or flores200. By default zh for Han,
            char for Japanese, Thai, Khmer, Lao and Burmese, and 13a for other scripts of the training targets, or of
            the references without a model.
        lowercase: Ignore case in all metrics.
        bootstrap: Number of bootstrap resamples, for the 95 % interval of each score; by default 1,000 to compare
            several systems, and none for one.
        against: Other models to compare with the first one.
        by: Also print the scores of parts of the test set: by length or unknown tokens of the sources, or those of
            words by their frequency in training.
        picture: Output file (PNG) for a picture of this table.
        search: How a translator searches: beam, greedy, sampling, or a class of your own, such as my_module.MySearch,
            which is imported; its options are those of the command.
        window: Reset the state every this many tokens, as Transformers are scored, instead of carrying it.
        examples: Number of translations to print with their references; not for language models.
        json: Print one JSON object.
        device: Device that runs the model: auto, cpu, cuda, ...
        precision: Precision of the weights: float32, bf16, or int8 (CPU only); by default as saved.
        trust: Your own modules whose classes a checkpoint may use, separated by commas; they are imported.
    """
    given = changed_options(inspect.signature(evaluate).parameters, locals()) - {"checkpoints"}
    for file, part in itertools.product(given & {"text", "source", "reference"}, given & {"corpus", "split"}):
        raise UserError(f"--{file} names a file and --{part} a part of a corpus: give only one of them")
    if json and examples:
        raise UserError("--json and --examples cannot be combined")

    if picture is not None:
        if by is None:
            raise UserError("--picture draws the table of --by: give both")
        inputs = [file for file in (*translations, *reference, source, text) if file is not None]
        lines.check_other_file("--picture", picture, inputs)
        check_output(picture)
    systems = [*translations, *against]
    resamples = bootstrap or (RESAMPLES if against or len(translations) > 1 else 0)
    if duplicates := [name for name, count in Counter([*checkpoints, *systems]).items() if count > 1]:
        raise UserError(f"each system must be given once, and {duplicates[0]} was given twice")
    if translations:
        if checkpoints or not reference:
            raise UserError("--translations must be given without a checkpoint and with --reference")
        reject_options(given - FILE_OPTIONS, "a file of translations")
        settings = Metrics(tuple(metrics) or DEFAULT_METRICS, tokenize, lowercase)
        files = {path: list(read_lines(path)) for path in translations}
        references = read_references(reference, translations[0], len(files[translations[0]]))
        print_evaluation(evaluate_lines(files, references, settings, resamples), json)
        return
    if not checkpoints:
        raise UserError("a checkpoint is needed, or --translations with --reference")
    from seq2seq.tasks.loading import check_evaluation_options, load_pipeline

    if trust is None:
        check_evaluation_options(given - COMMON_OPTIONS)
    if (source is None) != (not reference):
        raise UserError("--source and --reference must be given together")
    task, pipeline = load_pipeline(checkpoints, device, precision, trust or (), "evaluate")
    reject_options(given - COMMON_OPTIONS - task.evaluation_options, task.noun)
    others = {}
    for name in against:
        other, others[name] = load_pipeline([name], device, precision, trust or (), "evaluate")
        if type(other) is not type(task):
            raise UserError(f"{name} is {other.noun} and cannot be compared with {task.noun}")
    options = EvaluationOptions(
        source,
        reference,
        text,
        corpus,
        split,
        tuple(metrics) or None,
        tokenize,
        lowercase,
        by,
        resamples,
        others,
        " ".join(checkpoints) if others else "",
        search,
        limits,
        window,
        0 if json else examples,
        lines.progress,
    )
    evaluation = task.evaluate(pipeline, options)
    if evaluation.breakdown is not None:
        table = format_breakdown(evaluation.breakdown)
        evaluation = evaluation._replace(
            results=evaluation.results | {"by": evaluation.breakdown._asdict()}, text=f"{evaluation.text}\n\n{table}"
        )
    print_evaluation(evaluation, json)
    if picture is not None and evaluation.breakdown is not None:
        draw_breakdown(evaluation.breakdown, picture)


def print_evaluation(evaluation: Evaluation, as_json: bool) -> None:
    print(dumps(json_value(evaluation.results), allow_nan=False) if as_json else evaluation.text)
