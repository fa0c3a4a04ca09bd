"""Command that generates the corpus as parallel text files: `python data/phrasebook --seed 1`."""

import argparse
import gc
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from phrasebook.split import Corpus, assemble, everyday
from seq2seq.storage import atomic_write


def pairs(corpus: Corpus) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs of every split, generated or hand-written."""
    generated = {**corpus.splits, "test": corpus.test}
    texts = {name: [(each.english, each.german) for each in sentences] for name, sentences in generated.items()}
    return texts | {"test-everyday": list(everyday())}


def write(corpus: Corpus, out: Path) -> None:
    """Write every split as two parallel files."""
    for name, split in pairs(corpus).items():
        for language, lines in zip(("en", "de"), zip(*split, strict=True), strict=True):
            with atomic_write(out / f"{name}.{language}") as path:
                path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")


def vocabulary(lines: Iterable[str]) -> int:
    """Return the number of different words, without punctuation."""
    return len({word.strip(".,?!") for line in lines for word in line.split()})


def report(corpus: Corpus) -> str:
    """Return a table of the splits, and the frequencies of the constructions."""
    rows: list[tuple[str, ...]] = [("split", "pairs", "English words", "German words", "words a sentence")]
    for name, split in pairs(corpus).items():
        english, german = zip(*split, strict=True)
        length = sum(len(line.split()) for line in english) / len(english)
        rows.append((name, str(len(split)), str(vocabulary(english)), str(vocabulary(german)), f"{length:.1f}"))
    everything = [sentence for split in corpus.splits.values() for sentence in split]
    constructions = Counter(each.construction for each in everything)
    frame, most = Counter(each.frame for each in everything).most_common(1)[0]
    return "\n".join(
        ["  ".join(cell.rjust(14) for cell in row) for row in rows]
        + [
            f"{len(constructions)} constructions: "
            + ", ".join(f"{each} {n}" for each, n in constructions.most_common())
        ]
        + [f"most frequent frame, {most / len(everything):.2%}: {frame}"]
        + [f"generated but left out: {n} {reason}" for reason, n in corpus.left_out.items()]
    )


def main(arguments: list[str] | None = None) -> None:
    """Generate the corpus and print a report."""
    parser = argparse.ArgumentParser(prog="phrasebook", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="the folder of the files")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the random choices")
    parser.add_argument("--pairs", type=int, default=80_000, help="sentence pairs in the training split")
    chosen = parser.parse_args(arguments)
    if chosen.pairs < 1:
        parser.error(f"--pairs must be positive, and was {chosen.pairs}")
    gc.disable()  # trees have no cycles, and the collector would traverse millions of nodes
    corpus = assemble(chosen.seed, chosen.pairs)
    write(corpus, chosen.out)
    print(report(corpus))


if __name__ == "__main__":
    main()
