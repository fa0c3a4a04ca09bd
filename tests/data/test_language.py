"""Laws of text for a language model: every split is read whole, and where there is none the end is held out."""

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
OTHER = "another text\nof two lines\n"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "train.txt").write_text(TEXT)
    return folder


def small(corpus: Path, tokenizer: Tokenizer | str | None = None, **options: Any) -> LanguageData:
    return LanguageData(str(corpus), tokenizer, **{"batch_size": 4, "steps": 8, **options})


def asked(batches: list[LanguageBatch]) -> list[int]:
    """The targets of one rank's streams, one stream after the other."""
    targets = torch.cat([batch.targets for batch in batches], dim=1).flatten()
    return [one for one in targets.tolist() if one != PAD]


@pytest.mark.parametrize("make", [Characters, Bytes, Words, lambda: Subwords(290)])
def test_batches_hold_the_text_of_every_split(corpus: Path, make: Callable[[], Tokenizer]) -> None:
    for split in ("validation", "test"):
        (corpus / f"{split}.txt").write_text(f"{split} of the text\n{TEXT}")
    data = small(corpus, make())
    text = {"train": TEXT, "validation": f"validation of the text\n{TEXT}", "test": f"test of the text\n{TEXT}"}
    for split, loader in (
        ("train", data.train_dataloader()),
        ("validation", data.val_dataloader()),
        ("test", data.test_dataloader()),
    ):
        assert asked(list(loader)) == data.tokenizer.encode(text[split])
    assert data.vocab_size == data.tokenizer.vocab_size > max(data.ids("train"))


def test_characters_are_the_default_and_give_the_text_back(corpus: Path) -> None:
    data = small(corpus, held_out=0.001)
    assert isinstance(data.tokenizer, Characters)
    assert data.tokenizer.decode([*data.ids("train"), *data.ids("validation")]) == TEXT


@pytest.mark.parametrize("held_out", [0.1, 0.25])
def test_without_a_validation_split_the_end_is_held_out(corpus: Path, held_out: float) -> None:
    data = small(corpus, Bytes(), held_out=held_out)
    train, validation = data.ids("train").tolist(), data.ids("validation").tolist()
    assert train[0] == validation[0] == BOS
    assert train[1:] + validation[1:] == Bytes().encode(TEXT)
    assert len(validation) == pytest.approx(held_out * len(train + validation), rel=0.1)
    assert asked(list(data.train_dataloader())) == train[1:]
    assert asked(list(data.val_dataloader())) == validation[1:]


def test_a_validation_split_of_its_own_leaves_the_training_text_whole(corpus: Path) -> None:
    (corpus / "valid.txt").write_text(OTHER)
    data = small(corpus, Bytes())
    assert Bytes().decode(data.ids("train")) == TEXT
    assert Bytes().decode(data.ids("validation")) == OTHER


def test_predictions_read_the_test_split_as_one_stream(corpus: Path) -> None:
    (corpus / "test.txt").write_text(OTHER)
    batches = list(small(corpus, Bytes()).predict_dataloader())
    assert {len(batch.inputs) for batch in batches} == {1}
    assert Bytes().decode(asked(batches)) == OTHER


def test_the_text_of_a_split_is_what_its_ids_are_made_of(corpus: Path) -> None:
    data = small(corpus, Bytes())
    for split in ("train", "validation"):
        assert Bytes().decode(data.ids(split)) == "".join(data.text(split))


def test_a_single_file_is_a_corpus(corpus: Path) -> None:
    data = small(corpus / "train.txt", Bytes())
    assert Bytes().decode([*data.ids("train"), *data.ids("validation")]) == TEXT


def test_a_missing_split_is_one_sentence(corpus: Path) -> None:
    with pytest.raises(ValueError, match="no split 'test'") as caught:
        small(corpus).test_dataloader()
    assert "\n" not in str(caught.value)


def test_a_text_too_short_to_hold_out_its_end_is_one_sentence(corpus: Path) -> None:
    (corpus / "train.txt").write_text("a")
    for split in ("train", "validation"):
        with pytest.raises(UserError, match=r"its 1 characters are too few to keep 0\.1 of them"):
            small(corpus).ids(split)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, math.nan])
def test_the_share_held_out_lies_between_nothing_and_all(corpus: Path, share: float) -> None:
    with pytest.raises(UserError, match="held_out must be above 0 and below 1"):
        small(corpus, held_out=share)


@pytest.mark.parametrize("option", ["batch_size", "steps", "workers"])
def test_counts_have_a_range(corpus: Path, option: str) -> None:
    for wrong in (-1, 10**20):
        with pytest.raises(UserError, match=f"{option} must be at least . and at most"):
            small(corpus, **{option: wrong})


