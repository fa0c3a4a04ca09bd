"""Tests that learning and sampling do not depend on the process, its hash seed, locale or threads."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tokenizer_texts import DIFFICULT_TEXTS, make_ambiguous_lines

from seq2seq.tokenizers import Subwords, load

TEXTS = [*DIFFICULT_TEXTS, *make_ambiguous_lines(20, seed=3), "日本語の文, 12.50 €", "\ud800 lone \udfff"]
SEEDS = [0, 1, 2**32 - 1, 2**63 + 5]
SUBWORD_OPTIONS: list[dict[str, Any]] = [
    {"algorithm": "unigram", "sampling": 0.8},
    {"algorithm": "bpe", "sampling": 0.1},
    {"algorithm": "bpe", "sampling": 0.5},
]
PROGRAM = """
import json, sys, threading, warnings
from seq2seq.tokenizers import Characters, Subwords, Words, learning, save

warnings.simplefilter("ignore")
inputs = json.load(open(sys.argv[1], encoding="ascii"))
order, folder = sys.argv[2], sys.argv[3]
learning._MAX_LINES = 200  # fewer than there are, so that they are sampled

def sample(tokenizer):
    texts = inputs["texts"] if order == "forwards" else inputs["texts"][::-1]
    ids = {(text, seed): tokenizer.sample(text, seed) for text in texts for seed in inputs["seeds"]}
    return [ids[text, seed] for text in inputs["texts"] for seed in inputs["seeds"]]

def learn_and_sample():
    learned = [Subwords(400, **options) for options in inputs["kinds"]] + [Words(max_size=60), Characters()]
    for number, tokenizer in enumerate(learned):
        tokenizer.learn(inputs["lines"])
        save(tokenizer, f"{folder}/{number}.json")
    ids = [sample(tokenizer) for tokenizer in learned]
    print(json.dumps([[tokenizer.fingerprint() for tokenizer in learned], ids]))

if order == "forwards":
    learn_and_sample()
else:
    thread = threading.Thread(target=learn_and_sample)
    thread.start()
    thread.join()
assert "torch" not in sys.modules
"""


def run_process(folder: Path, order: str, **environment: str) -> tuple[list[str], list[list[list[int]]]]:
    """Return the fingerprints and samples of the tokenizers that a new interpreter learns."""
    folder.mkdir(exist_ok=True)
    inputs = folder / "inputs.json"
    inputs.write_text(
        json.dumps({"lines": make_ambiguous_lines(), "texts": TEXTS, "seeds": SEEDS, "kinds": SUBWORD_OPTIONS}), "ascii"
    )
    command = [sys.executable, "-c", PROGRAM, str(inputs), order, str(folder)]
    completed = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)
    assert completed.returncode == 0, completed.stderr
    fingerprints, ids = json.loads(completed.stdout)
    return fingerprints, ids


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def first(folder: Path) -> tuple[list[str], list[list[list[int]]]]:
    return run_process(folder / "first", "forwards", PYTHONHASHSEED="0")


@pytest.mark.parametrize(
    ("order", "environment"),
    [
        ("forwards", {"PYTHONHASHSEED": "4294967295", "LC_ALL": "C", "PYTHONUTF8": "0"}),
        ("backwards", {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2"}),
    ],
)
def test_other_processes_learn_and_sample_the_same(
    folder: Path, first: tuple[list[str], list[list[list[int]]]], order: str, environment: dict[str, str]
) -> None:
    fingerprints, ids = run_process(folder / environment["PYTHONHASHSEED"], order, **environment)
    assert fingerprints == first[0]
    assert ids == first[1]


def test_this_process_samples_the_same_from_saved_tokenizers(
    folder: Path, first: tuple[list[str], list[list[list[int]]]]
) -> None:
    for number, (fingerprint, expected) in enumerate(zip(*first, strict=True)):
        tokenizer = load(folder / "first" / f"{number}.json")
        assert tokenizer.fingerprint() == fingerprint
        assert [tokenizer.sample(text, seed) for text in TEXTS for seed in SEEDS] == expected
        distinct = len({*map(tuple, expected)})
        assert (distinct > len(TEXTS)) == isinstance(tokenizer, Subwords)  # only Subwords sample


def test_line_sampling_is_uniform_and_keeps_the_order_of_few_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from seq2seq.tokenizers.learning import _sample_lines

    assert list(_sample_lines(iter("abcde"), 5)) == list("abcde")
    lines = [*_sample_lines(iter(map(str, range(100_000))), 1000)]
    assert len(set(lines)) == 1000
    counts = [sum(start <= int(line) < start + 20_000 for line in lines) for start in range(0, 100_000, 20_000)]
    assert all(150 < count < 250 for count in counts)
