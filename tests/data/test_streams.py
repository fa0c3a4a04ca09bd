"""Tests of parallel streams: every token is a target once, in order, and memory does not grow with the text."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.streams import Ids, TokenStreams, encode_text
from seq2seq.special_tokens import BOS, PAD
from seq2seq.tokenizers import Bytes, Characters, Words


def make_ids(count: int) -> Ids:
    """Return ids that equal their positions, counted from 1."""
    return np.arange(1, count + 1, dtype=np.uint16)


@st.composite
def streams(draw: st.DrawFn) -> TokenStreams:
    """Draw streams of any text, even one shorter than the number of streams or than a batch."""
    return TokenStreams(make_ids(draw(st.integers(2, 150))), draw(st.integers(1, 20)), draw(st.integers(1, 15)))


@given(streams())
def test_every_token_but_the_first_is_a_target_once_in_order(streams: TokenStreams) -> None:
    batches = [streams.get_batch(index) for index in range(len(streams))]
    inputs = torch.cat([batch.inputs for batch in batches], dim=1).flatten()
    targets = torch.cat([batch.targets for batch in batches], dim=1).flatten()
    assert targets[targets != PAD].tolist() == streams.ids[1:].tolist()
    assert inputs[inputs != PAD].tolist() == streams.ids[:-1].tolist()
    assert torch.equal(inputs != PAD, targets != PAD)


@given(streams())
def test_streams_are_padded_only_at_their_ends(streams: TokenStreams) -> None:
    mask = torch.cat([streams.get_batch(index).targets for index in range(len(streams))], dim=1) != PAD
    assert (mask.sum(1) <= streams.stream_length).all()
    assert not (~mask[:, :-1] & mask[:, 1:]).any()


@given(streams())
def test_all_batches_but_the_last_are_full_and_the_first_is_the_start(streams: TokenStreams) -> None:
    batches = [streams.get_batch(index) for index in range(len(streams))]
    assert [batch.start for batch in batches] == [True] + [False] * (len(batches) - 1)
    assert all(batch.inputs.shape == (streams.batch_size, streams.steps) for batch in batches[:-1])
    assert 1 <= batches[-1].inputs.shape[1] <= streams.steps
    assert all(batch.tokens > 0 for batch in batches)  # or the loss would be divided by zero


@given(streams(), st.integers(1, 3))
def test_ranks_share_the_global_batch_and_its_token_count(streams: TokenStreams, ranks: int) -> None:
    for index in range(len(streams)):
        global_batch = streams.get_batch(index)
        parts = [streams.get_batch(index, rank, ranks) for rank in range(ranks)]
        for rank, part in enumerate(parts):
            assert torch.equal(part.inputs, global_batch.inputs[rank::ranks])
            assert torch.equal(part.targets, global_batch.targets[rank::ranks])
            assert part.start == global_batch.start
            assert part.tokens == global_batch.tokens == int((global_batch.targets != PAD).sum())
        assert sum(len(part.inputs) for part in parts) == streams.batch_size


@pytest.mark.parametrize(("count", "batch_size", "steps"), [(1, 2, 2), (5, 0, 2), (5, 2, 0)])
def test_streams_without_batches_are_refused(count: int, batch_size: int, steps: int) -> None:
    with pytest.raises(ValueError, match=r"no token|at least 1"):
        TokenStreams(make_ids(count), batch_size, steps)


class WideIds(Bytes):
    """Bytes whose ids do not fit into 16 bits."""

    @property
    def vocab_size(self) -> int:
        return 1 << 17

    def encode(self, text: str) -> list[int]:
        return [(1 << 16) + i for i in super().encode(text)]

    def encode_blocks(self, blocks: Iterable[str]) -> Iterator[list[int]]:
        return map(self.encode, blocks)


def test_ids_have_16_or_32_bits_by_vocabulary_size() -> None:
    narrow, wide = encode_text(["abc"], "widths", Bytes()), encode_text(["abc"], "widths", WideIds())
    assert (narrow.dtype, wide.dtype) == (np.uint16, np.uint32)
    assert narrow[1:].tolist() == Bytes().encode("abc")
    assert wide[1:].tolist() == WideIds().encode("abc")


@pytest.mark.parametrize("kind", [Bytes, Characters, Words])
def test_ids_are_bos_and_the_text_for_any_blocks(kind: type) -> None:
    text = "one two\nthree  ä\n\nfour"
    tokenizer = kind()
    tokenizer.learn(text.split("\n"))
    for size in (1, 3, 100):
        blocks = [text[start : start + size] for start in range(0, len(text), size)]
        ids = encode_text(blocks, f"cut {size}", tokenizer)
        assert isinstance(ids, np.memmap)
        assert ids[0] == BOS
        assert ids[1:].tolist() == tokenizer.encode(text)


def test_ids_are_written_once() -> None:
    def fail() -> Iterator[str]:
        pytest.fail("the text was read again")
        yield ""

    first = encode_text(["some ", "text"], "once", Bytes())
    assert encode_text(fail(), "once", Bytes()).tolist() == first.tolist()


def test_failed_encoding_leaves_nothing_in_the_cache() -> None:
    def broken() -> Iterator[str]:
        yield "some text"
        raise ValueError("line 2 is broken")

    with pytest.raises(ValueError, match="line 2"):
        encode_text(broken(), "broken", Bytes())
    assert Bytes().decode(encode_text(["other text"], "broken", Bytes())) == "other text"


MEASURE = """
import sys, threading, time
from seq2seq.data.language import LanguageData
from seq2seq.memory import process_memory
from seq2seq.tokenizers import Characters

def watch():
    while True:  # without mapped files, whose memory the system can reclaim
        measured.append(process_memory("RssAnon"))
        time.sleep(0.01)

measured = []
threading.Thread(target=watch, daemon=True).start()
for path in sys.argv[1:]:
    data = LanguageData(path, Characters(), batch_size=16, steps=32)
    for index in range(0, len(data.train_streams), 50):
        data.train_streams.get_batch(index)
    print(data.train_streams.num_targets, max(measured))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    short, long = tmp_path / "short.txt", tmp_path / "long.txt"
    for path, lines in ((short, 2_000), (long, 40_000)):
        with path.open("w") as file:
            for number in range(lines):
                file.write(f"{number * 7919 % 100003:06d} and some words to fill the line, so that it is long\n" * 16)
    output = subprocess.run(
        [sys.executable, "-c", MEASURE, str(short), str(long)], capture_output=True, text=True, check=True
    ).stdout
    (_, short_memory), (num_targets, long_memory) = (map(int, line.split()) for line in output.splitlines())
    assert num_targets > 0.89 * long.stat().st_size > 30_000_000
    assert long_memory - short_memory < long.stat().st_size / 8
