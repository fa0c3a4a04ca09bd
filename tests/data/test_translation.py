"""Laws of pairs for a translator: none is lost, repeated or silently dropped, on any number of processes."""

import os
import pickle
import random
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from seq2seq import checkpoint as checkpoints
from seq2seq import tokenizers
from seq2seq.batch import TranslationBatch
from seq2seq.data.output_lengths import OutputLengths
from seq2seq.data.translation import TranslationData
from seq2seq.errors import UserError
from seq2seq.special_tokens import EOS, PAD
from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words

Pair = tuple[str, str]

_RANDOM = random.Random(1)
_WORDS = ["".join(_RANDOM.choices("abcdefgh", k=_RANDOM.randint(1, 8))) for _ in range(150)]


def sentence() -> str:
    return " ".join(_RANDOM.choices(_WORDS, k=_RANDOM.randint(1, 12)))


PAIRS = [(f"{sentence()} {number}", sentence()) for number in range(200)]
UNSEEN = [(f"{sentence()} {number}", sentence()) for number in range(31)]


def write(folder: Path, split: str, pairs: list[Pair]) -> None:
    folder.mkdir(exist_ok=True)
    for side, texts in zip(("de", "en"), zip(*pairs, strict=True), strict=True):
        (folder / f"{split}.{side}").write_text("".join(f"{text}\n" for text in texts))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write(tmp_path / "corpus", "train", PAIRS)
    write(tmp_path / "corpus", "validation", UNSEEN)
    write(tmp_path / "corpus", "test", UNSEEN[:5])
    return tmp_path / "corpus"


def small(corpus: Path, tokenizer: Tokenizer | str | None = None, rank: int = 0, ranks: int = 1, **options: Any) -> Any:
    data = TranslationData(str(corpus), "de", "en", tokenizer or Words(), **{"batch_tokens": 100, **options})
    data.trainer = SimpleNamespace(global_rank=rank, world_size=ranks)  # type: ignore[assignment]
    return data


def subwords() -> Subwords:
    return Subwords(330, sampling=0.7)


def pairs_of(data: Any, batch: TranslationBatch) -> list[Pair]:
    """The texts that a batch asks for."""
    source, target = data.vocabularies
    return [
        (source.decode(before), target.decode(inputs))
        for before, inputs, targets in zip(batch.source.tolist(), batch.inputs.tolist(), batch.targets, strict=True)
        if (targets != PAD).any()
    ]


def asked(batch: TranslationBatch) -> int:
    return int((batch.targets != PAD).sum())


def plain(batch: TranslationBatch) -> list[Any]:
    return [part.tolist() if isinstance(part, torch.Tensor) else part for part in batch]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr("seq2seq.data.translation.say", lines.append)
    return lines


