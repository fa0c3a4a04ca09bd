"""Translation with a shortlist of target tokens, and learning one."""

import itertools
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import WORDS, Runs, reverse_words

from seq2seq import checkpoint
from seq2seq.data.pairs import Vocabularies, pad
from seq2seq.errors import UserError
from seq2seq.inference import TranslationPipeline
from seq2seq.inference import shortlist_learning as module
from seq2seq.inference.shortlist import Shortlist
from seq2seq.inference.shortlist_learning import coverage, learn_shortlist
from seq2seq.nn.linear import select_rows
from seq2seq.quantization.linear import BFloat16Linear, Int8Linear
from seq2seq.search import Beam, Sampling
from seq2seq.special_tokens import BOS, EOS, NO_TOKEN, NUM_SPECIAL, PAD, UNK
from seq2seq.tasks import load_translation
from seq2seq.tokenizers import Words

LINES = ["six", "one two", "", "four three two one", "five five", "two six one", "日本", "three one"]

each_precision = pytest.mark.parametrize("precision", ["float32", "bf16", "int8"])
each_search = pytest.mark.parametrize("beams", [1, 4])


def target_size(translation: TranslationPipeline) -> int:
    return translation.vocabularies.target.vocab_size


def full_shortlist(translation: TranslationPipeline) -> Shortlist:
    all_tokens = torch.arange(NUM_SPECIAL, target_size(translation))
    return Shortlist(all_tokens, torch.zeros(target_size(translation), 0, dtype=torch.int32), target_size(translation))


def copy_shortlist(translation: TranslationPipeline) -> Shortlist:
    """Return a shortlist in which each token allows only itself."""
    own = torch.arange(target_size(translation), dtype=torch.int32)[:, None]
    return Shortlist(torch.arange(0), own, target_size(translation))


@each_precision
@each_search
def test_a_full_shortlist_changes_nothing(runs: Runs, precision: Any, beams: int) -> None:
    translation, search = load_translation(runs.translator, precision=precision), Beam(beams)
    expected = list(translation.translate(LINES, search))
    translation.shortlist = full_shortlist(translation)
    assert list(translation.translate(LINES, search)) == expected


@each_precision
@each_search
def test_a_translation_does_not_depend_on_the_batch(runs: Runs, precision: Any, beams: int) -> None:
    translation, options = load_translation(runs.translator, precision=precision), (Beam(beams), beams)
    translation.shortlist = copy_shortlist(translation)
    alone = [next(translation.translate([line], *options)) for line in LINES]
    together = list(translation.translate(LINES, *options))
    for actual, expected in zip(together, alone, strict=True):
        assert [result.text for result in actual] == [result.text for result in expected]
        assert [result.score for result in actual] == pytest.approx([result.score for result in expected], abs=1e-4)
    assert [results[0].text for results in together][:2] == [reverse_words(line) for line in LINES[:2]]


@each_search
def test_only_allowed_tokens_are_generated(runs: Runs, beams: int) -> None:
    translation = load_translation(*runs.checkpoints)
    ids = translation.vocabularies.source.encode_batch([" ".join(WORDS[n:]) for n in range(5)])
    options = Beam(beams), 2 * beams
    unrestricted = translation.search(ids, *options)
    assert any(hypothesis.ids[0] != ids[0][0] for hypothesis in unrestricted[0])
    # each sentence allows only its first token
    for row in ids:
        likely = torch.zeros(target_size(translation), 1, dtype=torch.int32)
        likely[row[0]] = row[0]
        shortlist = Shortlist(torch.arange(0), likely, target_size(translation))
        translation.shortlist = shortlist
        allowed = shortlist.allowed_mask(torch.tensor([row]))[0].nonzero().flatten().tolist()
        for hypothesis in translation.search([row], *options)[0]:
            assert set(hypothesis.ids) <= set(allowed) - {PAD, BOS, EOS} == {UNK, row[0]}


@each_search
def test_scores_are_normalized_over_the_allowed_tokens(runs: Runs, beams: int) -> None:
    """With a single allowed token beside the special ones, it gets most of the probability of the others."""
    translation, options = load_translation(runs.translator), Beam(beams)
    unrestricted = next(translation.translate(["one one"], options))[0]
    translation.shortlist = copy_shortlist(translation)
    restricted = next(translation.translate(["one one"], options))[0]
    assert restricted.text == unrestricted.text
    assert unrestricted.score < restricted.score <= 0


def test_an_ensemble_uses_the_shortlist(runs: Runs) -> None:
    translation, options = load_translation(*runs.checkpoints), Beam(3)
    expected = list(translation.translate(LINES, options))
    translation.shortlist = full_shortlist(translation)
    assert list(translation.translate(LINES, options)) == expected
    translation.shortlist = copy_shortlist(translation)
    assert translation(LINES, options)[:2] == [reverse_words(line) for line in LINES[:2]]


