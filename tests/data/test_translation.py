"""Tests of a translator's data module: epochs, ranks, subword sampling, resuming and tokenizers."""

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


def make_sentence() -> str:
    return " ".join(_RANDOM.choices(_WORDS, k=_RANDOM.randint(1, 12)))


PAIRS = [(f"{make_sentence()} {number}", make_sentence()) for number in range(200)]
OTHER_PAIRS = [(f"{make_sentence()} {number}", make_sentence()) for number in range(31)]


def write(folder: Path, split: str, pairs: list[Pair]) -> None:
    folder.mkdir(exist_ok=True)
    for side, texts in zip(("de", "en"), zip(*pairs, strict=True), strict=True):
        (folder / f"{split}.{side}").write_text("".join(f"{text}\n" for text in texts))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write(tmp_path / "corpus", "train", PAIRS)
    write(tmp_path / "corpus", "validation", OTHER_PAIRS)
    write(tmp_path / "corpus", "test", OTHER_PAIRS[:5])
    return tmp_path / "corpus"


def make_data(
    corpus: Path, tokenizer: Tokenizer | str | None = None, rank: int = 0, ranks: int = 1, **options: Any
) -> Any:
    data = TranslationData(str(corpus), "de", "en", tokenizer or Words(), **{"batch_tokens": 100, **options})
    data.trainer = SimpleNamespace(global_rank=rank, world_size=ranks)  # type: ignore[assignment]
    return data


def make_subwords() -> Subwords:
    return Subwords(330, sampling=0.7)


def decode_pairs(data: Any, batch: TranslationBatch) -> list[Pair]:
    """Return the texts of a batch's pairs."""
    source, target = data.vocabularies
    return [
        (source.decode(ids), target.decode(inputs))
        for ids, inputs, targets in zip(batch.source.tolist(), batch.inputs.tolist(), batch.targets, strict=True)
        if (targets != PAD).any()
    ]


def count_targets(batch: TranslationBatch) -> int:
    return int((batch.targets != PAD).sum())


def to_lists(batch: TranslationBatch) -> list[Any]:
    return [part.tolist() if isinstance(part, torch.Tensor) else part for part in batch]


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr("seq2seq.data.translation.rank_zero_log", lines.append)
    return lines


