"""`seq2seq shortlist`: the likely target tokens of each source token, for faster translation."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from seq2seq.checkpoint import find_checkpoint
from seq2seq.commands.lines import check_other_file
from seq2seq.ranges import CountOrZero, checked
from seq2seq.standard_streams import rank_zero_log
from seq2seq.storage import check_output
from seq2seq.tasks.trained_corpus import trained_corpus

if TYPE_CHECKING:
    from seq2seq.inference.shortlist_learning import Pair

BATCH_PAIRS = 200  # sentence pairs counted at once
LOG_SECONDS = 10.0  # between two progress messages


@checked
def shortlist(
    checkpoint: str,
    output: str,
    corpus: str | None = None,
    frequent: CountOrZero = 100,
    likely: CountOrZero = 50,
    trust: str | None = None,
) -> None:
    """Learn the likely target tokens of each source token from a corpus, for a faster `translate --shortlist`.

    Each sentence is then translated with a small part of the target vocabulary: the most frequent tokens, and the
    likely translations of its source tokens. Prints how much of the validation references these tokens cover.

    examples:
      seq2seq shortlist runs/multi30k-lstm/1 --output multi30k.shortlist
      seq2seq translate runs/multi30k-lstm/1 --shortlist multi30k.shortlist < source.txt > target.txt

    Args:
        checkpoint: A checkpoint, or the folder of a run; runs/NAME is the newest run of a name.
        output: File to write.
        corpus: Corpus with the training split; by default that of the training.
        frequent: Number of the most frequent target tokens, which are allowed in every sentence.
        likely: Number of target tokens for each source token.
        trust: Your own modules whose classes a checkpoint may use, separated by commas; they are imported.
    """
    check_other_file("--output", output, map(find_checkpoint, [checkpoint]))
    check_output(output)

    from seq2seq.data.corpora import has_split
    from seq2seq.data.corpus_files import find_split_files
    from seq2seq.data.pairs import encode_pairs
    from seq2seq.data.translation_pairs import HeldOutPairs, translation_pairs
    from seq2seq.inference.shortlist_learning import ITERATIONS, coverage, learn_shortlist
    from seq2seq.tasks import load_translation

    model = load_translation(checkpoint, device="cpu", trust=trust or ())
    name, subset, source, target, held_out = trained_corpus(
        model.corpus, corpus, "source", "target", held_out=HeldOutPairs
    )

    held_out = held_out if corpus is None else 0.0  # nothing is held out of another corpus
    for split in ("train", "validation"):
        groups = find_split_files(name, split, [source, target], subset) or []
        check_other_file("--output", output, [path for group in groups for path in group.paths])

    def pairs(split: str) -> "tuple[int, Callable[[], Iterator[list[Pair]]]]":
        """Return the number of pairs in a split and a function that yields them in batches."""
        ids = encode_pairs(translation_pairs(name, source, target, split, held_out, subset), model.vocabularies)

        def read() -> "Iterator[list[Pair]]":
            for rows in ids.iter(BATCH_PAIRS):
                yield list(zip(rows["source"], rows["target"], strict=True))

        return len(ids), read

    total, train = pairs("train")
    last_log = time.monotonic()

    def progress(iteration: int, read: int) -> None:
        nonlocal last_log
        if time.monotonic() - last_log > LOG_SECONDS:
            last_log = time.monotonic()
            rank_zero_log(f"iteration {iteration} of {ITERATIONS}: {read:,} of {total:,} pairs")

    learned = learn_shortlist(train, model.vocabularies, frequent, likely, progress)
    learned.save(output, model.vocabularies)
    summary = f"{output} was learned from {total:,} pairs"
    if held_out or has_split(name, "validation", [source, target], subset):
        share, size = coverage(learned, pairs("validation")[1]())
        summary += f"; it covers {share:.2%} of the validation targets with {size:.0f} tokens per sentence on average"
    print(summary)
