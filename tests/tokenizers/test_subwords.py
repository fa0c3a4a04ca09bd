"""Tests of subwords."""

import threading
import unicodedata
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from tokenizer_texts import ANY_STRING, learn_subwords, make_lines

from seq2seq.tokenizers import Subwords, Tokenizer


def test_word_has_the_same_pieces_at_the_start_and_within_a_line(subwords: Tokenizer) -> None:
    assert subwords.encode("cats cats\ncats") == [
        *subwords.encode("cats"),
        *subwords.encode("cats"),
        *subwords.encode("\n"),
        *subwords.encode("cats"),
    ]
    assert len(subwords.encode("\n")) == 1


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_learning_is_deterministic(algorithm: str) -> None:
    first, second = (learn_subwords(Subwords(350, algorithm), make_lines()) for _ in range(2))
    assert first.fingerprint() == second.fingerprint()
    assert first.fingerprint() != learn_subwords(Subwords(350, algorithm), make_lines(seed=1)).fingerprint()


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_vocabulary_size_is_reduced_with_a_warning_for_small_texts(algorithm: str) -> None:
    tokenizer = Subwords(5000, algorithm)
    with pytest.warns(UserWarning, match=r"too small for 5000 subwords, so there are \d\d\d$") as warned:
        tokenizer.learn(["the cat", "a cat"])
    assert len(warned) == 1
    assert tokenizer.vocab_size < 5000
    assert tokenizer.decode(tokenizer.encode("the zebra")) == "the zebra"


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_size_below_the_number_of_characters_is_refused(algorithm: str) -> None:
    lines = ["".join(map(chr, range(0x4E00, 0x4E80)))] * 3
    with pytest.raises(ValueError, match=r"size \(300\) must be at least 389 for the characters of this text"):
        Subwords(300, algorithm).learn(lines)


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
@pytest.mark.parametrize("line", ["x" * 50_000, "hello world " * 5_000, "日本語" * 20_000])
def test_very_long_lines_are_learned_from(algorithm: str, line: str) -> None:
    tokenizer = learn_subwords(Subwords(300, algorithm, coverage=1.0), ["a b c", line])
    pieces = tokenizer.pieces(line[:12])
    assert not any(piece.startswith("<0x") for piece in pieces)


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_reserved_symbols_of_sentencepiece_are_learned_as_text(algorithm: str) -> None:
    tokenizer = learn_subwords(Subwords(400, algorithm), ["<unk> </s> <s> zoo", "▅ kiwi▁kiwi"] * 50)
    assert not any(piece.startswith("<0x") for piece in tokenizer.pieces("<unk> </s> zoo kiwi"))
    assert tokenizer.encode("<unk>") != [1]


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_rare_spaces_are_restored(algorithm: str) -> None:
    lines = [("abcdefghij" * 100)[number : number + 900] for number in range(30)]
    tokenizer = learn_subwords(Subwords(290, algorithm, sampling=0.5, coverage=0.98), [*lines, "k l m"])
    for text in ("ab cd", "  k  ", " ", "l m\n\na"):
        assert tokenizer.decode(tokenizer.encode(text)) == tokenizer.decode(tokenizer.sample(text, 1)) == text


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_learning_with_the_lowest_coverage(algorithm: str) -> None:
    tokenizer = learn_subwords(Subwords(300, algorithm, coverage=0.98), make_lines())
    assert tokenizer.decode(tokenizer.encode("the cat")) == "the cat"


def test_runs_of_spaces_become_pieces() -> None:
    tokenizer = learn_subwords(Subwords(300), ["        return x", "    y = 1", "        z = 2"] * 30)
    assert len(tokenizer.encode("        return")) < len(tokenizer.encode("return")) + 4


def test_sampling_depends_on_the_seed_alone(subwords: Tokenizer) -> None:
    line = "the biggest houses of the running cats"
    expected = [subwords.sample(line, seed) for seed in range(20)]
    assert len(set(map(tuple, expected))) > 5
    samples: dict[int, list[list[int]]] = {}

    def sample(name: int) -> None:
        samples[name] = [subwords.sample(line, seed) for seed in range(20)]

    threads = [threading.Thread(target=sample, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(samples[name] == expected for name in range(4))
    assert subwords.sample(line, 2**40 + 1) == subwords.sample(line, 2**40 + 1)
    assert subwords.sample(line, 2**32 - 1) == subwords.sample(line, 2**32 - 1)


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_higher_sampling_gives_longer_segmentations(algorithm: str) -> None:
    line = "the biggest houses of the running cats"
    lengths = []
    for sampling in (0.0, 0.3, 0.95):
        tokenizer = learn_subwords(Subwords(330, algorithm, sampling), make_lines())
        lengths.append(sum(len(tokenizer.sample(line, seed)) for seed in range(50)))
    assert lengths == sorted(lengths)
    assert lengths[0] == 50 * len(tokenizer.encode(line))
    assert lengths[2] > lengths[0]


@given(text=ANY_STRING)
@settings(max_examples=200)
def test_normalized_text_is_restored_in_its_normal_form(tokenizers: dict[str, Tokenizer], text: str) -> None:
    tokenizer = tokenizers["nfkc"]
    valid = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if valid.encode("utf-16") == text.encode("utf-16", "surrogatepass"):
        assert tokenizer.decode(tokenizer.encode(text)) == unicodedata.normalize("NFKC", text).lower()


def test_lone_surrogates_become_replacement_characters(subwords: Tokenizer) -> None:
    assert subwords.decode(subwords.encode("a\ud800b\udfff")) == "a�b�"


def test_lines_are_not_kept_in_memory() -> None:
    """A line is freed once the next one is read."""
    alive = 0

    class Line(str):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    max_alive = 0

    def lines() -> Iterator[str]:
        nonlocal alive, max_alive
        for line in make_lines(200):
            alive += 1
            max_alive = max(max_alive, alive)
            yield Line(line)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        Subwords(300).learn(lines())
    assert max_alive < 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 260}, r"size must be at least 261 .*, and 260 was given"),
        ({"algorithm": "wordpiece"}, "algorithm must be unigram or bpe, not 'wordpiece'"),
        ({"sampling": 1.5}, "sampling must be at least 0 and at most 1, and 1.5 was given"),
        ({"normalization": "nfc"}, "normalization must be identity or nfkc, not 'nfc'"),
        ({"coverage": 0.0}, r"coverage must be at least 0.98 and at most 1, and 0.0 was given"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Subwords(**options)


def test_nothing_is_printed_while_learning(capfd: pytest.CaptureFixture[str]) -> None:
    learn_subwords(Subwords(300), make_lines())
    assert capfd.readouterr() == ("", "")
