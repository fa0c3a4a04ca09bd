"""Tests of a language model's data module: splits, held-out text, ranks and resuming."""

import math
import pickle
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from seq2seq import checkpoint as checkpoints
from seq2seq.batch import LanguageBatch
from seq2seq.data.language import LanguageData
from seq2seq.errors import UserError
from seq2seq.special_tokens import BOS, PAD
from seq2seq.tokenizers import Bytes, Characters, Subwords, Tokenizer, Words

TEXT = "".join(f"line {number} of the text, with wörds in it\n" for number in range(60))
OTHER_TEXT = "another text\nof two lines\n"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "train.txt").write_text(TEXT)
    return folder


def make_data(corpus: Path, tokenizer: Tokenizer | str | None = None, **options: Any) -> LanguageData:
    return LanguageData(str(corpus), tokenizer, **{"batch_size": 4, "steps": 8, **options})


def get_targets(batches: list[LanguageBatch]) -> list[int]:
    """Return the targets of one rank's streams, one stream after the other, without padding."""
    targets = torch.cat([batch.targets for batch in batches], dim=1).flatten()
    return [token for token in targets.tolist() if token != PAD]


@pytest.mark.parametrize("make", [Characters, Bytes, Words, lambda: Subwords(290)])
def test_batches_contain_the_text_of_every_split(corpus: Path, make: Callable[[], Tokenizer]) -> None:
    for split in ("validation", "test"):
        (corpus / f"{split}.txt").write_text(f"{split} of the text\n{TEXT}")
    data = make_data(corpus, make())
    text = {"train": TEXT, "validation": f"validation of the text\n{TEXT}", "test": f"test of the text\n{TEXT}"}
    for split, loader in (
        ("train", data.train_dataloader()),
        ("validation", data.val_dataloader()),
        ("test", data.test_dataloader()),
    ):
        assert get_targets(list(loader)) == data.tokenizer.encode(text[split])
    assert data.vocab_size == data.tokenizer.vocab_size > max(data.ids("train"))


def test_default_tokenizer_is_characters(corpus: Path) -> None:
    data = make_data(corpus, held_out=0.001)
    assert isinstance(data.tokenizer, Characters)
    assert data.tokenizer.decode([*data.ids("train"), *data.ids("validation")]) == TEXT


@pytest.mark.parametrize("held_out", [0.1, 0.25])
def test_end_of_the_text_is_held_out_without_validation_split(corpus: Path, held_out: float) -> None:
    data = make_data(corpus, Bytes(), held_out=held_out)
    train, validation = data.ids("train").tolist(), data.ids("validation").tolist()
    assert train[0] == validation[0] == BOS
    assert train[1:] + validation[1:] == Bytes().encode(TEXT)
    assert len(validation) == pytest.approx(held_out * len(train + validation), rel=0.1)
    assert get_targets(list(data.train_dataloader())) == train[1:]
    assert get_targets(list(data.val_dataloader())) == validation[1:]


def test_nothing_is_held_out_with_a_validation_split(corpus: Path) -> None:
    (corpus / "valid.txt").write_text(OTHER_TEXT)
    data = make_data(corpus, Bytes())
    assert Bytes().decode(data.ids("train")) == TEXT
    assert Bytes().decode(data.ids("validation")) == OTHER_TEXT


def test_predict_dataloader_reads_the_test_split_as_one_stream(corpus: Path) -> None:
    (corpus / "test.txt").write_text(OTHER_TEXT)
    batches = list(make_data(corpus, Bytes()).predict_dataloader())
    assert {len(batch.inputs) for batch in batches} == {1}
    assert Bytes().decode(get_targets(batches)) == OTHER_TEXT


def test_ids_of_a_split_encode_its_text(corpus: Path) -> None:
    data = make_data(corpus, Bytes())
    for split in ("train", "validation"):
        assert Bytes().decode(data.ids(split)) == "".join(data.text(split))