def test_sampling_with_constraints_uses_the_shortlist(runs: Runs) -> None:
    translation, search = load_translation(runs.translator), Sampling(min_length=4, no_repeat_ngram_size=2)
    translation.shortlist = copy_shortlist(translation)
    source = translation.vocabularies.source.encode("one two three four")
    for hypothesis in translation.search([source], search, 20)[0]:
        assert set(hypothesis.ids) <= set(source)
        assert len(hypothesis.ids) >= 4
        bigrams = list(itertools.pairwise(hypothesis.ids))
        assert len(bigrams) == len(set(bigrams))


@each_search
def test_a_constraint_sees_the_tokens_of_the_shortlist(runs: Runs, beams: int) -> None:
    translation = load_translation(runs.translator)
    translation.shortlist = copy_shortlist(translation)
    banned, *others = translation.vocabularies.source.encode("one two three four")

    class Banned(Beam):
        def excluded_tokens(self, length: int) -> list[int]:
            return [*super().excluded_tokens(length), banned]

    ((hypothesis, *_),) = translation.search([[banned, *others]], Banned(beams, min_length=3))
    assert set(hypothesis.ids) <= set(others)


def test_allowed_ids_are_those_of_each_sentence() -> None:
    likely = torch.tensor([[0, 0]] * 4 + [[4, 9], [5, 0], [8, 7]], dtype=torch.int32)
    shortlist = Shortlist(torch.tensor([6]), likely, 10)
    ids = shortlist.allowed_ids(torch.tensor([[4, EOS, PAD], [5, 4, EOS], [5, EOS, PAD]]))
    assert [row[row != NO_TOKEN].tolist() for row in ids] == [
        [0, 1, 2, 3, 4, 6, 9],
        [0, 1, 2, 3, 4, 5, 6, 9],
        [0, 1, 2, 3, 5, 6],
    ]
    assert ids.shape == (3, 8)


@pytest.mark.parametrize("layer_class", [lambda layer: layer, BFloat16Linear, Int8Linear])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [1, 5, 200])
def test_selected_rows_of_a_layer_give_the_same_outputs(layer_class: Any, bias: bool, batch: int) -> None:
    torch.manual_seed(1)
    layer, ids, x = layer_class(torch.nn.Linear(64, 40, bias)), torch.tensor([0, 3, 4, 17, 39]), torch.randn(batch, 64)
    expected = layer(x)
    torch.testing.assert_close(select_rows(layer, ids)(x), expected[:, ids], atol=1e-5, rtol=1e-5)
    assert torch.equal(layer(x), expected)


def parallel_corpus(seed: int = 1) -> tuple[Vocabularies, list[tuple[list[int], list[int]]]]:
    """Return sentence pairs in which each word has one translation, in random order."""
    rng = random.Random(seed)
    source, target = Words(), Words()
    source.learn([" ".join(f"s{n}" for n in range(30))])
    target.learn([" ".join(f"t{n}" for n in range(40))])
    pairs = []
    for _ in range(300):
        words = rng.sample(range(30), 5)
        translation = " ".join(f"t{word}" for word in rng.sample(words, 5))
        pairs.append((source.encode(" ".join(f"s{word}" for word in words)), target.encode(translation)))
    return Vocabularies(source, target), pairs


def blocks(pairs: Sequence[Any], block_size: int = 7) -> list[Sequence[Any]]:
    return [pairs[start : start + block_size] for start in range(0, len(pairs), block_size)]


def test_translations_of_words_are_learned() -> None:
    vocabularies, pairs = parallel_corpus()
    learned = learn_shortlist(lambda: blocks(pairs), vocabularies, 0, 1)
    source, target = vocabularies
    for word in range(30):
        (found,) = learned.likely[source.encode(f"s{word}")[0]].tolist()
        assert target.decode([found]) == f"t{word}"
    share, shortlist_size = coverage(learned, blocks(pairs))
    assert share == 1.0
    assert shortlist_size <= NUM_SPECIAL + 6


def test_frequent_tokens_are_always_allowed() -> None:
    vocabularies, pairs = parallel_corpus()
    frequent = vocabularies.target.encode("t39 t38")
    learned = learn_shortlist(lambda: blocks([*pairs, *[([5], frequent)] * 300]), vocabularies, 2, 0)
    assert sorted(learned.frequent.tolist()) == sorted(frequent)
    assert learned.allowed_mask(torch.tensor([[6]])).nonzero()[:, 1].tolist() == [0, 1, 2, 3, *sorted(frequent)]


