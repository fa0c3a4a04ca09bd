"""`seq2seq translate`: one line out for every line in."""

import sys

from seq2seq.commands import lines
from seq2seq.errors import UserError
from seq2seq.precision import Precision


def translate(
    checkpoints: list[str],
    input: str | None = None,  # noqa: A002
    output: str | None = None,
    beams: int = 5,
    length_penalty: float = 1.0,
    n_best: int = 1,
    scores: bool = False,
    batch_tokens: int = 4000,
    patience: float = 0.2,
    threshold: float = 2.0,
    alignments: str | None = None,
    picture: str | None = None,
    picture_line: int = 1,
    device: str = "auto",
    precision: Precision | None = None,
    shortlist: str | None = None,
    trust: str | None = None,
) -> None:
    """Translate lines, with one translator or with several that choose together.

    One line comes out for every line that goes in, or as many as --n-best says, and nothing else on standard output.

    examples:
      seq2seq translate runs/phrasebook-lstm/1 < source.txt > target.txt
      seq2seq translate runs/phrasebook-lstm/1 --input source.txt --output target.txt --beams 10 --n-best 3 --scores

    Args:
        checkpoints: Checkpoints, or folders of runs; several make an ensemble.
        input: File to translate; standard input by default.
        output: File to write; standard output by default.
        beams: Hypotheses that are followed at once; 1 takes the likeliest word each time.
        length_penalty: Exponent of the length by which scores are divided (Wu et al., 2016); 0 prefers short ones.
        n_best: Translations of each line, each on a line of its own.
        scores: Write the log-probability before each translation, and a tab.
        batch_tokens: Source tokens that are translated at once, padding counted.
        patience: How much longer translations are hoped to become at no cost, as a share of their length, before better
            ones are no longer looked for; a large one, as 99, goes on until nothing can rank better.
        threshold: How much less likely than the best one that goes on a hypothesis may be, in nats, before it is
            dropped; with a large one, as 99, none is.
        alignments: File for the attention as text: for each target piece its three most looked at source pieces.
        picture: File (PNG) for the attention of one line as a picture.
        picture_line: Number of this line, from 1.
        device: Where the model runs: auto, cpu, cuda, ...
        precision: How weights are rounded: float32, bf16 or int8, which is for CPUs; by default as they were saved.
        shortlist: File of `seq2seq shortlist`: only its words are looked at, which is faster; scores are then
            probabilities among these.
        trust: Modules of yours that a checkpoint may name layers of, with commas between them; they are imported.
    """
    from seq2seq.inference import Searching, load_translation

    translation = load_translation(*checkpoints, device=device, precision=precision, trust=trust or ())
    if shortlist is not None:
        from seq2seq.inference.shortlist import Shortlist

        translation.shortlist = Shortlist.load(shortlist, translation.vocabularies)
    how = Searching(beams, length_penalty, n_best, batch_tokens, patience=patience, threshold=threshold)
    how.check()
    sources = list(lines.text_lines(input)) if picture or alignments else []  # only these keep all lines in memory
    if picture and not 1 <= picture_line <= len(sources):
        raise UserError(f"the picture's line must be from 1 to {len(sources)}, and {picture_line} was given")
    coming = sources or lines.text_lines(input)
    kept = []
    with (
        lines.output(output) as file,
        lines.progress("translating", lambda: len(sources) or lines.count(input)) as progress,
    ):
        for found in translation.translate(coming, how, progress):
            for one in found + found[-1:] * (n_best - len(found)):  # as many lines for every line in
                file.write(f"{one.score:.4f}\t{one.text}\n" if scores else f"{one.text}\n")
            if sources:
                kept.append(found[0].text)
    translation.report_unknown()
    if translation.cut:
        print(f"{translation.cut} lines were longer than {how.max_length} tokens and cut there", file=sys.stderr)
    if alignments:
        from seq2seq.commands.alignments import write_alignments

        write_alignments(translation, sources, kept, alignments)
    if picture:
        from seq2seq.commands.alignments import draw_alignment

        draw_alignment(translation.align(sources[picture_line - 1], kept[picture_line - 1]), picture)
