"""`seq2seq evaluate`: how good a model is, or a file of translations."""

import inspect
import itertools
from collections.abc import Iterable, Mapping, Sequence
from json import dumps
from typing import TYPE_CHECKING, Any

from seq2seq.commands import lines
from seq2seq.commands.trained_corpus import trained_corpus
from seq2seq.data.text import read_lines
from seq2seq.errors import UserError
from seq2seq.quantization.precision import Precision
from seq2seq.ranges import Beams, Count, CountOrZero, LengthPenalty, NonNegativeOrInfinite, checked
from seq2seq.rank_zero import rank_zero_log
from seq2seq.storage import plain

if TYPE_CHECKING:
    from seq2seq.inference import TranslationPipeline
    from seq2seq.metrics import Score

OF_FILES = {"translations", "reference", "lowercase", "json"}  # the options that scoring a file of translations has
OF_LANGUAGE_MODELS = {"text", "corpus", "split", "window", "examples", "json", "device", "precision", "trust"}


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
    beams: Beams = 5,
    length_penalty: LengthPenalty = 1.0,
    max_length: Count | None = None,
    max_source_length: Count = 1000,
    allow_unknown: bool = False,
    patience: NonNegativeOrInfinite = 0.2,
    threshold: NonNegativeOrInfinite = 2.0,
    window: Count | None = None,
    examples: CountOrZero = 0,
    json: bool = False,
    device: str = "auto",
    precision: Precision | None = None,
    trust: str | None = None,
) -> None:
    """Score a translator, a language model, or a file of translations without any model.

    A translator gets BLEU, chrF, TER and the share of exact matches. A language model gets nats and bits by token,
    character and byte, and its perplexity, over the whole text with the state carried from its beginning to its end.
    Characters and bytes are those of the text as it is, without a byte-order mark. Where tokens are unknown, two more
    numbers compare with models of other vocabularies: each unknown token is then spelled, and costs log(V + 1) nats for
    each of its characters and for an end, V being the number of characters in the vocabulary's tokens, and
    log(1,114,112) more for a character that is not among them.

    examples:
      seq2seq evaluate runs/phrasebook-lstm/1 --examples 3
      seq2seq evaluate runs/phrasebook-lstm/1 --split test-unseen --beams 1
      seq2seq evaluate runs/shakespeare-lstm/1 --split validation --window 256
      seq2seq evaluate --translations target.txt --reference reference.txt --lowercase

    Args:
        checkpoints: Checkpoints, or folders of runs; several translators make an ensemble.
        translations: File of translations that are scored instead of a model's.
        reference: File of reference translations.
        source: File of what a translator translates.
        text: File that a language model reads; by default a split of a corpus.
        corpus: Corpus with the split; by default the one that the model was trained on.
        split: Split of the corpus: train, validation, test or another; by default test, or validation if there is none.
        lowercase: Score without regard to case: BLEU, chrF, TER and exact matches alike.
        beams: Hypotheses that a translator follows at once.
        length_penalty: Exponent of the length by which scores are divided.
        max_length: Most tokens of a translation; by default one and a half times the longest in training of sources as
            long, and 10 more.
        max_source_length: Tokens of a source that are read; what is longer is cut.
        allow_unknown: Let <unk> be written, where the model finds it likely.
        patience: How much longer translations are hoped to become at no cost, as a share of their length, before better
            ones are no longer looked for; a large one, as 99, goes on until nothing can rank better.
        threshold: How much less likely than the best one that goes on a hypothesis may be, in nats, before it is
            dropped; with a large one, as 99, none is.
        window: Start from nothing every so many tokens, as Transformers are scored, instead of carrying the state.
        examples: Translations that are shown beside their references; a language model has none.
        json: Write one JSON object.
        device: Where the model runs: auto, cpu, cuda, ...
        precision: How weights are rounded: float32, bf16 or int8, which is for CPUs; by default as they were saved.
        trust: Modules of yours that a checkpoint may name layers of, with commas between them; they are imported.
    """
    given = not_default(locals())
    for file, part in itertools.product(given & {"text", "source", "reference"}, given & {"corpus", "split"}):
        raise UserError(f"--{file} names a file and --{part} a part of a corpus, and only one of them is scored")
    if json and examples:
        raise UserError("--json has no --examples")

    from seq2seq.metrics import bleu, chrf, exact_match, ter

    def scores(said: Sequence[str], wanted: Sequence[str]) -> "list[Score]":
        return [
            bleu(said, wanted, lowercase=lowercase),
            chrf(said, wanted, lowercase=lowercase),
            ter(said, wanted, lowercase=lowercase),
            exact_match(said, wanted, lowercase=lowercase),
        ]

    if translations is not None:
        if checkpoints or reference is None:
            raise UserError("a file of translations is scored without a checkpoint and with --reference")
        refuse(given - OF_FILES, "a file of translations")
        report(scores(list(read_lines(translations)), list(read_lines(reference))), json)
        return
    if not checkpoints:
        raise UserError("a checkpoint is needed, or --translations with --reference")
    for one, other in itertools.product(sorted(given & {"text", "window"}), sorted(given - OF_LANGUAGE_MODELS)):
        raise UserError(f"--{one} is for language models, which have no --{other.replace('_', '-')}")
    if (source is None) != (reference is None):
        raise UserError("--source and --reference go together")

    from seq2seq.inference import SearchOptions, TranslationPipeline, load

    model = load(*checkpoints, device=device, precision=precision, trust=trust or ())
    if isinstance(model, TranslationPipeline):
        refuse(given & {"text", "window"}, "a translator")
        searching = SearchOptions(
            beams=beams,
            length_penalty=length_penalty,
            max_length=max_length,
            max_source_length=max_source_length,
            patience=patience,
            threshold=threshold,
            allow_unknown=allow_unknown,
        )
        sources, references = pairs(model, source, reference, corpus, split)
        with lines.progress("translating", lambda: len(sources)) as progress:
            said = [best[0].text for best in model.translate(sources, searching, progress)]
        model.report_unknown()
        for sentence in model.counts.sentences():
            rank_zero_log(sentence)
        report(scores(said, references), json)
        step = max(1, len(sources) // max(1, examples))
        for row in list(range(0, len(sources), step))[:examples] if not json else []:
            print(f"\n  source     {sources[row]}\n  model      {said[row]}\n  reference  {references[row]}")
        return
    refuse(given - OF_LANGUAGE_MODELS, "a language model")
    from seq2seq.commands.language_scores import score_text

    score_text(model, text, corpus, split, window, json)


def not_default(values: Mapping[str, Any]) -> set[str]:
    """The names of the options of `evaluate` that are not what they are by default."""
    options = [option for option in inspect.signature(evaluate).parameters.values() if option.name != "checkpoints"]
    return {option.name for option in options if values[option.name] != option.default}


def refuse(options: Iterable[str], what: str) -> None:
    """Raise a UserError for an option that has no effect on the scores of what is scored."""
    for name in sorted(options):
        raise UserError(f"{what} is scored without --{name.replace('_', '-')}")


def pairs(
    model: "TranslationPipeline", source: str | None, reference: str | None, corpus: str | None, split: str | None
) -> tuple[list[str], list[str]]:
    """Sources and their references, from two files or from a corpus."""
    if source is not None and reference is not None:
        sources, references = list(read_lines(source)), list(read_lines(reference))
        if len(sources) != len(references):
            raise UserError(
                f"every source needs a reference: {source} has {len(sources)} lines and {reference} {len(references)}"
            )
        return sources, references
    from seq2seq.data.corpora import first_split
    from seq2seq.data.translation_pairs import translation_pairs

    name, subset, source, target, held_out = trained_corpus(model.corpus, corpus, "source", "target", "held_out")
    held_out = held_out if corpus is None else 0.0  # another corpus has the splits that it has
    split = split or first_split(name, [source, target], subset) or ("validation" if held_out else "test")
    texts = translation_pairs(name, source, target, split, held_out, subset)
    return list(texts["source"]), list(texts["target"])


def report(scores: "Sequence[Score]", as_json: bool) -> None:
    if as_json:
        held = {score.name: {"score": score.value, "signature": score.signature} for score in scores}
        print(dumps(plain(held), allow_nan=False))
        return
    for score in scores:
        print(f"{score.name:<12} {score.value:6.2f}   {score.signature}")