def test_block_size_and_pruning_barely_change_the_shortlist(monkeypatch: pytest.MonkeyPatch) -> None:
    vocabularies, pairs = parallel_corpus()
    learned = learn_shortlist(lambda: blocks(pairs), vocabularies, 3, 1)
    large_blocks = learn_shortlist(lambda: blocks(pairs, 100), vocabularies, 3, 1)
    monkeypatch.setattr(module, "MAX_TOKEN_PAIRS", 500)
    monkeypatch.setattr(module, "MAX_PENDING", 100)
    pruned = learn_shortlist(lambda: blocks(pairs), vocabularies, 3, 1)
    for other in (large_blocks, pruned):
        assert torch.equal(other.frequent, learned.frequent)
        assert (other.likely != learned.likely).sum() <= 2


def test_empty_and_long_pairs_are_skipped() -> None:
    vocabularies, pairs = parallel_corpus()
    skipped: list[Any] = [([], []), ([5], []), ([], [5]), ([5] * 1000, [5] * 1000)]
    assert coverage(learn_shortlist(lambda: [skipped], vocabularies, 0, 1), [skipped[:1], pairs])[0] < 1
    learned = learn_shortlist(list, vocabularies, 1, 2)
    assert not learned.likely.any()
    assert coverage(learned, []) == (0.0, 0.0)


def test_tokens_of_a_shared_vocabulary_may_be_copied() -> None:
    vocabularies, pairs = parallel_corpus()
    learned = learn_shortlist(lambda: blocks(pairs), Vocabularies(vocabularies.target, vocabularies.target), 0, 0)
    assert torch.equal(learned.likely[:, 0].long(), torch.arange(vocabularies.target.vocab_size))


def test_a_saved_shortlist_loads_only_with_its_vocabularies(tmp_path: Path) -> None:
    vocabularies, pairs = parallel_corpus()
    learned = learn_shortlist(lambda: blocks(pairs), vocabularies, 3, 2)
    learned.save(tmp_path / "list", vocabularies)
    loaded = Shortlist.load(tmp_path / "list", vocabularies)
    source = pad([source for source, _ in pairs])
    assert torch.equal(loaded.allowed_mask(source), learned.allowed_mask(source))
    with pytest.raises(ValueError, match="the shortlist of a model with other vocabularies"):
        Shortlist.load(tmp_path / "list", Vocabularies(vocabularies.target, vocabularies.source))
    (tmp_path / "text").write_text("one two\n", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be read as a checkpoint: it is not a zip archive"):
        Shortlist.load(tmp_path / "text", vocabularies)
    checkpoint.save({"state_dict": {}}, tmp_path / "other")
    with pytest.raises(ValueError, match="other is not a shortlist"):
        Shortlist.load(tmp_path / "other", vocabularies)


Content = dict[str, Any]
FORGERIES: dict[str, Callable[[Content], object]] = {
    "no vocabularies": lambda content: content.pop("vocabularies"),
    "a list": lambda content: content.update(shortlist=[1, 2]),
    "another part": lambda content: content["shortlist"].update(more=1),
    "a part less": lambda content: content["shortlist"].pop("frequent"),
    "floats": lambda content: content["shortlist"].update(frequent=torch.zeros(3)),
    "an id that is too large": lambda content: content["shortlist"]["likely"].fill_(10**6),
    "a negative id": lambda content: content["shortlist"]["frequent"].fill_(-1),
    "rows for fewer tokens": lambda content: content["shortlist"].update(likely=content["shortlist"]["likely"][:2]),
    "a vector": lambda content: content["shortlist"].update(likely=content["shortlist"]["likely"][0]),
    "more target tokens": lambda content: content["shortlist"].update(target_size=200),
    "any number of target tokens": lambda content: content["shortlist"].update(target_size=2**40),
    "text for a size": lambda content: content["shortlist"].update(target_size="many"),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_shortlist_is_refused_in_one_sentence(
    runs: Runs, tmp_path: Path, forge: Callable[[Content], object]
) -> None:
    translation = load_translation(runs.translator)
    sizes = [tokenizer.vocab_size for tokenizer in translation.vocabularies]
    path = tmp_path / "forged.shortlist"
    likely = torch.zeros(sizes[0], 2, dtype=torch.int32)
    Shortlist(torch.tensor([4, 5]), likely, sizes[1]).save(path, translation.vocabularies)
    assert Shortlist.load(path, translation.vocabularies).target_size == sizes[1]
    content = checkpoint.load(path, mapped=False)
    forge(content)
    checkpoint.save(content, path)
    with pytest.raises(UserError, match=r"forged\.shortlist (cannot be used as a shortlist: |is )[^\n]+$"):
        Shortlist.load(path, translation.vocabularies)