@pytest.mark.parametrize("make", [Words, Characters, Bytes, make_subwords])
def test_every_pair_is_in_each_epoch_once(corpus: Path, make: type[Tokenizer]) -> None:
    data = make_data(corpus, make(), batch_tokens=400)
    loader = data.train_dataloader()
    epochs = [[pair for batch in loader for pair in decode_pairs(data, batch)] for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(PAIRS)
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_other_splits_are_complete_and_in_fixed_order(corpus: Path, split: str) -> None:
    data = make_data(corpus, Bytes())
    loader = data.val_dataloader() if split == "validation" else data.test_dataloader()
    first, second = list(loader), list(loader)
    assert list(map(to_lists, first)) == list(map(to_lists, second))
    assert sorted(pair for batch in first for pair in decode_pairs(data, batch)) == sorted(
        OTHER_PAIRS if split == "validation" else OTHER_PAIRS[:5]
    )
    assert all(batch.tokens == count_targets(batch) for batch in first)


def test_predict_dataloader_keeps_the_order(corpus: Path) -> None:
    write(corpus, "test", PAIRS)
    data = make_data(corpus, Bytes())
    assert [pair for batch in data.predict_dataloader() for pair in decode_pairs(data, batch)] == PAIRS


def test_batches_keep_to_batch_tokens_on_both_sides(corpus: Path) -> None:
    for batch in make_data(corpus).train_dataloader():
        assert max(batch.source.numel(), batch.targets.numel()) <= 100


@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("make", [Words, make_subwords])
def test_ranks_share_the_pairs_in_equally_many_steps(corpus: Path, make: type[Tokenizer], ranks: int) -> None:
    # batches of one to four pairs: many do not divide evenly, and some leave a rank without a pair
    rank_data = [make_data(corpus, make(), rank, ranks, batch_tokens=40) for rank in range(ranks)]
    rank_batches = [(list(data.train_dataloader()), list(data.val_dataloader())) for data in rank_data]
    single = make_data(corpus, make(), batch_tokens=40)
    empty = 0
    for loader, expected, shares in (
        (single.train_dataloader(), PAIRS, [train for train, _ in rank_batches]),
        (single.val_dataloader(), OTHER_PAIRS, [validation for _, validation in rank_batches]),
    ):
        found: list[Pair] = []
        for global_batch, *batches in zip(loader, *shares, strict=True):
            joined = [pair for batch in batches for pair in decode_pairs(single, batch)]
            assert sorted(joined) == sorted(decode_pairs(single, global_batch))
            assert {batch.tokens for batch in batches} == {global_batch.tokens} == {sum(map(count_targets, batches))}
            empty += sum(count_targets(batch) == 0 for batch in batches)
            found += joined
        assert sorted(found) == sorted(expected)
    assert empty > 0


def test_sampled_segmentations_depend_on_seed_epoch_and_pair_only(corpus: Path) -> None:
    def segment(epoch: int, **options: Any) -> dict[Pair, tuple[Any, Any]]:
        """Return the ids of each pair."""
        data = make_data(corpus, make_subwords(), **options)
        loader = data.train_dataloader()
        for _ in range(epoch):
            list(loader)
        found = {}
        for batch in loader:
            rows = zip(batch.source.tolist(), batch.targets.tolist(), strict=True)
            ids = [tuple([token for token in side if token != PAD] for side in row) for row in rows if row[1] != [PAD]]
            found.update(zip(decode_pairs(data, batch), ids, strict=True))
        return found

    first = segment(0)
    assert segment(0, batch_tokens=400) == first
    assert segment(0, rank=0, ranks=2) | segment(0, rank=1, ranks=2) == first
    for other in (segment(1), segment(0, seed=2)):
        assert sum(other[pair] != first[pair] for pair in PAIRS) > len(PAIRS) / 2


def test_equal_source_and_target_are_sampled_independently(corpus: Path) -> None:
    write(corpus, "train", [(text, text) for text, _ in PAIRS])
    for batch in islice(make_data(corpus, make_subwords()).train_dataloader(), 3):
        rows = zip(batch.source.tolist(), batch.targets.tolist(), strict=True)
        assert any([i for i in source if i != PAD] != [i for i in target if i != PAD] for source, target in rows)


def test_sample_above_max_length_is_replaced_by_the_deterministic_encoding(corpus: Path) -> None:
    tokenizer = make_subwords()
    tokenizer.learn(text for pair in PAIRS for text in pair)
    text = max((source for source, _ in PAIRS), key=len)
    shortest = len(tokenizer.encode(text))
    assert any(len(tokenizer.sample(text, seed)) > shortest for seed in range(10))
    write(corpus, "train", [(text, text)] * 30)
    data = make_data(corpus, tokenizer, max_length=shortest)
    batches = list(data.train_dataloader())
    assert [pair for batch in batches for pair in decode_pairs(data, batch)] == [(text, text)] * 30
    assert max(batch.targets.shape[1] for batch in batches) == shortest + 1


def test_seed_decides_the_order(corpus: Path) -> None:
    def load_batches(seed: int) -> list[list[Any]]:
        return [to_lists(batch) for batch in make_data(corpus, seed=seed).train_dataloader()]

    assert load_batches(1) == load_batches(1)
    assert load_batches(1) != load_batches(2)
    with pytest.raises(ValueError, match=r"seed must be at least 0 .*, and -1 was given"):
        make_data(corpus, seed=-1)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize(("stop", "workers"), [(0, 0), (3, 0), (None, 0), (3, 2)])
def test_resume_continues_with_the_next_batch(corpus: Path, stop: int | None, workers: int) -> None:
    def make_loader() -> Any:
        return make_data(corpus, make_subwords(), batch_tokens=200, workers=workers).train_dataloader()

    uninterrupted, stopped, resumed = make_loader(), make_loader(), make_loader()
    expected = [to_lists(batch) for _ in range(2) for batch in uninterrupted]
    first_part = [to_lists(batch) for batch in islice(stopped, len(stopped) if stop is None else stop)]
    resumed.load_state_dict(stopped.state_dict())
    second_part = [to_lists(batch) for _ in range(2) for batch in resumed][: len(expected) - len(first_part)]
    assert first_part + second_part == expected


def test_empty_and_long_pairs_are_left_out_of_training(corpus: Path, messages: list[str]) -> None:
    write(corpus, "train", [("", "a"), ("a", ""), ("a " * 200, ""), ("a " * 200, "a"), *PAIRS, ("a", "a " * 151)])
    data = make_data(corpus)
    found = [pair for batch in data.train_dataloader() for pair in decode_pairs(data, batch)]
    assert sorted(found) == sorted(PAIRS)
    assert messages == ["train: 200 pairs (left out: 3 with an empty side, 2 longer than 150 tokens)"]


def test_pair_of_exactly_max_length_is_used(corpus: Path) -> None:
    write(corpus, "train", [("a " * 6 + "a", "b"), ("b", "a " * 7 + "a")])
    data = make_data(corpus, max_length=7)
    assert [decode_pairs(data, batch) for batch in data.train_dataloader()] == [[("a a a a a a a", "b")]]


def test_output_lengths_are_learned_from_usable_training_pairs(corpus: Path) -> None:
    write(corpus, "train", [("a", "b b"), ("a a a", "b"), ("a a", "b b b"), ("", "b b b b b"), ("a", "b " * 9)])
    data = make_data(corpus, max_length=5)
    learned = data.output_lengths
    assert learned == OutputLengths(sources=[1, 2], targets=[2, 3], longest_source=3, ratio=[2, 1])
    assert learned.limits([1, 2, 3, 4]) == [13, 15, 15, 22]

    write(corpus, "train", OTHER_PAIRS)
    data.load_state_dict({**make_data(corpus).state_dict(), "tokenizers": data.state_dict()["tokenizers"]})
    assert data.output_lengths == make_data(corpus).output_lengths != learned
    with pytest.raises(UserError, match="output_lengths must have the entries"):
        data.load_state_dict({"tokenizers": data.state_dict()["tokenizers"]})


def test_output_lengths_do_not_depend_on_sampling(corpus: Path) -> None:
    sampled, deterministic = make_data(corpus, make_subwords()), make_data(corpus, Subwords(330))
    next(iter(sampled.train_dataloader()))
    assert sampled.output_lengths == deterministic.output_lengths


def test_corpus_without_usable_pairs_is_refused(corpus: Path) -> None:
    write(corpus, "train", [("", "a"), ("a b c d", "a"), ("a b c", "a b c d e"), ("", "a b c d")])
    with pytest.raises(ValueError, match=r"of 4 there are 2 with an empty side, 2 longer than max_length=3") as caught:
        make_data(corpus, max_length=3).train_dataloader()
    assert "\n" not in str(caught.value)


def test_long_pairs_of_other_splits_are_truncated(corpus: Path, messages: list[str]) -> None:
    write(corpus, "train", [("a b c d e", "a b c d e")])
    write(corpus, "validation", [("a b c d e", "a b"), ("", "a b c d"), ("a", "")])
    data = make_data(corpus, max_length=3)
    data.vocabularies  # noqa: B018
    batches = list(data.val_dataloader())
    found = [pair for batch in batches for pair in decode_pairs(data, batch)]
    assert sorted(found) == [("", "a b c"), ("a", ""), ("a b c", "a b")]
    assert sum(batch.tokens for batch in batches) == sum(map(count_targets, batches)) == 3 + 4 + 1
    assert all((batch.targets == EOS).sum() == len(batch.targets) for batch in batches)
    assert messages == ["validation: 3 pairs (truncated: 2 longer than 3 tokens)"]


def test_unknown_tokens_are_logged_for_each_side_and_split(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only usable pairs count."""
    write(corpus, "train", [("a b c", "x y"), ("a <unk> c", "x z z"), ("<unk> " * 9, "x")])
    write(corpus, "validation", [("a new c", "a new x")])
    data = make_data(corpus, Words(), target_tokenizer=Words(), max_length=5)
    data.train_dataloader()
    data.val_dataloader()
    data.val_dataloader()
    messages = [line for line in capsys.readouterr().err.splitlines() if "vocabulary and" in line]
    tail = "not in the vocabulary and {} read as <unk>"
    assert messages == [
        "train: 1 of 6 source tokens (16.67 %) is " + tail.format("is"),
        "validation: 1 of 3 source tokens (33.33 %) is " + tail.format("is"),
        "validation: 2 of 3 target tokens (66.67 %) are " + tail.format("are"),
    ]


def test_vocabulary_is_shared_unless_there_is_a_target_tokenizer(corpus: Path) -> None:
    write(corpus, "train", [("eins zwei", "one two"), ("drei", "three")])
    shared = make_data(corpus)
    assert shared.shared_vocabulary
    assert shared.source_vocab_size == shared.target_vocab_size == 5 + 6
    separate = make_data(corpus, target_tokenizer=Characters())
    assert not separate.shared_vocabulary
    assert separate.vocabularies.source.pieces("drei one") == ["drei", "<unk>"]
    assert (separate.source_vocab_size, separate.target_vocab_size) == (5 + 3, 5 + len(set("one two three")))
    same_class = make_data(corpus, target_tokenizer=Words())
    assert [same_class.vocabularies.target.pieces(text) for text in ("drei", "three")] == [["<unk>"], ["three"]]


def test_tokenizer_from_a_file(corpus: Path, tmp_path: Path) -> None:
    words = Words()
    words.learn(["some words"])
    path = str(tmp_path / "words.json")
    tokenizers.save(words, path)
    assert make_data(corpus, path).vocabularies == (words, words)
    assert make_data(corpus, path).shared_vocabulary
    assert make_data(corpus, Bytes(), target_tokenizer=path).vocabularies == (Bytes(), words)


def test_tokenizers_from_a_checkpoint(corpus: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "trained.ckpt")
    for first in (make_data(corpus), make_data(corpus, target_tokenizer=Characters())):
        checkpoints.save({"TranslationData": first.state_dict()}, path)
        write(corpus, "train", OTHER_PAIRS)
        second = make_data(corpus, path)
        assert second.vocabularies == first.vocabularies
        assert second.shared_vocabulary == first.shared_vocabulary
        checkpoint = torch.load(path, weights_only=True)
        second.load_state_dict(checkpoint["TranslationData"])
        with pytest.raises(ValueError, match="the source tokenizer of the checkpoint"):
            make_data(corpus, Bytes()).load_state_dict(checkpoint["TranslationData"])
        write(corpus, "train", PAIRS)


def test_changed_content_of_equal_size_and_time_stamp_is_read(corpus: Path) -> None:
    def load_pairs() -> list[Pair]:
        data = make_data(corpus)
        return sorted(pair for batch in data.train_dataloader() for pair in decode_pairs(data, batch))

    path = corpus / "train.de"
    old_stat = path.stat()
    assert load_pairs() == sorted(PAIRS)
    path.write_text(path.read_text().replace("a", "z"))
    os.utime(path, ns=(old_stat.st_atime_ns, old_stat.st_mtime_ns))
    assert path.stat().st_size == old_stat.st_size
    assert load_pairs() == sorted((source.replace("a", "z"), target) for source, target in PAIRS)


def test_second_run_uses_the_caches(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = list(map(to_lists, make_data(corpus).train_dataloader()))

    def fail(*_: Any) -> None:
        pytest.fail("was called again")

    monkeypatch.setattr(Words, "learn", fail)
    monkeypatch.setattr(Words, "encode", fail)
    assert list(map(to_lists, make_data(corpus).train_dataloader())) == first


def test_data_module_and_loaders_can_be_pickled(corpus: Path) -> None:
    data = make_data(corpus, make_subwords(), batch_tokens=200)
    for loader in (data.train_dataloader(), data.val_dataloader()):
        copy = pickle.loads(pickle.dumps(loader))
        assert list(map(to_lists, copy)) == list(map(to_lists, loader))
    data.trainer = None
    assert len(pickle.loads(pickle.dumps(data)).train_dataloader()) == len(data.train_dataloader())
