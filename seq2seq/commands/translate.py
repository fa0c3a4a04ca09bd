"""`seq2seq translate`: one translation for every input line."""

from itertools import chain

from seq2seq.checkpoint import find_checkpoint
from seq2seq.commands import lines
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.quantization import Precision
from seq2seq.ranges import Count
from seq2seq.search import Beam, Search
from seq2seq.standard_streams import rank_zero_log
from seq2seq.storage import check_output


def translate(
    checkpoints: list[str],
    input: str | None = None,  # noqa: A002
    output: str | None = None,
    search: Search = Beam(),
    n_best: Count = 1,
    scores: bool = False,
    limits: TranslationLimits = TranslationLimits(),
    alignments: str | None = None,
    picture: str | None = None,
    picture_line: Count = 1,
    device: str = "auto",
    precision: Precision | None = None,
    shortlist: str | None = None,
    trust: str | None = None,
) -> None:
    """Translate lines with a translator or an ensemble.

    Writes one line for each input line, or --n-best lines, and nothing else to standard output. The translations of a
    line are different texts, best first; if fewer than --n-best are found, empty lines with the scores -inf are added.

    examples:
      seq2seq translate runs/phrasebook-lstm/1 < source.txt > target.txt
      seq2seq translate runs/phrasebook-lstm/1 --input source.txt --output target.txt --beams 10 --n-best 3 --scores

    Args:
        checkpoints: Checkpoints, or folders of runs, where runs/NAME is the newest run of a name; several make an
            ensemble.
        input: File to translate; standard input by default.
        output: File to write; standard output by default.
        search: How to search: beam, greedy, sampling, or a class of your own, such as my_module.MySearch, which is
            imported; its options are those of the command.
        n_best: Number of translations of each line, one per line.
        scores: Write two numbers before each translation, each followed by a tab: the score that orders translations,
            which in beam search is the log-probability divided by ((5 + tokens) / 6) ** length_penalty, or -inf if
            the translation was cut off; and the log-probability.
        alignments: Output file for attention weights as text: the three highest source pieces of each target piece.
        picture: Output file (PNG) for the attention weights of one line.
        picture_line: Number of the line in the picture, from 1.
        device: Device that runs the model: auto, cpu, cuda, ...
        precision: Precision of the weights: float32, bf16, or int8 (CPU only); by default as saved.
        shortlist: File of `seq2seq shortlist`: only its tokens are considered, which is faster; scores are then
            probabilities among these tokens.
        trust: Your own modules whose classes a checkpoint may use, separated by commas; they are imported.
    """
    outputs = {"--output": output, "--alignments": alignments, "--picture": picture}
    lines.check_distinct_files(outputs)
    for option, path in outputs.items():
        lines.check_other_file(option, path, chain(map(find_checkpoint, checkpoints), (input or "-", shortlist)))

    from seq2seq.inference import NO_TRANSLATION
    from seq2seq.tasks import load_translation

    search.check_n_best(n_best)
    for path in outputs.values():
        if path is not None and path != "-":
            check_output(path)
    if picture is None and picture_line != 1:
        raise UserError("--picture-line needs --picture")
    pipeline = load_translation(*checkpoints, device=device, precision=precision, trust=trust or ())
    if shortlist is not None:
        from seq2seq.inference.shortlist import Shortlist

        pipeline.shortlist = Shortlist.load(shortlist, pipeline.vocabularies)
    sources = list(lines.text_lines(input)) if picture or alignments else []  # only these need all lines in memory
    if picture and not 1 <= picture_line <= len(sources):
        raise UserError(f"picture_line must be from 1 to {len(sources)}, and {picture_line} was given")
    input_lines = sources if picture or alignments else lines.text_lines(input)
    targets, incomplete = [], 0
    with (
        lines.open_text_output(output) as file,
        lines.progress("translating", lambda: len(sources) or lines.count_lines(input)) as progress,
    ):
        for found in pipeline.translate(input_lines, search, n_best, limits, progress):
            incomplete += len(found) < n_best
            for result in found + [NO_TRANSLATION] * (n_best - len(found)):
                file.write(
                    f"{result.normalized_score:.4f}\t{result.score:.4f}\t{result.text}\n"
                    if scores
                    else f"{result.text}\n"
                )
            if sources:
                targets.append(found[0].text)
    pipeline.report_unknown()
    for message in pipeline.truncation_counts.messages():
        rank_zero_log(message)
    if incomplete:
        rank_zero_log(f"lines with fewer than {n_best} different translations, filled with empty ones: {incomplete:,}")
    if alignments:
        from seq2seq.commands.alignments import write_alignments

        write_alignments(pipeline, sources, targets, alignments, limits.max_source_length)
    if picture:
        from seq2seq.commands.alignments import draw_alignment

        pair = sources[picture_line - 1], targets[picture_line - 1]
        draw_alignment(pipeline.align(*pair, limits.max_source_length), picture)
