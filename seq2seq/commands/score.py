"""`seq2seq score`: log-probabilities of text, by line or by token."""

import json
from collections.abc import Iterator
from itertools import chain

from seq2seq.checkpoint import find_checkpoint
from seq2seq.commands import lines
from seq2seq.data.text import read_lines
from seq2seq.errors import UserError
from seq2seq.quantization import Precision
from seq2seq.ranges import Count
from seq2seq.storage import check_output
from seq2seq.tasks.evaluation import PAIRS_NEEDED, ScoringInput


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
    """Write each line of a text, or each given translation, after its log-probability in nats and a tab.

    A language model reads the text as a whole, with the state carried from line to line, so the sum is the value that
    `seq2seq evaluate` reports. A translator needs sources and their translations.

    examples:
      seq2seq score runs/shakespeare-lstm/1 < text.txt
      seq2seq score runs/shakespeare-lstm/1 --text text.txt --tokens
      seq2seq score runs/phrasebook-lstm/1 --source source.txt --target target.txt

    Args:
        checkpoints: A checkpoint or the folder of a run, where runs/NAME is the newest run of a name; several
            translators make an ensemble.
        text: Text file for a language model; by default standard input.
        source: File of sources, for a translator.
        target: File of their translations, for a translator.
        tokens: Write one line for each token, as a JSON string, and an empty line after each line of the text.
        max_source_length: Maximum tokens of a translator's source, by default 1,000; longer sources are truncated.
        output: File to write; standard output by default.
        device: Device that runs the model: auto, cpu, cuda, ...
        precision: Precision of the weights: float32, bf16, or int8 (CPU only); by default as saved.
        trust: Your own modules whose classes a checkpoint may use, separated by commas; they are imported.
    """
    if (source is None) != (target is None) or None not in (source, text):
        raise UserError(PAIRS_NEEDED)
    texts = (text or "-",) if source is None else (source, target)
    lines.check_other_file("--output", output, chain(map(find_checkpoint, checkpoints), texts))
    if not lines.is_standard_stream(output):
        check_output(str(output))

    from seq2seq.tasks.loading import load_pipeline

    task, pipeline = load_pipeline(checkpoints, device, precision, trust or (), "score")
    scored = task.score(pipeline, read_input(text, source, target, max_source_length))
    with lines.open_text_output(output) as file:
        for line, pieces in scored:
            if tokens:
                file.writelines(f"{score:.6f}\t{json.dumps(piece, ensure_ascii=False)}\n" for piece, score in pieces)
                file.write("\n")
            else:
                file.write(f"{sum(score for _, score in pieces):.6f}\t{line}\n")


def read_input(text: str | None, source: str | None, target: str | None, max_source_length: int | None) -> ScoringInput:
    """Return the text, or the sources and targets; raise a UserError if there is nothing to score."""
    if source is None or target is None:
        return ScoringInput(require_lines(lines.lines_with_ends(text), text), None, None, max_source_length)
    sources, targets = list(read_lines(source)), list(read_lines(target))
    if len(sources) != len(targets):
        raise UserError(
            f"every source needs a translation: {source} has {len(sources)} lines and {target} {len(targets)}"
        )
    if not sources:
        raise UserError(f"{source} and {target} are empty, so there is nothing to score")
    return ScoringInput(None, sources, targets, max_source_length)


def require_lines(text: Iterator[str], path: str | None) -> Iterator[str]:
    """Yield the same lines; raise a UserError if there are none."""
    first = next(text, None)
    if first is None:
        raise UserError(f"{path or 'standard input'} is empty, so there is nothing to score")
    yield from chain([first], text)
