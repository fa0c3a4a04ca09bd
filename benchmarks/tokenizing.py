"""Lines a second of every tokenizer, against the least that the same work can take."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from benchmarks import corpora
from benchmarks.contest import in_turns, ratio, seconds, spread
from benchmarks.figure import Figure, Section
from benchmarks.progress import tell
from benchmarks.setting import Setting, using
from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words

LONG_ENOUGH = 0.1  # seconds


def measure(setting: Setting) -> Section:
    """Encoding and decoding the same lines."""
    number, size = (50, 400) if setting.quick else (5000, 4000)
    lines = corpora.pairs(number)[0]
    figures = []
    for tokenizer, rival in rivals(lines, size).items():
        name = type(tokenizer).__name__.lower()
        tell(f"  {name}")
        ids = tokenizer.encode_batch(lines)
        works: dict[str, Callable[[], object]] = {
            "encoding": partial(tokenizer.encode_batch, lines),
            "plain encoding": rival.encode,
            "decoding": lambda tokenizer=tokenizer, ids=ids: list(map(tokenizer.decode, ids)),
            "plain decoding": rival.decode,
        }
        with using(1):
            found = in_turns({what: partial(rate, work, len(lines)) for what, work in works.items()}, setting.rounds)
        figures += [
            Figure(
                f"{name}, {what}",
                rival.name,
                ratio(found[what], found[f"plain {what}"]),
                rate=f"{spread(found[what]).median:,.0f} lines/s",
            )
            for what in ("encoding", "decoding")
        ]
    return Section("Tokenizing", figures, [f"{number:,} lines of about {corpora.SOURCE} words, one thread."])


def rate(work: Callable[[], object], lines: int) -> float:
    """Lines a second, of as many times as take a while."""
    times, taken = 0, 0.0
    while taken < LONG_ENOUGH:
        times, taken = times + 1, taken + seconds(work)
    return times * lines / taken


class Rival(NamedTuple):
    """What the same text costs without a tokenizer, there and back."""

    name: str
    encode: Callable[[], object]
    decode: Callable[[], object]


def rivals(lines: list[str], size: int) -> dict[Tokenizer, Rival]:
    """Learned tokenizers, each with its rival; those of the simple ones do less, and are a limit."""
    characters, words, subwords = Characters(), Words(), Subwords(size)
    for tokenizer in (characters, words, subwords):
        tokenizer.learn(lines)
    plain = sentencepieces(lines, size)
    raw, letters, split = [list(line.encode()) for line in lines], [*map(list, lines)], [*map(str.split, lines)]
    pieces = plain.encode(lines)
    return {
        Bytes(): Rival(
            "bytes", lambda: [list(line.encode()) for line in lines], lambda: [bytes(b).decode() for b in raw]
        ),
        characters: Rival("list, str.join", lambda: [*map(list, lines)], lambda: [*map("".join, letters)]),
        words: Rival("str.split, str.join", lambda: [*map(str.split, lines)], lambda: [*map(" ".join, split)]),
        subwords: Rival(
            "sentencepiece",
            lambda: plain.encode(lines, num_threads=1),
            lambda: plain.decode(pieces, num_threads=1),
        ),
    }


def sentencepieces(lines: list[str], size: int) -> Any:
    """A model as sentencepiece learns it by itself."""
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
