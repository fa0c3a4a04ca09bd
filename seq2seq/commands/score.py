"""`seq2seq score`: how likely text is, by line or by token."""

import json
from collections.abc import Iterable, Iterator
from itertools import chain, tee
from typing import TYPE_CHECKING, TypeAlias

from seq2seq.commands import lines
from seq2seq.data.text import read_lines
from seq2seq.errors import UserError
from seq2seq.quantization.precision import Precision
from seq2seq.ranges import Count
from seq2seq.rank_zero import rank_zero_log
from seq2seq.storage import check_output

if TYPE_CHECKING:
    from seq2seq.inference import Scored
    from seq2seq.tokenizers.unknown import UnknownTokens

Pieces: TypeAlias = list[tuple[str, float]]  # of a line, each with its log-probability


def score(
    checkpoints: list[str],
    text: str | None = None,
    source: str | None = None,
    target: str | None = None,
    tokens: bool = False,
    max_source_length: Count | None = None,
    output: str | None = None,
    device: str = "auto",
    precision: Precision | None = None,
    trust: str | None = None,
) -> None:
    """Write the log-probability (nats) of each line of a text, or of each given translation, before it and a tab.

    A language model reads the text as a whole, the state carried from line to line, so that the sum is what `evaluate`
    says. A translator is given sources and their translations.

    examples:
      seq2seq score runs/shakespeare-lstm/1 < text.txt
      seq2seq score runs/shakespeare-lstm/1 --text text.txt --tokens
      seq2seq score runs/phrasebook-lstm/1 --source source.txt --target target.txt

    Args:
        checkpoints: A checkpoint or the folder of a run; several translators make an ensemble.
        text: File that a language model scores; standard input by default.
        source: File of sources, for a translator.
        target: File of their translations, for a translator.
        tokens: One line for each token, written as in JSON, and an empty line after each line of the text.
        max_source_length: Tokens of a translator's source that are read, 1,000 by default; what is longer is cut.
        output: File to write; standard output by default.
        device: Where the model runs: auto, cpu, cuda, ...
        precision: How weights are rounded: float32, bf16 or int8, which is for CPUs; by default as they were saved.
        trust: Modules of yours that a checkpoint may name layers of, with commas between them; they are imported.
    """
    if (source is None) != (target is None) or None not in (source, text):
        raise UserError("a translator scores given translations: --source and --target are needed, and no --text")
    if not lines.is_standard(output):
        check_output(str(output))

    from seq2seq.inference import TranslationPipeline, load
    from seq2seq.inference.search_options import MAX_SOURCE_LENGTH
    from seq2seq.tokenizers.unknown import UnknownTokens

    model = load(*checkpoints, device=device, precision=precision, trust=trust or ())
    shown: Iterable[tuple[str, Pieces]]
    if isinstance(model, TranslationPipeline):
        if source is None or target is None:
            raise UserError("a translator scores given translations: --source and --target are needed, and no --text")
        sources, targets = list(read_lines(source)), list(read_lines(target))
        if len(sources) != len(targets):
            raise UserError(
                f"every source needs a translation: {source} has {len(sources)} lines and {target} {len(targets)}"
            )
        if not sources:
            raise UserError(f"{source} and {target} are empty, so there is nothing to score")
        given = zip(sources, targets, strict=True)
        shown = zip(targets, model.score(given, max_source_length or MAX_SOURCE_LENGTH), strict=True)
        report = model.report_unknown
    else:
        if source is not None or target is not None:
            raise UserError("a language model scores a --text, and has no --source and --target")
        if max_source_length is not None:
            raise UserError("a language model scores all of a text, without --max-source-length")
        read, written = tee(not_empty(lines.exact_lines(text), text))
        counts = UnknownTokens()
        shown = zip(
            (line.removesuffix("\n") for line in written), by_line(counted(model.score(read), counts)), strict=False
        )
        report = counts.report
    with lines.output(output) as file:
        for line, chances in shown:
            if tokens:
                file.writelines(f"{chance:.6f}\t{json.dumps(piece, ensure_ascii=False)}\n" for piece, chance in chances)
                file.write("\n")
            else:
                file.write(f"{sum(chance for _, chance in chances):.6f}\t{line}\n")
    report()
    if isinstance(model, TranslationPipeline):
        for sentence in model.counts.sentences():
            rank_zero_log(sentence)


def not_empty(text: Iterator[str], path: str | None) -> Iterator[str]:
    """The same lines; raise a UserError at once if there is none."""
    first = next(text, None)
    if first is None:
        raise UserError(f"{path or 'standard input'} is empty, so there is nothing to score")
    return chain([first], text)


def counted(tokens: "Iterable[Scored]", counts: "UnknownTokens") -> Iterator[tuple[str, float]]:
    """The text and the log-probability of each token, which are counted as they go by."""
    for token in tokens:
        counts.add([[token.token]])
        yield token.text, -token.nats


def by_line(pieces: Iterable[tuple[str, float]]) -> Iterator[Pieces]:
    """Tokens put together to the lines that they end; the last one, without a newline, may be without any token."""
    line: Pieces = []
    for piece in pieces:
        line.append(piece)
        if "\n" in piece[0]:
            yield line
            line = []
    yield line
