"""`seq2seq shortlist`: the target words that a translator has to look at for each source word."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from seq2seq.commands.trained_corpus import trained_corpus
from seq2seq.ranges import CountOrZero, checked
from seq2seq.rank_zero import rank_zero_log
from seq2seq.storage import check_output

if TYPE_CHECKING:
    from seq2seq.inference.shortlist_learning import Pair

BLOCK = 200  # pairs that are counted at once
SILENCE = 10.0  # seconds without a word


@checked
def shortlist(
    checkpoint: str,
    output: str,
    corpus: str | None = None,
    frequent: CountOrZero = 100,
    likely: CountOrZero = 50,
    trust: str | None = None,
) -> None:
    """Learn from a corpus which target words stand beside which source words, for a faster `translate --shortlist`.

    Every sentence is then translated with its own few words only: the most frequent ones, and those likely beside the
    words of its source. Which share of a reference these words hold is said for the validation split.

    examples:
      seq2seq shortlist runs/multi30k-lstm/1 --output multi30k.shortlist
      seq2seq translate runs/multi30k-lstm/1 --shortlist multi30k.shortlist < source.txt > target.txt

    Args:
        checkpoint: A checkpoint, or the folder of a run.
        output: File to write.
        corpus: Corpus with the training split; by default the one that the model was trained on.
        frequent: Number of the most frequent target tokens, which every sentence may say.
        likely: Number of target tokens for each source token.
        trust: Modules of yours that a checkpoint may name layers of, with commas between them; they are imported.
    """
    check_output(output)

    from seq2seq.data.corpora import has_split
    from seq2seq.data.pairs import encode_pairs
    from seq2seq.data.translation_pairs import translation_pairs
    from seq2seq.inference import load_translation
    from seq2seq.inference.shortlist_learning import ITERATIONS, coverage, learn

    model = load_translation(checkpoint, device="cpu", trust=trust or ())
    name, subset, source, target, held_out = trained_corpus(model.corpus, corpus, "source", "target", "held_out")

    held_out = held_out if corpus is None else 0.0  # of another corpus, all pairs

    def pairs(split: str) -> "tuple[int, Callable[[], Iterator[list[Pair]]]]":
        """How many pairs a split has, and what reads them, block by block."""
        ids = encode_pairs(translation_pairs(name, source, target, split, held_out, subset), model.vocabularies)

        def read() -> "Iterator[list[Pair]]":
            for rows in ids.iter(BLOCK):
                yield list(zip(rows["source"], rows["target"], strict=True))

        return len(ids), read

    total, train = pairs("train")
    spoken = time.monotonic()

    def progress(iteration: int, read: int) -> None:
        nonlocal spoken
        if time.monotonic() - spoken > SILENCE:
            spoken = time.monotonic()
            rank_zero_log(f"iteration {iteration} of {ITERATIONS}: {read:,} of {total:,} pairs")

    learned = learn(train, model.vocabularies, frequent, likely, progress)
    learned.save(output, model.vocabularies)
    said = f"{output} was learned from {total:,} pairs"
    if held_out or has_split(name, "validation", [source, target], subset):
        share, words = coverage(learned, pairs("validation")[1]())
        said += f"; it covers {share:.2%} of the validation targets with {words:.0f} words a sentence on average"
    print(said)
