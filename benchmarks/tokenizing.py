"""Measure the lines per second of every tokenizer against a minimal implementation."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from benchmarks import corpora
from benchmarks.figure import Measurement, Section
from benchmarks.interleaved import elapsed_seconds, ratio, run_interleaved, spread
from benchmarks.progress import print_progress
from benchmarks.setting import Setting, limited_threads
from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words

MIN_SECONDS = 0.1


def measure(setting: Setting) -> Section:
    """Time encoding and decoding of the same lines."""
    number, size = (50, 400) if setting.quick else (5000, 4000)
    lines = corpora.make_pairs(number)[0]
    measurements = []
    for tokenizer, baseline in make_baselines(lines, size).items():
        name = type(tokenizer).__name__.lower()
        print_progress(f"  {name}")
        ids = tokenizer.encode_batch(lines)
        tasks: dict[str, Callable[[], object]] = {
            "encoding": partial(tokenizer.encode_batch, lines),
            "plain encoding": baseline.encode,
            "decoding": lambda tokenizer=tokenizer, ids=ids: list(map(tokenizer.decode, ids)),
            "plain decoding": baseline.decode,
        }
        with limited_threads(1):
            times = run_interleaved(
                {task_name: partial(lines_per_second, task, len(lines)) for task_name, task in tasks.items()},
                setting.rounds,
            )
        measurements += [
            Measurement(
                f"{name}, {task_name}",
                baseline.name,
                ratio(times[task_name], times[f"plain {task_name}"]),
                absolute=f"{spread(times[task_name]).median:,.0f} lines/s",
            )
            for task_name in ("encoding", "decoding")
        ]
    return Section(
        "Tokenizing", measurements, [f"{number:,} lines of about {corpora.SOURCE_LENGTH} words, one thread."]
    )


def lines_per_second(task: Callable[[], object], lines: int) -> float:
    """Return the lines per second, repeated until the time is long enough to measure."""
    repetitions, elapsed = 0, 0.0
    while elapsed < MIN_SECONDS:
        repetitions, elapsed = repetitions + 1, elapsed + elapsed_seconds(task)
    return repetitions * lines / elapsed


class Baseline(NamedTuple):
    """Minimal encoding and decoding of the same lines."""

    name: str
    encode: Callable[[], object]
    decode: Callable[[], object]


def make_baselines(lines: list[str], size: int) -> dict[Tokenizer, Baseline]:
    """Return learned tokenizers with their baselines; those of the simple tokenizers do less, and are a bound."""
    characters, words, subwords = Characters(), Words(), Subwords(size)
    for tokenizer in (characters, words, subwords):
        tokenizer.learn(lines)
    sentencepiece = train_sentencepiece(lines, size)
    line_bytes, line_characters, line_words = (
        [list(line.encode()) for line in lines],
        [*map(list, lines)],
        [*map(str.split, lines)],
    )
    pieces = sentencepiece.encode(lines)
    return {
        Bytes(): Baseline(
            "bytes",
            lambda: [list(line.encode()) for line in lines],
            lambda: [bytes(values).decode() for values in line_bytes],
        ),
        characters: Baseline("list, str.join", lambda: [*map(list, lines)], lambda: [*map("".join, line_characters)]),
        words: Baseline("str.split, str.join", lambda: [*map(str.split, lines)], lambda: [*map(" ".join, line_words)]),
        subwords: Baseline(
            "sentencepiece",
            lambda: sentencepiece.encode(lines, num_threads=1),
            lambda: sentencepiece.decode(pieces, num_threads=1),
        ),
    }


def train_sentencepiece(lines: list[str], size: int) -> Any:
    """Train a sentencepiece model directly."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=model,
        vocab_size=size,
        hard_vocab_limit=False,
        byte_fallback=True,
        num_threads=1,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
