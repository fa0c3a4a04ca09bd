"""Tests of holding out validation pairs of a corpus without a validation split."""

import json
import random
from pathlib import Path

import pytest
from tiny_runs import TRANSLATOR, fit

from seq2seq.__main__ import main
from seq2seq.data.corpora import load_pairs
from seq2seq.data.translation_pairs import is_held_out, translation_pairs
from seq2seq.errors import UserError

PAIRS = [(f"source {number % 150}", f"target {number}") for number in range(200)]  # some pairs have the same source


def write_one_file(folder: Path) -> str:
    path = folder / "pairs.tsv"
    path.write_text("de\ten\n" + "".join(f"{source}\t{target}\n" for source, target in PAIRS))
    return str(path)


def write_two_files(folder: Path) -> str:
    for number, pairs_of_split in enumerate((PAIRS[:90], PAIRS[90:])):
        lines = [json.dumps({"de": source, "en": target}) + "\n" for source, target in pairs_of_split]
        (folder / f"part-{number}.jsonl").write_text("".join(lines))
    return str(folder / "part-*.jsonl")


@pytest.mark.parametrize("write", [write_one_file, write_two_files])
def test_every_pair_and_every_source_is_in_one_split(tmp_path: Path, write: object) -> None:
    corpus = write(tmp_path)  # type: ignore[operator]
    splits = [
        list(zip(pairs["source"], pairs["target"], strict=True))
        for split in ("train", "validation")
        if (pairs := translation_pairs(corpus, "de", "en", split, 0.2)) is not None
    ]
    assert sorted(splits[0] + splits[1]) == sorted(PAIRS)
    train, validation = ({source for source, _ in pairs_of_split} for pairs_of_split in splits)
    assert not train & validation
    assert 10 < len(validation) < 60  # about a fifth of 150
    assert all(is_held_out(source, 0.2) for source in validation)


def test_order_of_the_pairs_does_not_matter(tmp_path: Path) -> None:
    first = set(translation_pairs(write_one_file(tmp_path), "de", "en", "validation", 0.2)["source"])
    random.Random(1).shuffle(PAIRS)
    assert set(translation_pairs(write_one_file(tmp_path), "de", "en", "validation", 0.2)["source"]) == first


def test_larger_share_holds_out_a_superset() -> None:
    held_out_sources = [
        {source for source, _ in PAIRS if is_held_out(source, held_out)} for held_out in (0.0, 0.1, 0.5, 0.99)
    ]
    assert not held_out_sources[0]
    assert held_out_sources[0] < held_out_sources[1] < held_out_sources[2] < held_out_sources[3]


def test_nothing_is_held_out_with_a_validation_split_or_share_0(tmp_path: Path) -> None:
    corpus = write_one_file(tmp_path)
    assert len(translation_pairs(corpus, "de", "en", "train", 0.0)) == len(PAIRS)
    with pytest.raises(UserError, match="has only the split 'train'"):
        translation_pairs(corpus, "de", "en", "validation", 0.0)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "train.tsv").write_text(Path(corpus).read_text())
    (folder / "val.tsv").write_text("de\ten\na\tb\n")
    assert translation_pairs(str(folder), "de", "en", "train")[:] == load_pairs(str(folder), "de", "en")[:]
    assert translation_pairs(str(folder), "de", "en", "validation")[:] == {"source": ["a"], "target": ["b"]}


def test_too_few_pairs_to_hold_out_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("de\ten\na\tb\n")
    with pytest.raises(UserError, match=r"too few pairs to hold out 0\.05 of them"):
        translation_pairs(str(path), "de", "en", "validation")


def test_translator_trained_on_one_file_can_be_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = write_one_file(tmp_path)
    config = TRANSLATOR.replace("CORPUS", corpus).replace("source: a, target: b", "source: de, target: en")
    for name, more in (("some", []), ("all", ["--data.held_out", "0", "--trainer.limit_val_batches", "0"])):
        run = fit(tmp_path, name, config, "--trainer.max_steps", "2", "--trainer.val_check_interval", "1", *more)
        stderr = capsys.readouterr().err
        assert ("held out of the training pairs" in stderr) == (name == "some")
        assert (run / "checkpoints" / "last.ckpt").exists()
    assert main(["evaluate", str(tmp_path / "runs" / "some" / "1"), "--beams", "1"]) == 0
    assert "BLEU" in capsys.readouterr().out