@pytest.mark.parametrize("make", [Words, Characters, Bytes, subwords])
def test_every_pair_is_in_each_epoch_once(corpus: Path, make: type[Tokenizer]) -> None:
    data = small(corpus, make(), batch_tokens=400)
    loader = data.train_dataloader()
    epochs = [[pair for batch in loader for pair in pairs_of(data, batch)] for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(PAIRS)
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_other_splits_are_read_whole_and_the_same_each_time(corpus: Path, split: str) -> None:
    data = small(corpus, Bytes())
    loader = data.val_dataloader() if split == "validation" else data.test_dataloader()
    first, second = list(loader), list(loader)
    assert list(map(plain, first)) == list(map(plain, second))
    assert sorted(pair for batch in first for pair in pairs_of(data, batch)) == sorted(
        UNSEEN if split == "validation" else UNSEEN[:5]
    )
    assert all(batch.tokens == asked(batch) for batch in first)


def test_predictions_come_in_the_order_of_the_test_split(corpus: Path) -> None:
    write(corpus, "test", PAIRS)
    data = small(corpus, Bytes())
    assert [pair for batch in data.predict_dataloader() for pair in pairs_of(data, batch)] == PAIRS


def test_a_batch_keeps_within_its_tokens_on_both_sides(corpus: Path) -> None:
    for batch in small(corpus).train_dataloader():
        assert max(batch.source.numel(), batch.targets.numel()) <= 100


@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("make", [Words, subwords])
def test_ranks_together_have_every_pair_once_in_equally_many_steps(
    corpus: Path, make: type[Tokenizer], ranks: int
) -> None:
    # batches of one to four pairs: many leave a remainder, and some leave a rank without any pair
    parts = [small(corpus, make(), rank, ranks, batch_tokens=40) for rank in range(ranks)]
    read = [(list(data.train_dataloader()), list(data.val_dataloader())) for data in parts]
    alone = small(corpus, make(), batch_tokens=40)
    empty = 0
    for loader, expected, shares in (
        (alone.train_dataloader(), PAIRS, [train for train, _ in read]),
        (alone.val_dataloader(), UNSEEN, [validation for _, validation in read]),
    ):
        found: list[Pair] = []
        for whole, *batches in zip(loader, *shares, strict=True):
            together = [pair for batch in batches for pair in pairs_of(alone, batch)]
            assert sorted(together) == sorted(pairs_of(alone, whole))
            assert {batch.tokens for batch in batches} == {whole.tokens} == {sum(map(asked, batches))}
            empty += sum(asked(batch) == 0 for batch in batches)
            found += together
        assert sorted(found) == sorted(expected)
    assert empty > 0


def test_the_cut_of_a_pair_depends_on_seed_epoch_and_pair_and_on_nothing_else(corpus: Path) -> None:
    def cuts(epoch: int, **options: Any) -> dict[Pair, tuple[Any, Any]]:
        """The ids of each pair, whatever batch it lies in."""
        data = small(corpus, subwords(), **options)
        loader = data.train_dataloader()
        for _ in range(epoch):
            list(loader)
        found = {}
        for batch in loader:
            rows = zip(batch.source.tolist(), batch.targets.tolist(), strict=True)
            ids = [tuple([one for one in side if one != PAD] for side in row) for row in rows if row[1] != [PAD]]
            found.update(zip(pairs_of(data, batch), ids, strict=True))
        return found

    first = cuts(0)
    assert cuts(0, batch_tokens=400) == first
    assert cuts(0, rank=0, ranks=2) | cuts(0, rank=1, ranks=2) == first
    for other in (cuts(1), cuts(0, seed=2)):
        assert sum(other[pair] != first[pair] for pair in PAIRS) > len(PAIRS) / 2


def test_equal_texts_of_a_pair_are_cut_apart(corpus: Path) -> None:
    write(corpus, "train", [(text, text) for text, _ in PAIRS])
    for batch in islice(small(corpus, subwords()).train_dataloader(), 3):
        rows = zip(batch.source.tolist(), batch.targets.tolist(), strict=True)
        assert any([i for i in source if i != PAD] != [i for i in target if i != PAD] for source, target in rows)


def test_a_random_cut_that_is_too_long_gives_way_to_the_usual_one(corpus: Path) -> None:
    tokenizer = subwords()
    tokenizer.learn(text for pair in PAIRS for text in pair)
    text = max((source for source, _ in PAIRS), key=len)
    shortest = len(tokenizer.encode(text))
    assert any(len(tokenizer.sample(text, seed)) > shortest for seed in range(10))
    write(corpus, "train", [(text, text)] * 30)
    data = small(corpus, tokenizer, max_length=shortest)
    batches = list(data.train_dataloader())
    assert [pair for batch in batches for pair in pairs_of(data, batch)] == [(text, text)] * 30
    assert max(batch.targets.shape[1] for batch in batches) == shortest + 1


def test_seed_and_epoch_decide_the_order(corpus: Path) -> None:
    def order(seed: int) -> list[list[Any]]:
        return [plain(batch) for batch in small(corpus, seed=seed).train_dataloader()]

    assert order(1) == order(1)
    assert order(1) != order(2)
    with pytest.raises(ValueError, match=r"seed must be at least 0 .*, and -1 was given"):
        small(corpus, seed=-1)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize(("stop", "workers"), [(0, 0), (3, 0), (None, 0), (3, 2)])
def test_training_continues_where_it_stopped(corpus: Path, stop: int | None, workers: int) -> None:
    def loader() -> Any:
        return small(corpus, subwords(), batch_tokens=200, workers=workers).train_dataloader()

    whole, stopped, resumed = loader(), loader(), loader()
    expected = [plain(batch) for _ in range(2) for batch in whole]
    taken = [plain(batch) for batch in islice(stopped, len(stopped) if stop is None else stop)]
    resumed.load_state_dict(stopped.state_dict())
    assert taken + [plain(batch) for _ in range(2) for batch in resumed][: len(expected) - len(taken)] == expected


def test_pairs_that_are_empty_or_too_long_are_left_out_of_training_and_counted(corpus: Path, said: list[str]) -> None:
    write(corpus, "train", [("", "a"), ("a", ""), ("a " * 200, ""), ("a " * 200, "a"), *PAIRS, ("a", "a " * 151)])
    data = small(corpus)
    found = [pair for batch in data.train_dataloader() for pair in pairs_of(data, batch)]
    assert sorted(found) == sorted(PAIRS)
    assert said == ["train: 200 pairs (left out: 3 with an empty side, 2 longer than 150 tokens)"]


def test_a_pair_of_just_the_greatest_length_is_kept(corpus: Path) -> None:
    write(corpus, "train", [("a " * 6 + "a", "b"), ("b", "a " * 7 + "a")])
    data = small(corpus, max_length=7)
    assert [pairs_of(data, batch) for batch in data.train_dataloader()] == [[("a a a a a a a", "b")]]


def test_the_lengths_of_translations_are_learned_from_the_pairs_that_train(corpus: Path) -> None:
    write(corpus, "train", [("a", "b b"), ("a a a", "b"), ("a a", "b b b"), ("", "b b b b b"), ("a", "b " * 9)])
    data = small(corpus, max_length=5)
    learned = data.output_lengths
    assert learned == OutputLengths(sources=[1, 2], targets=[2, 3], longest_source=3, ratio=[2, 1])
    assert learned.limits([1, 2, 3, 4]) == [13, 15, 15, 22]

    write(corpus, "train", UNSEEN)
    data.load_state_dict({**small(corpus).state_dict(), "tokenizers": data.state_dict()["tokenizers"]})
    assert data.output_lengths == small(corpus).output_lengths != learned
    with pytest.raises(UserError, match="output_lengths must have the entries"):
        data.load_state_dict({"tokenizers": data.state_dict()["tokenizers"]})


def test_sampled_subwords_do_not_change_the_lengths_of_translations(corpus: Path) -> None:
    sampled, usual = small(corpus, subwords()), small(corpus, Subwords(330))
    next(iter(sampled.train_dataloader()))
    assert sampled.output_lengths == usual.output_lengths


def test_no_pair_left_is_one_sentence_with_the_numbers(corpus: Path) -> None:
    write(corpus, "train", [("", "a"), ("a b c d", "a"), ("a b c", "a b c d e"), ("", "a b c d")])
    with pytest.raises(ValueError, match=r"of 4 there are 2 with an empty side, 2 longer than max_length=3") as caught:
        small(corpus, max_length=3).train_dataloader()
    assert "\n" not in str(caught.value)


def test_other_pairs_are_cut_and_not_left_out(corpus: Path, said: list[str]) -> None:
    write(corpus, "train", [("a b c d e", "a b c d e")])
    write(corpus, "validation", [("a b c d e", "a b"), ("", "a b c d"), ("a", "")])
    data = small(corpus, max_length=3)
    data.vocabularies  # noqa: B018
    batches = list(data.val_dataloader())
    found = [pair for batch in batches for pair in pairs_of(data, batch)]
    assert sorted(found) == [("", "a b c"), ("a", ""), ("a b c", "a b")]
    assert sum(batch.tokens for batch in batches) == sum(map(asked, batches)) == 3 + 4 + 1
    assert all((batch.targets == EOS).sum() == len(batch.targets) for batch in batches)
    assert said == ["validation: 3 pairs (cut: 2 longer than 3 tokens)"]


def test_what_a_side_does_not_know_is_said_for_each_split(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the pairs that are used."""
    write(corpus, "train", [("a b c", "x y"), ("a <unk> c", "x z z"), ("<unk> " * 9, "x")])
    write(corpus, "validation", [("a new c", "a new x")])
    data = small(corpus, Words(), target_tokenizer=Words(), max_length=5)
    data.train_dataloader()
    data.val_dataloader()
    data.val_dataloader()
    said = [line for line in capsys.readouterr().err.splitlines() if "vocabulary and" in line]
    tail = "not in the vocabulary and {} read as <unk>"
    assert said == [
        "train: 1 of 6 source tokens (16.67 %) is " + tail.format("is"),
        "validation: 1 of 3 source tokens (33.33 %) is " + tail.format("is"),
        "validation: 2 of 3 target tokens (66.67 %) are " + tail.format("are"),
    ]


def test_one_vocabulary_is_learned_from_both_sides_and_two_from_one_each(corpus: Path) -> None:
    write(corpus, "train", [("eins zwei", "one two"), ("drei", "three")])
    shared = small(corpus)
    assert shared.shared_vocabulary
    assert shared.source_vocab_size == shared.target_vocab_size == 5 + 6
    apart = small(corpus, target_tokenizer=Characters())
    assert not apart.shared_vocabulary
    assert apart.vocabularies.source.pieces("drei one") == ["drei", "<unk>"]
    assert (apart.source_vocab_size, apart.target_vocab_size) == (5 + 3, 5 + len(set("one two three")))
    alike = small(corpus, target_tokenizer=Words())
    assert [alike.vocabularies.target.pieces(text) for text in ("drei", "three")] == [["<unk>"], ["three"]]


def test_a_tokenizer_from_a_file_serves_both_sides_or_one(corpus: Path, tmp_path: Path) -> None:
    words = Words()
    words.learn(["some words"])
    path = str(tmp_path / "words.json")
    tokenizers.save(words, path)
    assert small(corpus, path).vocabularies == (words, words)
    assert small(corpus, path).shared_vocabulary
    assert small(corpus, Bytes(), target_tokenizer=path).vocabularies == (Bytes(), words)


def test_tokenizers_from_a_checkpoint_are_those_of_its_training(corpus: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "trained.ckpt")
    for first in (small(corpus), small(corpus, target_tokenizer=Characters())):
        checkpoints.save({"TranslationData": first.state_dict()}, path)
        write(corpus, "train", UNSEEN)
        second = small(corpus, path)
        assert second.vocabularies == first.vocabularies
        assert second.shared_vocabulary == first.shared_vocabulary
        checkpoint = torch.load(path, weights_only=True)
        second.load_state_dict(checkpoint["TranslationData"])
        with pytest.raises(ValueError, match="the source tokenizer of the checkpoint"):
            small(corpus, Bytes()).load_state_dict(checkpoint["TranslationData"])
        write(corpus, "train", PAIRS)


def test_changed_content_is_seen_though_size_and_time_stamp_are_not(corpus: Path) -> None:
    def found() -> list[Pair]:
        data = small(corpus)
        return sorted(pair for batch in data.train_dataloader() for pair in pairs_of(data, batch))

    path = corpus / "train.de"
    before = path.stat()
    assert found() == sorted(PAIRS)
    path.write_text(path.read_text().replace("a", "z"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert found() == sorted((source.replace("a", "z"), target) for source, target in PAIRS)


def test_a_second_run_neither_learns_nor_encodes_again(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = list(map(plain, small(corpus).train_dataloader()))

    def again(*_: Any) -> None:
        pytest.fail("was done again")

    monkeypatch.setattr(Words, "learn", again)
    monkeypatch.setattr(Words, "encode", again)
    assert list(map(plain, small(corpus).train_dataloader())) == first


def test_data_can_go_to_a_process_that_shares_no_memory(corpus: Path) -> None:
    data = small(corpus, subwords(), batch_tokens=200)
    for loader in (data.train_dataloader(), data.val_dataloader()):
        there = pickle.loads(pickle.dumps(loader))
        assert list(map(plain, there)) == list(map(plain, loader))
    data.trainer = None
    assert len(pickle.loads(pickle.dumps(data)).train_dataloader()) == len(data.train_dataloader())
