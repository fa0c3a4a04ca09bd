"""Measure the seconds of translation from raw text to raw text, with and without start-up."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import child
from benchmarks.peers.corpus import TARGET, Corpus, lines, write_lines
from benchmarks.peers.measured import Round, Rounds, measure_batch_sizes, run_interleaved
from benchmarks.peers.system import System
from seq2seq.metrics import bleu


class Model(NamedTuple):
    """A trained model of a system."""

    system: System
    checkpoint: Path


class TranslationJob(NamedTuple):
    """The translation of a file.

    Args:
        source: File of sentences.
        beams: Beam size.
        batch: Batch size in the unit of the system.
    """

    source: Path
    beams: int
    batch: int


def translate(model: Model, job: TranslationJob, folder: Path, core: int | None) -> Round:
    """Translate a file in a separate process. Raises RuntimeError unless there is one translation per line."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"{job.source.name}.{model.system.name}.{job.beams}.{job.batch}"
    command = model.system.translation_command(model.checkpoint, job.source, output, job.beams, job.batch)
    cost = child.run(command, output.with_name(f"{output.name}.log"), core)
    expected, actual = len(lines(job.source)), len(lines(output))
    if expected != actual:
        raise RuntimeError(f"{model.system.name} gave {actual} lines for {expected}; see {output}")
    return Round(cost.seconds, cost.cpu, cost.memory)


def best_batch(model: Model, source: Path, beams: int, folder: Path, core: int | None) -> int:
    """Return the batch size with the least processor time, each tried once."""

    def seconds(batch: int) -> float:
        return translate(model, TranslationJob(source, beams, batch), folder, core).cpu

    seconds_by_batch = measure_batch_sizes(
        model.system.translation_batches, seconds, f"translation, processor seconds: {model.system.name}"
    )
    return min(seconds_by_batch, key=seconds_by_batch.__getitem__)


def first_lines(source: Path, count: int, folder: Path) -> Path:
    """Write the first lines of a file to a new file and return its path."""
    path = folder / f"first-{count}.txt"
    write_lines(path, lines(source)[:count])
    return path


def subtract_startup(whole: Round, start: Round, sentences: float = 1.0) -> Round:
    """Return the cost per sentence without start-up."""
    return Round((whole.wall - start.wall) / sentences, (whole.cpu - start.cpu) / sentences, whole.memory)


def measure(models: Sequence[Model], source: Path, beams: int, folder: Path, rounds: int, core: int | None) -> Rounds:
    """Measure each system in total, and as "NAME, started" without the time for a file of one line."""
    batches = {model.system.name: best_batch(model, source, beams, folder, core) for model in models}
    return measure_with_startup(models, source, beams, batches, folder, rounds, core)


def measure_with_startup(
    models: Sequence[Model],
    source: Path,
    beams: int,
    batches: Mapping[str, int],
    folder: Path,
    rounds: int,
    core: int | None,
) -> Rounds:
    first_line = first_lines(source, 1, folder)
    tasks = {
        name: partial(translate, model, TranslationJob(file, beams, batches[model.system.name]), folder, core)
        for model in models
        for name, file in ((model.system.name, source), (f"{model.system.name}, one line", first_line))
    }
    rounds_by_name = run_interleaved(tasks, rounds, f"translation with beam {beams}, seconds")
    for model in models:
        whole, start = rounds_by_name[model.system.name], rounds_by_name[f"{model.system.name}, one line"]
        rounds_by_name[f"{model.system.name}, started"] = [
            subtract_startup(*both) for both in zip(whole, start, strict=True)
        ]
    return rounds_by_name


def measure_latency(
    models: Sequence[Model], source: Path, count: int, beams: int, folder: Path, rounds: int, core: int | None
) -> Rounds:
    """Measure the seconds per sentence, one sentence at a time in one process."""
    sentences = first_lines(source, count, folder)
    rounds_by_name = measure_with_startup(
        models,
        sentences,
        beams,
        {model.system.name: model.system.single_sentence_batch for model in models},
        folder,
        rounds,
        core,
    )
    return {
        model.system.name: [
            Round(part.wall / (count - 1), part.cpu / (count - 1), part.memory)
            for part in rounds_by_name[f"{model.system.name}, started"]
        ]
        for model in models
    }


def measure_quality(
    models: Sequence[Model], corpus: Corpus, split: str, beams: int, folder: Path
) -> dict[str, dict[str, float]]:
    """Return BLEU and length of the translations, since short translations would be faster."""
    reference = lines(corpus.raw(split, TARGET))
    quality_by_system = {}
    for model in models:
        outputs = sorted(folder.glob(f"{split}.*.{model.system.name}.{beams}.*[0-9]"))
        translations = lines(outputs[-1])
        words = sum(len(line.split()) for line in translations)
        quality_by_system[model.system.name] = {"bleu": bleu(translations, reference).value, "words": words}
    return quality_by_system
