"""Laws of translating with a shortlist of likely words."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import WORDS, Runs, turned

from seq2seq import checkpoint
from seq2seq.data.pairs import Vocabularies, pad
from seq2seq.inference import SearchOptions, TranslationPipeline, load_translation
from seq2seq.inference import shortlist_learning as module
from seq2seq.inference.shortlist import Shortlist
from seq2seq.inference.shortlist_learning import coverage, learn
from seq2seq.quantization.linear import BFloat16Linear, Int8Linear, rows
from seq2seq.special_tokens import BOS, EOS, NO_TOKEN, NUM_SPECIAL, PAD, UNK
from seq2seq.tokenizers import Words

LINES = ["six", "one two", "", "four three two one", "five five", "two six one", "日本", "three one"]

each_precision = pytest.mark.parametrize("precision", ["float32", "bf16", "int8"])
each_search = pytest.mark.parametrize("beams", [1, 4])


def size(translation: TranslationPipeline) -> int:
    return translation.vocabularies.target.vocab_size


def everything(translation: TranslationPipeline) -> Shortlist:
    every = torch.arange(NUM_SPECIAL, size(translation))
    return Shortlist(every, torch.zeros(size(translation), 0, dtype=torch.int32), size(translation))


def copies(translation: TranslationPipeline) -> Shortlist:
    """Each word allows itself alone."""
    own = torch.arange(size(translation), dtype=torch.int32)[:, None]
    return Shortlist(torch.arange(0), own, size(translation))


@each_precision
@each_search
def test_a_shortlist_of_all_words_changes_nothing(runs: Runs, precision: Any, beams: int) -> None:
    translation, how = load_translation(runs.translator, precision=precision), SearchOptions(beams)
    plain = list(translation.translate(LINES, how))
    translation.shortlist = everything(translation)
    assert list(translation.translate(LINES, how)) == plain


@each_precision
@each_search
def test_a_line_is_translated_the_same_in_any_batch(runs: Runs, precision: Any, beams: int) -> None:
    translation, how = load_translation(runs.translator, precision=precision), SearchOptions(beams, n_best=beams)
    translation.shortlist = copies(translation)
    alone = [next(translation.translate([line], how)) for line in LINES]
    together = list(translation.translate(LINES, how))
    for one, other in zip(alone, together, strict=True):
        assert [found.text for found in other] == [found.text for found in one]
        assert [found.score for found in other] == pytest.approx([found.score for found in one], abs=1e-4)
    assert [found[0].text for found in together][:2] == [turned(line) for line in LINES[:2]]


@each_search
def test_only_allowed_words_are_said(runs: Runs, beams: int) -> None:
    translation = load_translation(*runs.checkpoints)
    ids = translation.vocabularies.source.encode_batch([" ".join(WORDS[n:]) for n in range(5)])
    how = SearchOptions(beams, n_best=beams)
    unhindered = translation.search(ids, how)
    assert any(hypothesis.ids[0] != ids[0][0] for hypothesis in unhindered[0])
    # every sentence may say nothing but its first word
    for row in ids:
        likely = torch.zeros(size(translation), 1, dtype=torch.int32)
        likely[row[0]] = row[0]
        shortlist = Shortlist(torch.arange(0), likely, size(translation))
        translation.shortlist = shortlist
        allowed = shortlist.allowed(torch.tensor([row]))[0].nonzero().flatten().tolist()
        for hypothesis in translation.search([row], how)[0]:
            assert set(hypothesis.ids) <= set(allowed) - {PAD, BOS, EOS} == {UNK, row[0]}


@each_search
def test_scores_are_chances_among_the_allowed_words(runs: Runs, beams: int) -> None:
    """With one word allowed beside the special ones, most of what was spread over the others is its own."""
    translation, how = load_translation(runs.translator), SearchOptions(beams)
    plain = next(translation.translate(["one one"], how))[0]
    translation.shortlist = copies(translation)
    few = next(translation.translate(["one one"], how))[0]
    assert few.text == plain.text
    assert plain.score < few.score <= 0


def test_an_ensemble_takes_the_same_words(runs: Runs) -> None:
    translation, how = load_translation(*runs.checkpoints), SearchOptions(3)
    plain = list(translation.translate(LINES, how))
    translation.shortlist = everything(translation)
    assert list(translation.translate(LINES, how)) == plain
    translation.shortlist = copies(translation)
    assert translation(LINES, how)[:2] == [turned(line) for line in LINES[:2]]


def test_candidates_are_those_of_every_sentence() -> None:
    likely = torch.tensor([[0, 0]] * 4 + [[4, 9], [5, 0], [8, 7]], dtype=torch.int32)
    shortlist = Shortlist(torch.tensor([6]), likely, 10)
    ids = shortlist.candidates(torch.tensor([[4, EOS, PAD], [5, 4, EOS], [5, EOS, PAD]]))
    assert [row[row != NO_TOKEN].tolist() for row in ids] == [
        [0, 1, 2, 3, 4, 6, 9],
        [0, 1, 2, 3, 4, 5, 6, 9],
        [0, 1, 2, 3, 5, 6],
    ]
    assert ids.shape == (3, 8)


@pytest.mark.parametrize("kind", [lambda layer: layer, BFloat16Linear, Int8Linear])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("many", [1, 5, 200])
def test_chosen_rows_of_a_layer_give_the_same_numbers(kind: Any, bias: bool, many: int) -> None:
    torch.manual_seed(1)
    layer, ids, x = kind(torch.nn.Linear(64, 40, bias)), torch.tensor([0, 3, 4, 17, 39]), torch.randn(many, 64)
    before = layer(x)
    torch.testing.assert_close(rows(layer, ids)(x), before[:, ids], atol=1e-5, rtol=1e-5)
    assert torch.equal(layer(x), before)


def dictionary(seed: int = 1) -> tuple[Vocabularies, list[tuple[list[int], list[int]]]]:
    """Sentences, each word of which has one word as its translation, in any order."""
    chance = random.Random(seed)
    source, target = Words(), Words()
    source.learn([" ".join(f"s{n}" for n in range(30))])
    target.learn([" ".join(f"t{n}" for n in range(40))])
    pairs = []
    for _ in range(300):
        words = chance.sample(range(30), 5)
        said = " ".join(f"t{word}" for word in chance.sample(words, 5))
        pairs.append((source.encode(" ".join(f"s{word}" for word in words)), target.encode(said)))
    return Vocabularies(source, target), pairs


def blocks(pairs: Sequence[Any], many: int = 7) -> list[Sequence[Any]]:
    return [pairs[first : first + many] for first in range(0, len(pairs), many)]


def test_what_stands_beside_what_is_learned() -> None:
    vocabularies, pairs = dictionary()
    learned = learn(lambda: blocks(pairs), vocabularies, 0, 1)
    source, target = vocabularies
    for word in range(30):
        (found,) = learned.likely[source.encode(f"s{word}")[0]].tolist()
        assert target.decode([found]) == f"t{word}"
    share, words = coverage(learned, blocks(pairs))
    assert share == 1.0
    assert words <= NUM_SPECIAL + 6


def test_frequent_words_are_always_allowed() -> None:
    vocabularies, pairs = dictionary()
    often = vocabularies.target.encode("t39 t38")
    learned = learn(lambda: blocks([*pairs, *[([5], often)] * 300]), vocabularies, 2, 0)
    assert sorted(learned.frequent.tolist()) == sorted(often)
    assert learned.allowed(torch.tensor([[6]])).nonzero()[:, 1].tolist() == [0, 1, 2, 3, *sorted(often)]


def test_blocks_and_little_memory_change_nothing_that_is_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabularies, pairs = dictionary()
    learned = learn(lambda: blocks(pairs), vocabularies, 3, 1)
    other = learn(lambda: blocks(pairs, 100), vocabularies, 3, 1)
    monkeypatch.setattr(module, "MOST", 500)
    monkeypatch.setattr(module, "WAITING", 100)
    small = learn(lambda: blocks(pairs), vocabularies, 3, 1)
    for one in (other, small):
        assert torch.equal(one.frequent, learned.frequent)
        assert (one.likely != learned.likely).sum() <= 2


def test_pairs_that_say_nothing_are_no_trouble() -> None:
    vocabularies, pairs = dictionary()
    odd: list[Any] = [([], []), ([5], []), ([], [5]), ([5] * 1000, [5] * 1000)]
    assert coverage(learn(lambda: [odd], vocabularies, 0, 1), [odd[:1], pairs])[0] < 1
    learned = learn(list, vocabularies, 1, 2)
    assert not learned.likely.any()
    assert coverage(learned, []) == (0.0, 0.0)


def test_words_of_a_shared_vocabulary_may_be_copied() -> None:
    both, pairs = dictionary()
    learned = learn(lambda: blocks(pairs), Vocabularies(both.target, both.target), 0, 0)
    assert torch.equal(learned.likely[:, 0].long(), torch.arange(both.target.vocab_size))


def test_a_file_holds_what_was_saved_for_these_vocabularies_alone(tmp_path: Path) -> None:
    vocabularies, pairs = dictionary()
    learned = learn(lambda: blocks(pairs), vocabularies, 3, 2)
    learned.save(tmp_path / "list", vocabularies)
    again = Shortlist.load(tmp_path / "list", vocabularies)
    source = pad([source for source, _ in pairs])
    assert torch.equal(again.allowed(source), learned.allowed(source))
    with pytest.raises(ValueError, match="the shortlist of a model with other vocabularies"):
        Shortlist.load(tmp_path / "list", Vocabularies(vocabularies.target, vocabularies.source))
    (tmp_path / "text").write_text("one two\n", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be read as a checkpoint: it is another kind of file"):
        Shortlist.load(tmp_path / "text", vocabularies)
    checkpoint.save({"state_dict": {}}, tmp_path / "other")
    with pytest.raises(ValueError, match="other is no shortlist"):
        Shortlist.load(tmp_path / "other", vocabularies)
