"""Seconds of translation, raw text to raw text, with and without the start of the program."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import child
from benchmarks.peers.corpus import TARGET, Corpus, lines, write_lines
from benchmarks.peers.measured import Round, Rounds, by_batch, in_turns
from benchmarks.peers.system import System
from seq2seq.metrics import bleu


class Model(NamedTuple):
    system: System
    checkpoint: Path


class Run(NamedTuple):
    """One translation of a file.

    Args:
        source: The lines.
        beams: Hypotheses that are followed at once.
        batch: Size of a batch in the system's own unit.
    """

    source: Path
    beams: int
    batch: int


def translate(model: Model, run: Run, folder: Path, core: int | None) -> Round:
    """Translate a file in a process of its own. Raises RuntimeError unless every line has one line of answer."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"{run.source.name}.{model.system.name}.{run.beams}.{run.batch}"
    command = model.system.translation(model.checkpoint, run.source, output, run.beams, run.batch)
    ran = child.run(command, output.with_name(f"{output.name}.log"), core)
    given, taken = len(lines(run.source)), len(lines(output))
    if given != taken:
        raise RuntimeError(f"{model.system.name} gave {taken} lines for {given}; see {output}")
    return Round(ran.seconds, ran.cpu, ran.memory)


def best_batch(model: Model, source: Path, beams: int, folder: Path, core: int | None) -> int:
    """The batch that takes least of the processor, tried once each."""

    def seconds(batch: int) -> float:
        return translate(model, Run(source, beams, batch), folder, core).cpu

    took = by_batch(model.system.batches, seconds, f"translation, processor seconds: {model.system.name}")
    return min(took, key=took.__getitem__)


def file_of(source: Path, count: int, folder: Path) -> Path:
    """The first lines of a file."""
    path = folder / f"first-{count}.txt"
    write_lines(path, lines(source)[:count])
    return path


def less(whole: Round, start: Round, sentences: float = 1.0) -> Round:
    """What remains without the start of the program, a sentence."""
    return Round((whole.wall - start.wall) / sentences, (whole.cpu - start.cpu) / sentences, whole.memory)


def measure(models: Sequence[Model], source: Path, beams: int, folder: Path, rounds: int, core: int | None) -> Rounds:
    """Each system whole, and, as "... , started", without what it takes for a file of one line."""
    batches = {one.system.name: best_batch(one, source, beams, folder, core) for one in models}
    return timed(models, source, beams, batches, folder, rounds, core)


def timed(
    models: Sequence[Model],
    source: Path,
    beams: int,
    batches: Mapping[str, int],
    folder: Path,
    rounds: int,
    core: int | None,
) -> Rounds:
    first = file_of(source, 1, folder)
    works = {
        name: partial(translate, one, Run(file, beams, batches[one.system.name]), folder, core)
        for one in models
        for name, file in ((one.system.name, source), (f"{one.system.name}, one line", first))
    }
    found = in_turns(works, rounds, f"translation with beam {beams}, seconds")
    for one in models:
        whole, start = found[one.system.name], found[f"{one.system.name}, one line"]
        found[f"{one.system.name}, started"] = [less(*both) for both in zip(whole, start, strict=True)]
    return found


def latency(
    models: Sequence[Model], source: Path, count: int, beams: int, folder: Path, rounds: int, core: int | None
) -> Rounds:
    """Seconds a sentence, one sentence at a time in one process."""
    some = file_of(source, count, folder)
    found = timed(models, some, beams, {one.system.name: one.system.single for one in models}, folder, rounds, core)
    return {
        one.system.name: [
            Round(part.wall / (count - 1), part.cpu / (count - 1), part.memory)
            for part in found[f"{one.system.name}, started"]
        ]
        for one in models
    }


def quality(
    models: Sequence[Model], corpus: Corpus, split: str, beams: int, folder: Path
) -> dict[str, dict[str, float]]:
    """What the translations are worth and how long they are, so that nobody is fast by saying little."""
    reference = lines(corpus.raw(split, TARGET))
    found = {}
    for one in models:
        outputs = sorted(folder.glob(f"{split}.*.{one.system.name}.{beams}.*[0-9]"))
        said = lines(outputs[-1])
        words = sum(len(line.split()) for line in said)
        found[one.system.name] = {"bleu": bleu(said, reference).value, "words": words}
    return found
