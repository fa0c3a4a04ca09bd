"""What is learned and what is drawn is the same in every process, whatever its hash seed, its language and its past."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tokenizer_texts import HARD, syllables

from seq2seq.tokenizers import Subwords, load

TEXTS = [*HARD, *syllables(20, seed=3), "日本語の文, 12.50 €", "\ud800 lone \udfff"]
SEEDS = [0, 1, 2**32 - 1, 2**63 + 5]
KINDS: list[dict[str, Any]] = [
    {"algorithm": "unigram", "sampling": 0.8},
    {"algorithm": "bpe", "sampling": 0.1},
    {"algorithm": "bpe", "sampling": 0.5},
]
PROGRAM = """
import json, sys, threading, warnings
from seq2seq.tokenizers import Characters, Subwords, Words, learning, save

warnings.simplefilter("ignore")
given = json.load(open(sys.argv[1], encoding="ascii"))
order, folder = sys.argv[2], sys.argv[3]
learning._LINES_HELD = 200  # fewer than there are, so that some are drawn

def drawn(tokenizer):
    texts = given["texts"] if order == "forwards" else given["texts"][::-1]
    cut = {(text, seed): tokenizer.sample(text, seed) for text in texts for seed in given["seeds"]}
    return [cut[text, seed] for text in given["texts"] for seed in given["seeds"]]

def tell():
    learned = [Subwords(400, **options) for options in given["kinds"]] + [Words(max_size=60), Characters()]
    for number, tokenizer in enumerate(learned):
        tokenizer.learn(given["lines"])
        save(tokenizer, f"{folder}/{number}.json")
    ids = [drawn(tokenizer) for tokenizer in learned]
    print(json.dumps([[tokenizer.fingerprint() for tokenizer in learned], ids]))

if order == "forwards":
    tell()
else:
    thread = threading.Thread(target=tell)
    thread.start()
    thread.join()
assert "torch" not in sys.modules
"""


def run(folder: Path, order: str, **environment: str) -> tuple[list[str], list[list[list[int]]]]:
    """What a fresh interpreter learns and draws."""
    folder.mkdir(exist_ok=True)
    given = folder / "given.json"
    given.write_text(json.dumps({"lines": syllables(), "texts": TEXTS, "seeds": SEEDS, "kinds": KINDS}), "ascii")
    command = [sys.executable, "-c", PROGRAM, str(given), order, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | environment)
    assert ran.returncode == 0, ran.stderr
    prints, ids = json.loads(ran.stdout)
    return prints, ids


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def first(folder: Path) -> tuple[list[str], list[list[list[int]]]]:
    return run(folder / "first", "forwards", PYTHONHASHSEED="0")


@pytest.mark.parametrize(
    ("order", "environment"),
    [
        ("forwards", {"PYTHONHASHSEED": "4294967295", "LC_ALL": "C", "PYTHONUTF8": "0"}),
        ("backwards", {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2"}),
    ],
)
def test_other_processes_learn_and_draw_the_same(
    folder: Path, first: tuple[list[str], list[list[list[int]]]], order: str, environment: dict[str, str]
) -> None:
    prints, ids = run(folder / environment["PYTHONHASHSEED"], order, **environment)
    assert prints == first[0]
    assert ids == first[1]


def test_this_process_draws_the_same_from_what_another_learned(
    folder: Path, first: tuple[list[str], list[list[list[int]]]]
) -> None:
    for number, (print_, expected) in enumerate(zip(*first, strict=True)):
        tokenizer = load(folder / "first" / f"{number}.json")
        assert tokenizer.fingerprint() == print_
        assert [tokenizer.sample(text, seed) for text in TEXTS for seed in SEEDS] == expected
        cut = len({*map(tuple, expected)})
        assert (cut > len(TEXTS)) == isinstance(tokenizer, Subwords)  # random where it is meant to be


def test_lines_are_drawn_with_equal_chances_and_in_their_order_where_all_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from seq2seq.tokenizers.learning import _drawn

    assert list(_drawn(iter("abcde"), 5)) == list("abcde")
    lines = [*_drawn(iter(map(str, range(100_000))), 1000)]
    assert len(set(lines)) == 1000
    counts = [sum(begin <= int(line) < begin + 20_000 for line in lines) for begin in range(0, 100_000, 20_000)]
    assert all(150 < count < 250 for count in counts)
