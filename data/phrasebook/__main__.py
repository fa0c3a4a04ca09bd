"""The command: writes the corpus as parallel text files, `python data/phrasebook --seed 1`."""

import argparse
import gc
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from phrasebook.split import Corpus, assemble
from seq2seq.storage import atomic_write


def write(corpus: Corpus, out: Path) -> None:
    """Each part in its two files, one sentence a line."""
    for name, sentences in {**corpus.parts, "test": corpus.test}.items():
        for ending, lines in (
            ("en", [sentence.english for sentence in sentences]),
            ("de", [sentence.german for sentence in sentences]),
        ):
            with atomic_write(out / f"{name}.{ending}") as path:
                path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="\n")


def vocabulary(lines: list[str]) -> int:
    """How many different words there are, marks aside."""
    return len({word.strip(".,?!") for line in lines for word in line.split()})


def table(corpus: Corpus) -> str:
    """What was written, as a short table."""
    rows: list[tuple[str, ...]] = [("part", "pairs", "distinct", "English words", "German words", "words a sentence")]
    for name, part in {**corpus.parts, "test": corpus.test}.items():
        english, german = [each.english for each in part], [each.german for each in part]
        length = sum(len(line.split()) for line in english) / max(1, len(english))
        distinct = len(set(zip(english, german, strict=True)))
        rows.append((name, *map(str, (len(part), distinct, vocabulary(english), vocabulary(german))), f"{length:.1f}"))
    everything = [sentence for part in corpus.parts.values() for sentence in part]
    constructions = Counter(each.construction for each in everything)
    frame, most = Counter(each.frame for each in everything).most_common(1)[0]
    return "\n".join(
        ["  ".join(cell.rjust(14) for cell in row) for row in rows]
        + [
            f"{len(constructions)} constructions: "
            + ", ".join(f"{each} {n}" for each, n in constructions.most_common())
        ]
        + [f"most frequent frame, {most / len(everything):.2%}: {frame}"]
        + [f"drawn but left out: {n} {reason}" for reason, n in corpus.left_out.items()]
    )


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, write the corpus, say what it holds."""
    parser = argparse.ArgumentParser(prog="phrasebook", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="the folder for the files")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another corpus")
    parser.add_argument("--pairs", type=int, default=40_000, help="sentence pairs in the training part")
    chosen = parser.parse_args(arguments)
    if chosen.pairs < 1:
        parser.error(f"--pairs must be positive, and was {chosen.pairs}")
    gc.disable()  # trees have no cycles, and there are millions of nodes to look at in vain
    corpus = assemble(chosen.seed, chosen.pairs)
    write(corpus, chosen.out)
    print(table(corpus))


if __name__ == "__main__":
    main()
