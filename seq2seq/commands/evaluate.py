"""`seq2seq evaluate`: how good a model is, or a file of translations."""

from collections.abc import Iterable, Iterator, Sequence
from json import dumps
from typing import TYPE_CHECKING

from seq2seq.commands import lines
from seq2seq.data.text import read_blocks, read_lines
from seq2seq.errors import UserError
from seq2seq.precision import Precision

if TYPE_CHECKING:
    from seq2seq.inference import Translation, Writer
    from seq2seq.metrics import Score


def evaluate(
    checkpoints: list[str] = (),  # type: ignore[assignment]
    translations: str | None = None,
    reference: str | None = None,
    source: str | None = None,
    text: str | None = None,
    corpus: str | None = None,
    split: str | None = None,
    lowercase: bool = False,
    beams: int = 5,
    length_penalty: float = 1.0,
    patience: float = 0.2,
    threshold: float = 2.0,
    window: int | None = None,
    examples: int = 0,
    json: bool = False,
    device: str = "auto",
    precision: Precision | None = None,
    trust: str | None = None,
) -> None:
    """Score a translator, a language model, or a file of translations without any model.

    A translator gets BLEU, chrF, TER and the share of exact matches. A language model gets nats and bits by token,
    character and byte, and its perplexity, over the whole text with the state carried from its beginning to its end.

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
        text: File that a language model reads.
        corpus: Corpus with the split; by default the one that the model was trained on.
        split: Split of the corpus: train, validation, test or another; by default test, or validation if there is none.
        lowercase: Score without regard to case.
        beams: Hypotheses that a translator follows at once.
        length_penalty: Exponent of the length by which scores are divided.
        patience: How much longer translations are hoped to become at no cost, as a share of their length, before better
            ones are no longer looked for; a large one, as 99, goes on until nothing can rank better.
        threshold: How much less likely than the best one that goes on a hypothesis may be, in nats, before it is
            dropped; with a large one, as 99, none is.
        window: Start from nothing every so many tokens, as Transformers are scored, instead of carrying the state.
        examples: Translations that are shown beside their references.
        json: Write one JSON object.
        device: Where the model runs: auto, cpu, cuda, ...
        precision: How weights are rounded: float32, bf16 or int8, which is for CPUs; by default as they were saved.
        trust: Modules of yours that a checkpoint may name layers of, with commas between them; they are imported.
    """
    from seq2seq.metrics import bleu, chrf, exact_match, ter

    def scores(said: Sequence[str], wanted: Sequence[str]) -> "list[Score]":
        return [
            bleu(said, wanted, lowercase=lowercase),
            chrf(said, wanted, lowercase=lowercase),
            ter(said, wanted),
            exact_match(said, wanted),
        ]

    if translations is not None:
        if checkpoints or reference is None:
            raise UserError("a file of translations is scored without a checkpoint and with --reference")
        report(scores(list(read_lines(translations)), list(read_lines(reference))), json)
        return
    if not checkpoints:
        raise UserError("a checkpoint is needed, or --translations with --reference")

    from seq2seq.inference import Searching, Translation, load

    model = load(*checkpoints, device=device, precision=precision, trust=trust or ())
    if isinstance(model, Translation):
        if text is not None or window is not None:
            raise UserError("a translator is scored on --source and --reference, and has no --text and no --window")
        searching = Searching(beams, length_penalty, patience=patience, threshold=threshold)
        searching.check()
        sources, references = pairs(model, source, reference, corpus, split)
        with lines.progress("translating", lambda: len(sources)) as progress:
            said = [best[0].text for best in model.translate(sources, searching, progress)]
        report(scores(said, references), json)
        step = max(1, len(sources) // max(1, examples))
        for row in list(range(0, len(sources), step))[:examples] if not json else []:
            print(f"\n  source     {sources[row]}\n  model      {said[row]}\n  reference  {references[row]}")
        return
    if source is not None or reference is not None:
        raise UserError("a language model is scored on a --text, and has no --source and no --reference")
    if window is None and model.model.stack.grows:
        raise UserError("this model's state grows with the text: give --window, how many tokens it reads at once")
    blocks = Counted(read_blocks(text) if text is not None else corpus_text(model, corpus, split))
    nats, tokens = model.nats(blocks, window)
    report_language(nats, tokens, blocks, json)


class Counted:
    """Blocks of text, and how much of it went by."""

    def __init__(self, blocks: Iterable[str]) -> None:
        self.blocks = blocks
        self.characters = 0
        self.bytes = 0

    def __iter__(self) -> Iterator[str]:
        for block in self.blocks:
            self.characters += len(block)
            self.bytes += len(block.encode("utf-8", errors="replace"))
            yield block


def pairs(
    model: "Translation", source: str | None, reference: str | None, corpus: str | None, split: str | None
) -> tuple[list[str], list[str]]:
    """Sources and their references, from two files or from a corpus."""
    if source is not None or reference is not None:
        if source is None or reference is None:
            raise UserError("--source and --reference go together")
        sources, references = list(read_lines(source)), list(read_lines(reference))
        if len(sources) != len(references):
            raise UserError(
                f"every source needs a reference: {source} has {len(sources)} lines and {reference} {len(references)}"
            )
        return sources, references
    from seq2seq.data.corpora import load_pairs

    where, name = model.corpus, corpus or model.corpus["corpus"]
    source, target, subset = where["source"], where["target"], where["subset"]
    split = split or first_split(name, [source, target], subset) or "test"
    texts = load_pairs(name, source, target, split, subset)
    return list(texts["source"]), list(texts["target"])


def corpus_text(model: "Writer", corpus: str | None, split: str | None) -> Iterator[str]:
    """The text of a split, block by block."""
    from seq2seq.data.corpora import has_split, load_texts

    where, name = model.corpus, corpus or model.corpus["corpus"]
    subset, column = where["subset"], where["column"]
    split = split or first_split(name, [column], subset) or "validation"
    if split == "validation" and not has_split(name, split, [column], subset):
        # the end of the text was kept from training instead
        from seq2seq.data import LanguageData

        data = LanguageData(name, model.tokenizer, held_out=where["held_out"], subset=subset, column=column)
        return iter([model.tokenizer.decode(data.ids("validation"))])
    return (row["text"] for row in load_texts(name, split, subset, column))


def first_split(name: str, columns: list[str], subset: str | None) -> str | None:
    """The first of test and validation that a corpus has."""
    from seq2seq.data.corpora import has_split

    return next((split for split in ("test", "validation") if has_split(name, split, columns, subset)), None)


def report(scores: "Sequence[Score]", as_json: bool) -> None:
    if as_json:
        print(dumps({score.name: {"score": score.value, "signature": score.signature} for score in scores}))
        return
    for score in scores:
        print(f"{score.name:<12} {score.value:6.2f}   {score.signature}")


def report_language(nats: float, tokens: int, text: Counted, as_json: bool) -> None:
    from seq2seq.metrics import language_score

    score = language_score(nats, tokens, text.characters, text.bytes)
    if as_json:
        counts = {"tokens": tokens, "characters": text.characters, "bytes": text.bytes}
        print(dumps(score._asdict() | counts))
        return
    print(f"{tokens:,} tokens, {text.characters:,} characters, {text.bytes:,} bytes; perplexity {score.perplexity:.4f}")
    print(f"{'':<10} {'nats':>9} {'bits':>9}")
    for unit in ("token", "character", "byte"):
        values = getattr(score, f"nats_per_{unit}"), getattr(score, f"bits_per_{unit}")
        print(f"{unit:<10} {values[0]:>9.4f} {values[1]:>9.4f}")
