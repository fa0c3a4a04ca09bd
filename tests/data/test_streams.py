"""Laws of parallel streams: every token is asked for once, in order, and memory does not grow with the text."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.streams import Ids, Streams, ids_of
from seq2seq.special_tokens import BOS, PAD
from seq2seq.tokenizers import Bytes, Characters, Words


def distinct(count: int) -> Ids:
    """Ids that say where in the text they stand."""
    return np.arange(1, count + 1, dtype=np.uint16)


@st.composite
def streams(draw: st.DrawFn) -> Streams:
    """Any text, also one shorter than the number of streams or than a chunk."""
    return Streams(distinct(draw(st.integers(2, 150))), draw(st.integers(1, 20)), draw(st.integers(1, 15)))


@given(streams())
def test_every_token_but_the_first_is_asked_for_once_and_in_order(streams: Streams) -> None:
    chunks = [streams.chunk(index) for index in range(len(streams))]
    inputs = torch.cat([chunk.inputs for chunk in chunks], dim=1).flatten()
    targets = torch.cat([chunk.targets for chunk in chunks], dim=1).flatten()
    assert targets[targets != PAD].tolist() == streams.ids[1:].tolist()
    assert inputs[inputs != PAD].tolist() == streams.ids[:-1].tolist()
    assert torch.equal(inputs != PAD, targets != PAD)


@given(streams())
def test_a_stream_goes_on_from_chunk_to_chunk_and_stays_over_once_it_is_over(streams: Streams) -> None:
    real = torch.cat([streams.chunk(index).targets for index in range(len(streams))], dim=1) != PAD
    assert (real.sum(1) <= streams.length).all()
    assert not (~real[:, :-1] & real[:, 1:]).any()


@given(streams())
def test_chunks_are_full_but_for_the_last_one_and_only_the_first_one_starts(streams: Streams) -> None:
    chunks = [streams.chunk(index) for index in range(len(streams))]
    assert [chunk.start for chunk in chunks] == [True] + [False] * (len(chunks) - 1)
    assert all(chunk.inputs.shape == (streams.batch, streams.steps) for chunk in chunks[:-1])
    assert 1 <= chunks[-1].inputs.shape[1] <= streams.steps
    assert all(chunk.tokens > 0 for chunk in chunks)  # or a loss would be divided by nothing


@given(streams(), st.integers(1, 3))
def test_ranks_together_have_the_rows_of_the_global_batch_and_know_its_tokens(streams: Streams, ranks: int) -> None:
    for index in range(len(streams)):
        everything = streams.chunk(index)
        parts = [streams.chunk(index, rank, ranks) for rank in range(ranks)]
        for rank, part in enumerate(parts):
            assert torch.equal(part.inputs, everything.inputs[rank::ranks])
            assert torch.equal(part.targets, everything.targets[rank::ranks])
            assert part.start == everything.start
            assert part.tokens == everything.tokens == int((everything.targets != PAD).sum())
        assert sum(len(part.inputs) for part in parts) == streams.batch


@pytest.mark.parametrize(("count", "batch", "steps"), [(1, 2, 2), (5, 0, 2), (5, 2, 0)])
def test_what_makes_no_batch_is_refused(count: int, batch: int, steps: int) -> None:
    with pytest.raises(ValueError, match=r"no token|at least 1"):
        Streams(distinct(count), batch, steps)


class Wide(Bytes):
    """Bytes whose ids do not fit into 16 bits."""

    @property
    def vocab_size(self) -> int:
        return 1 << 17

    def encode(self, text: str) -> list[int]:
        return [(1 << 16) + one for one in super().encode(text)]

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[list[int]]:
        return map(self.encode, blocks)


def test_ids_take_two_bytes_if_the_vocabulary_allows_it_and_four_otherwise() -> None:
    narrow, wide = ids_of(["abc"], "widths", Bytes()), ids_of(["abc"], "widths", Wide())
    assert (narrow.dtype, wide.dtype) == (np.uint16, np.uint32)
    assert narrow[1:].tolist() == Bytes().encode("abc")
    assert wide[1:].tolist() == Wide().encode("abc")


@pytest.mark.parametrize("kind", [Bytes, Characters, Words])
def test_mapped_ids_are_the_text_behind_a_begin_mark_wherever_blocks_were_cut(kind: type) -> None:
    text = "one two\nthree  ä\n\nfour"
    tokenizer = kind()
    tokenizer.learn(text.split("\n"))
    for size in (1, 3, 100):
        blocks = [text[start : start + size] for start in range(0, len(text), size)]
        ids = ids_of(blocks, f"cut {size}", tokenizer)
        assert isinstance(ids, np.memmap)
        assert ids[0] == BOS
        assert ids[1:].tolist() == tokenizer.encode(text)


def test_ids_are_written_once() -> None:
    def untouched() -> Iterator[str]:
        pytest.fail("the text was read again")
        yield ""

    first = ids_of(["some ", "text"], "once", Bytes())
    assert ids_of(untouched(), "once", Bytes()).tolist() == first.tolist()


def test_writing_that_fails_leaves_nothing_behind() -> None:
    def broken() -> Iterator[str]:
        yield "some text"
        raise ValueError("line 2 is broken")

    with pytest.raises(ValueError, match="line 2"):
        ids_of(broken(), "broken", Bytes())
    assert Bytes().decode(ids_of(["other text"], "broken", Bytes())) == "other text"


MEASURE = """
import sys, threading, time
from seq2seq.data.language import LanguageData
from seq2seq.peak_memory import held
from seq2seq.tokenizers import Characters

def watch():
    while True:  # without the mapped files, whose memory the system takes back when it needs it
        measured.append(held("RssAnon"))
        time.sleep(0.01)

measured = []
threading.Thread(target=watch, daemon=True).start()
for path in sys.argv[1:]:
    data = LanguageData(path, Characters(), batch_size=16, steps=32)
    for index in range(0, len(data.train), 50):
        data.train.chunk(index)
    print(data.train.asked, max(measured))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measures memory as Linux tells it")
def test_learning_writing_and_reading_take_the_same_memory_for_a_long_text(tmp_path: Path) -> None:
    short, long = tmp_path / "short.txt", tmp_path / "long.txt"
    for path, lines in ((short, 2_000), (long, 40_000)):
        with path.open("w") as file:
            for number in range(lines):
                file.write(f"{number * 7919 % 100003:06d} and some words to fill the line, so that it is long\n" * 16)
    said = subprocess.run(
        [sys.executable, "-c", MEASURE, str(short), str(long)], capture_output=True, text=True, check=True
    ).stdout
    (_, before), (asked, after) = (map(int, line.split()) for line in said.splitlines())
    assert asked > 0.89 * long.stat().st_size > 30_000_000
    assert after - before < long.stat().st_size / 8