def test_single_file_is_a_corpus(corpus: Path) -> None:
    data = make_data(corpus / "train.txt", Bytes())
    assert Bytes().decode([*data.ids("train"), *data.ids("validation")]) == TEXT


def test_missing_split_is_refused(corpus: Path) -> None:
    with pytest.raises(ValueError, match="no split 'test'") as caught:
        make_data(corpus).test_dataloader()
    assert "\n" not in str(caught.value)


def test_text_too_short_to_hold_out_is_refused(corpus: Path) -> None:
    (corpus / "train.txt").write_text("a")
    for split in ("train", "validation"):
        with pytest.raises(UserError, match=r"its 1 characters are too few to keep 0\.1 of them"):
            make_data(corpus).ids(split)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, math.nan])
def test_held_out_share_has_a_range(corpus: Path, share: float) -> None:
    with pytest.raises(UserError, match="held_out must be above 0 and below 1"):
        make_data(corpus, held_out=share)


@pytest.mark.parametrize("option", ["batch_size", "steps", "workers"])
def test_counts_have_a_range(corpus: Path, option: str) -> None:
    for wrong in (-1, 10**20):
        with pytest.raises(UserError, match=f"{option} must be at least . and at most"):
            make_data(corpus, **{option: wrong})


@pytest.mark.parametrize("make", [Characters, Words])
def test_unknown_tokens_are_logged_once_per_split(
    corpus: Path, make: type[Tokenizer], capsys: pytest.CaptureFixture[str]
) -> None:
    (corpus / "valid.txt").write_text("line Ω of the\n")
    data = make_data(corpus, make())
    data.train_dataloader()
    data.val_dataloader()
    data.val_dataloader()
    messages = [line for line in capsys.readouterr().err.splitlines() if "<unk>" in line]
    count, share = (14, "7.14") if make is Characters else (5, "20.00")
    assert messages == [
        f"validation: 1 of {count} tokens ({share} %) is not in the vocabulary and is read as <unk>",
    ]


def test_tokenizer_does_not_learn_from_held_out_text(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus / "train.txt").write_text(TEXT + "Ω\n")
    data = make_data(corpus)
    assert "Ω" not in data.tokenizer.units()
    assert "\nΩ\n" in "".join(data.text("validation"))
    list(data.val_dataloader())
    assert "validation: 1 of " in capsys.readouterr().err


def test_words_are_not_split_between_blocks_when_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    word = "x" * 200_000
    (tmp_path / "train.txt").write_text(f"{word} one {'two ' * 50_000}\nthree\n")
    (tmp_path / "val.txt").write_text("one two three\n")
    data = LanguageData(str(tmp_path), Words(), batch_size=1, steps=8)
    assert data.tokenizer.encode(word) != data.tokenizer.encode("unknown")
    assert word[:65536] not in data.tokenizer.units()
    data.train_dataloader()
    assert "not in the vocabulary" not in capsys.readouterr().err


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_the_streams_in_equally_many_steps(corpus: Path, ranks: int) -> None:
    def load_batches(rank: int, ranks: int) -> list[list[LanguageBatch]]:
        data = make_data(corpus, Bytes())
        data.trainer = SimpleNamespace(global_rank=rank, world_size=ranks)  # type: ignore[assignment]
        return [list(data.train_dataloader()), list(data.val_dataloader())]

    shares = (load_batches(rank, ranks) for rank in range(ranks))
    for global_batches, *rank_batches in zip(load_batches(0, 1), *shares, strict=True):
        for global_batch, *parts in zip(global_batches, *rank_batches, strict=True):
            joined = torch.empty_like(global_batch.targets)
            for rank, part in enumerate(parts):
                joined[rank::ranks] = part.targets
                assert part.tokens == global_batch.tokens
            assert torch.equal(joined, global_batch.targets)


def test_fewer_streams_than_processes_are_refused(corpus: Path) -> None:
    data = make_data(corpus, Bytes(), batch_size=2)
    data.trainer = SimpleNamespace(global_rank=0, world_size=3)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="2 streams cannot be split over 3 processes: batch_size must be at least 3"):
        data.train_dataloader()
    assert len(next(iter(data.val_dataloader())).inputs) == 1


