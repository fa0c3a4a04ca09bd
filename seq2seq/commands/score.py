"""`seq2seq score`: how likely text is, by line or by token."""

import json
from collections.abc import Iterator

from seq2seq.commands import lines


def score(
    checkpoints: list[str],
    text: str | None = None,
    source: str | None = None,
    target: str | None = None,
    tokens: bool = False,
    output: str | None = None,
    device: str = "auto",
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
        output: File to write; standard output by default.
        device: Where the model runs: auto, cpu, cuda, ...
    """
    from seq2seq.data.text import read_blocks, read_lines
    from seq2seq.inference import Translation, load

    model = load(*checkpoints, device=device)
    scored: Iterator[list[tuple[str, float]]]
    if isinstance(model, Translation):
        if source is None or target is None or text is not None:
            raise ValueError("a translator scores given translations: --source and --target are needed, and no --text")
        pairs = list(zip(read_lines(source), read_lines(target), strict=False))
        counts = [sum(1 for _ in read_lines(path)) for path in (source, target)]
        if counts[0] != counts[1]:
            raise ValueError(f"{source} has {counts[0]} lines and {target} {counts[1]}, where they must have as many")
        scored = model.score(pairs)
        written = [pair[1] for pair in pairs]
        shown: Iterator[tuple[str, list[tuple[str, float]]]] = zip(written, scored, strict=True)
    else:
        if source is not None or target is not None:
            raise ValueError("a language model scores a --text, and has no --source and --target")
        blocks = read_blocks(text) if text is not None else (line + "\n" for line in lines.text_lines(None))
        shown = by_line((token.text, -token.nats) for token in model.score(blocks))
    with lines.output(output) as file:
        for line, pieces in shown:
            if tokens:
                file.writelines(f"{chance:.6f}\t{json.dumps(piece, ensure_ascii=False)}\n" for piece, chance in pieces)
                file.write("\n")
            else:
                file.write(f"{sum(chance for _, chance in pieces):.6f}\t{line}\n")


def by_line(pieces: Iterator[tuple[str, float]]) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Tokens put together to the lines that they end."""
    line: list[tuple[str, float]] = []
    for piece in pieces:
        line.append(piece)
        if "\n" in piece[0]:
            yield "".join(text for text, _ in line).rstrip("\n"), line
            line = []
    if line:
        yield "".join(text for text, _ in line), line