@pytest.mark.parametrize("make", [Characters, Words])
def test_what_the_tokenizer_does_not_know_is_said_once_for_each_split(
    corpus: Path, make: type[Tokenizer], capsys: pytest.CaptureFixture[str]
) -> None:
    (corpus / "valid.txt").write_text("line Ω of the\n")
    data = small(corpus, make())
    data.train_dataloader()
    data.val_dataloader()
    data.val_dataloader()
    said = [line for line in capsys.readouterr().err.splitlines() if "<unk>" in line]
    count, share = (14, "7.14") if make is Characters else (5, "20.00")
    assert said == [
        f"validation: 1 of {count} tokens ({share} %) is not in the vocabulary and is read as <unk>",
    ]


def test_the_tokenizer_does_not_learn_from_what_is_held_out(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus / "train.txt").write_text(TEXT + "Ω\n")
    data = small(corpus)
    assert "Ω" not in data.tokenizer.units()
    assert "\nΩ\n" in "".join(data.text("validation"))
    list(data.val_dataloader())
    assert "validation: 1 of " in capsys.readouterr().err


def test_words_are_learned_whole_from_a_line_longer_than_a_block(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    word = "x" * 200_000
    (tmp_path / "train.txt").write_text(f"{word} one {'two ' * 50_000}\nthree\n")
    (tmp_path / "val.txt").write_text("one two three\n")
    data = LanguageData(str(tmp_path), Words(), batch_size=1, steps=8)
    assert data.tokenizer.encode(word) != data.tokenizer.encode("unknown")
    assert word[:65536] not in data.tokenizer.units()
    data.train_dataloader()
    assert "not in the vocabulary" not in capsys.readouterr().err


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_the_streams_and_take_equally_many_steps(corpus: Path, ranks: int) -> None:
    def batches(rank: int, ranks: int) -> list[list[LanguageBatch]]:
        data = small(corpus, Bytes())
        data.trainer = SimpleNamespace(global_rank=rank, world_size=ranks)  # type: ignore[assignment]
        return [list(data.train_dataloader()), list(data.val_dataloader())]

    for everything, *parts in zip(batches(0, 1), *(batches(rank, ranks) for rank in range(ranks)), strict=True):
        for whole, *shares in zip(everything, *parts, strict=True):
            together = torch.empty_like(whole.targets)
            for rank, part in enumerate(shares):
                together[rank::ranks] = part.targets
                assert part.tokens == whole.tokens
            assert torch.equal(together, whole.targets)


def test_too_few_streams_for_the_processes_is_one_sentence(corpus: Path) -> None:
    data = small(corpus, Bytes(), batch_size=2)
    data.trainer = SimpleNamespace(global_rank=0, world_size=3)  # type: ignore[assignment]
    with pytest.raises(ValueError, match="2 streams cannot be split over 3 processes: batch_size must be at least 3"):
        data.train_dataloader()
    assert len(next(iter(data.val_dataloader())).inputs) == 1


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_worker_processes_change_nothing(corpus: Path) -> None:
    def batches(workers: int) -> list[list[Any]]:
        data = small(corpus, Bytes(), workers=workers)
        loaders = data.train_dataloader(), data.val_dataloader()
        return [[batch.inputs.tolist(), batch.targets.tolist(), *batch[2:]] for one in loaders for batch in one]

    assert batches(0) == batches(1)


def test_training_continues_where_it_stopped(corpus: Path) -> None:
    whole = small(corpus, Bytes()).train_dataloader()
    expected = [batch.inputs.tolist() for _ in range(2) for batch in whole]
    stopped, resumed = small(corpus, Bytes()).train_dataloader(), small(corpus, Bytes()).train_dataloader()
    taken = [batch.inputs.tolist() for batch in islice(stopped, 5)]
    resumed.load_state_dict(stopped.state_dict())
    assert taken + [batch.inputs.tolist() for _ in range(2) for batch in resumed] == expected


def test_data_can_go_to_a_process_that_shares_no_memory(corpus: Path) -> None:
    data = small(corpus, Subwords(290))
    for loader in (data.train_dataloader(), data.val_dataloader()):
        there = pickle.loads(pickle.dumps(loader))
        assert [b.inputs.tolist() for b in there] == [b.inputs.tolist() for b in loader]
    assert pickle.loads(pickle.dumps(data)).ids("train").tolist() == data.ids("train").tolist()


def test_a_checkpoint_carries_the_tokenizer_and_continues_only_with_it(corpus: Path) -> None:
    checkpoints.save({"LanguageData": small(corpus).state_dict()}, corpus / "trained.ckpt")
    checkpoint = torch.load(corpus / "trained.ckpt", weights_only=True)
    small(corpus).load_state_dict(checkpoint["LanguageData"])
    assert small(corpus, str(corpus / "trained.ckpt")).tokenizer == small(corpus).tokenizer
    with pytest.raises(ValueError, match="the source tokenizer of the checkpoint"):
        small(corpus, Words()).load_state_dict(checkpoint["LanguageData"])


def test_every_step_of_the_preparation_is_done_once(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = asked(list(small(corpus).train_dataloader()))

    def again(*_: Any) -> None:
        pytest.fail("was done again")

    monkeypatch.setattr(Characters, "learn", again)
    monkeypatch.setattr(Characters, "encode_blocks", again)
    assert asked(list(small(corpus).train_dataloader())) == first