@pytest.mark.parametrize("batch_size", [27, 2**31 - 1])
def test_more_streams_than_tokens_are_refused(corpus: Path, batch_size: int) -> None:
    (corpus / "train.txt").write_text(OTHER_TEXT)
    (corpus / "validation.txt").write_text(TEXT)
    with pytest.raises(UserError, match=rf"batch_size \({batch_size:,} streams\) must be at most .* \(26\)"):
        make_data(corpus, Bytes(), batch_size=batch_size).train_dataloader()
    assert len(next(iter(make_data(corpus, Bytes(), batch_size=26).train_dataloader())).inputs) == 26


@pytest.mark.parametrize("world_size", [1, 30])
def test_short_split_is_evaluated_in_fewer_streams(corpus: Path, world_size: int) -> None:
    (corpus / "validation.txt").write_text(OTHER_TEXT)
    data = make_data(corpus, Bytes(), batch_size=2**31 - 1, steps=2**31 - 1)
    batches = []
    for rank in range(world_size):
        data.trainer = SimpleNamespace(global_rank=rank, world_size=world_size)  # type: ignore[assignment]
        batches += list(data.val_dataloader())
    assert [len(batch.inputs) for batch in batches] == ([26] if world_size == 1 else [1] * 30)
    assert Bytes().decode([token for batch in batches for token in get_targets([batch])]) == OTHER_TEXT


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_batches_do_not_depend_on_workers(corpus: Path) -> None:
    def load_batches(workers: int) -> list[list[Any]]:
        data = make_data(corpus, Bytes(), workers=workers)
        loaders = data.train_dataloader(), data.val_dataloader()
        return [[batch.inputs.tolist(), batch.targets.tolist(), *batch[2:]] for loader in loaders for batch in loader]

    assert load_batches(0) == load_batches(1)


def test_resume_continues_with_the_next_batch(corpus: Path) -> None:
    uninterrupted = make_data(corpus, Bytes()).train_dataloader()
    expected = [batch.inputs.tolist() for _ in range(2) for batch in uninterrupted]
    stopped, resumed = make_data(corpus, Bytes()).train_dataloader(), make_data(corpus, Bytes()).train_dataloader()
    first_part = [batch.inputs.tolist() for batch in islice(stopped, 5)]
    resumed.load_state_dict(stopped.state_dict())
    assert first_part + [batch.inputs.tolist() for _ in range(2) for batch in resumed] == expected


def test_data_module_and_loaders_can_be_pickled(corpus: Path) -> None:
    data = make_data(corpus, Subwords(290))
    for loader in (data.train_dataloader(), data.val_dataloader()):
        copy = pickle.loads(pickle.dumps(loader))
        assert [b.inputs.tolist() for b in copy] == [b.inputs.tolist() for b in loader]
    assert pickle.loads(pickle.dumps(data)).ids("train").tolist() == data.ids("train").tolist()


def test_resume_requires_the_tokenizer_of_the_checkpoint(corpus: Path) -> None:
    checkpoints.save({"LanguageData": make_data(corpus).state_dict()}, corpus / "trained.ckpt")
    checkpoint = torch.load(corpus / "trained.ckpt", weights_only=True)
    make_data(corpus).load_state_dict(checkpoint["LanguageData"])
    assert make_data(corpus, str(corpus / "trained.ckpt")).tokenizer == make_data(corpus).tokenizer
    with pytest.raises(ValueError, match="the source tokenizer of the checkpoint"):
        make_data(corpus, Words()).load_state_dict(checkpoint["LanguageData"])


def test_second_run_uses_the_caches(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = get_targets(list(make_data(corpus).train_dataloader()))

    def fail(*_: Any) -> None:
        pytest.fail("was called again")

    monkeypatch.setattr(Characters, "learn", fail)
    monkeypatch.setattr(Characters, "encode_blocks", fail)
    assert get_targets(list(make_data(corpus).train_dataloader())) == first
