"""`seq2seq evaluate`: scores of a translator, a language model, or a file of translations."""

import inspect
import itertools
from json import dumps

from seq2seq.commands import lines
from seq2seq.commands.dataclass_options import changed_options, reject_options
from seq2seq.data.text import read_lines
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.quantization import Precision
from seq2seq.ranges import Count, CountOrZero, checked
from seq2seq.search import Beam, Search
from seq2seq.storage import json_value
from seq2seq.tasks.evaluation import Evaluation, EvaluationOptions, evaluate_lines

FILE_OPTIONS = {"translations", "reference", "lowercase", "json"}  # options for scoring a file of translations
COMMON_OPTIONS = {"json", "device", "precision", "trust", "examples"}  # options for any model


@checked
def evaluate(
    checkpoints: list[str] = (),  # type: ignore[assignment]
    translations: str | None = None,
    reference: str | None = None,
    source: str | None = None,
    text: str | None = None,
    corpus: str | None = None,
    split: str | None = None,
    lowercase: bool = False,
    search: Search = Beam(),
    limits: TranslationLimits = TranslationLimits(),
    window: Count | None = None,
    examples: CountOrZero = 0,
    json: bool = False,
    device: str = "auto",
    precision: Precision | None = None,
    trust: str | None = None,
) -> None:
    """Score a translator, a language model, or a file of translations without a model.

    A translator gets BLEU, chrF, TER and the percentage of exact matches. A language model gets nats and bits per
    token, character and byte, and its perplexity, over the whole text with the state carried from start to end.
    Characters and bytes are those of the original text, without a byte-order mark. If tokens are unknown, two more
    numbers allow comparison with models of other vocabularies: each unknown token is spelled out, at a cost of
    log(V + 1) nats for each of its characters and for an end symbol, where V is the number of characters in the
    vocabulary's tokens, plus log(1,114,112) nats for each character that is not one of these.

    examples:
      seq2seq evaluate runs/phrasebook-lstm/1 --examples 3
      seq2seq evaluate runs/phrasebook-lstm/1 --split test-unseen --beams 1
      seq2seq evaluate runs/shakespeare-lstm/1 --split validation --window 256
      seq2seq evaluate --translations target.txt --reference reference.txt --lowercase

    Args:
        checkpoints: Checkpoints, or folders of runs, where runs/NAME is the newest run of a name; several translators
            make an ensemble.
        translations: File of translations to score, instead of those of a model.
        reference: File of reference translations.
        source: File of source sentences for a translator.
        text: Text file for a language model; by default a split of a corpus.
        corpus: Corpus with the split; by default that of the training.
        split: Split of the corpus: train, validation, test or another; by default test, or validation if there is none.
        lowercase: Ignore case in BLEU, chrF, TER and exact matches.
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

    if translations is not None:
        if checkpoints or reference is None:
            raise UserError("--translations must be given without a checkpoint and with --reference")
        reject_options(given - FILE_OPTIONS, "a file of translations")
        evaluation = evaluate_lines(list(read_lines(translations)), list(read_lines(reference)), lowercase)
        print_evaluation(evaluation, json)
        return
    if not checkpoints:
        raise UserError("a checkpoint is needed, or --translations with --reference")
    from seq2seq.tasks.loading import check_evaluation_options, load_pipeline

    if trust is None:
        check_evaluation_options(given - COMMON_OPTIONS)
    if (source is None) != (reference is None):
        raise UserError("--source and --reference must be given together")
    task, pipeline = load_pipeline(checkpoints, device, precision, trust or (), "evaluate")
    reject_options(given - COMMON_OPTIONS - task.evaluation_options, task.noun)
    options = EvaluationOptions(
        source,
        reference,
        text,
        corpus,
        split,
        lowercase,
        search,
        limits,
        window,
        0 if json else examples,
        lines.progress,
    )
    print_evaluation(task.evaluate(pipeline, options), json)


def print_evaluation(evaluation: Evaluation, as_json: bool) -> None:
    print(dumps(json_value(evaluation.results), allow_nan=False) if as_json else evaluation.text)
