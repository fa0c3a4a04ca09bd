"""`seq2seq translate`: one line out for every line in."""

from seq2seq.commands import lines
from seq2seq.errors import UserError
from seq2seq.quantization.precision import Precision
from seq2seq.ranges import Beams, Count, LengthPenalty, NonNegativeOrInfinite
from seq2seq.rank_zero import rank_zero_log
from seq2seq.storage import check_output


def translate(
    checkpoints: list[str],
    input: str | None = None,  # noqa: A002
    output: str | None = None,
    beams: Beams = 5,
    length_penalty: LengthPenalty = 1.0,
    n_best: Count = 1,
    scores: bool = False,
    max_length: Count | None = None,
    max_source_length: Count = 1000,
    allow_unknown: bool = False,
    batch_tokens: Count = 4000,
    patience: NonNegativeOrInfinite = 0.2,
    threshold: NonNegativeOrInfinite = 2.0,
    alignments: str | None = None,
    picture: str | None = None,
    picture_line: Count = 1,
    device: str = "auto",
    precision: Precision | None = None,
    shortlist: str | None = None,
    trust: str | None = None,
) -> None:
    """Translate lines, with one translator or with several that choose together.

    One line comes out for every line that goes in, or as many as --n-best says, and nothing else on standard output.
    These are different texts, best first; where fewer were found, empty lines with the scores -inf stand for the rest.

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
        scores: Write two numbers before each translation, and a tab behind each: what translations are ordered by,
            which is the log-probability divided by ((5 + tokens) / 6) ** length_penalty, or -inf if it has no end;
            and the log-probability.
        max_length: Most tokens of a translation; by default one and a half times the longest in training of sources as
            long, and 10 more.
        max_source_length: Tokens of a source that are read; what is longer is cut.
        allow_unknown: Let <unk> be written, where the model finds it likely.
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
    lines.check_distinct({"--output": output, "--alignments": alignments, "--picture": picture})

    from seq2seq.inference import ABSENT, SearchOptions, load_translation

    how = SearchOptions(
        beams=beams,
        length_penalty=length_penalty,
        n_best=n_best,
        batch_tokens=batch_tokens,
        max_length=max_length,
        max_source_length=max_source_length,
        patience=patience,
        threshold=threshold,
        allow_unknown=allow_unknown,
    )
    for path in (output, alignments, picture):
        if path is not None and path != "-":
            check_output(path)
    if picture is None and picture_line != 1:
        raise UserError(f"picture_line ({picture_line}) is the line that --picture draws, which was not given")
    translation = load_translation(*checkpoints, device=device, precision=precision, trust=trust or ())
    if shortlist is not None:
        from seq2seq.inference.shortlist import Shortlist

        translation.shortlist = Shortlist.load(shortlist, translation.vocabularies)
    sources = list(lines.text_lines(input)) if picture or alignments else []  # only these keep all lines in memory
    if picture and not 1 <= picture_line <= len(sources):
        raise UserError(f"the picture's line must be from 1 to {len(sources)}, and {picture_line} was given")
    coming = sources if picture or alignments else lines.text_lines(input)
    kept, short = [], 0
    with (
        lines.output(output) as file,
        lines.progress("translating", lambda: len(sources) or lines.count(input)) as progress,
    ):
        for found in translation.translate(coming, how, progress):
            short += len(found) < n_best
            for one in found + [ABSENT] * (n_best - len(found)):
                file.write(f"{one.rank:.4f}\t{one.score:.4f}\t{one.text}\n" if scores else f"{one.text}\n")
            if sources:
                kept.append(found[0].text)
    translation.report_unknown()
    for sentence in translation.counts.sentences():
        rank_zero_log(sentence)
    if short:
        rank_zero_log(f"lines with fewer than {n_best} different translations, filled up with empty ones: {short:,}")
    if alignments:
        from seq2seq.commands.alignments import write_alignments

        write_alignments(translation, sources, kept, alignments, max_source_length)
    if picture:
        from seq2seq.commands.alignments import draw_alignment

        pair = sources[picture_line - 1], kept[picture_line - 1]
        draw_alignment(translation.align(*pair, max_source_length), picture)
