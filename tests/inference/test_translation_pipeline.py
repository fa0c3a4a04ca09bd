"""Laws of translating lines."""

import itertools
import math
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_runs import WORDS, Runs, turned

from seq2seq.data.output_lengths import OutputLengths
from seq2seq.data.pairs import Vocabularies
from seq2seq.errors import UserError
from seq2seq.inference import SearchOptions, TranslationPipeline, load_translation
from seq2seq.inference import translation_pipeline as module
from seq2seq.inference.truncation_counts import TruncationCounts
from seq2seq.models import Translator
from seq2seq.special_tokens import EOS, NUM_SPECIAL, UNK
from seq2seq.tokenizers import Bytes

LENGTHS = OutputLengths(sources=[1, 2], targets=[3, 9], longest_source=6, ratio=[9, 2])
LINES = [" ".join(words) for length in (1, 2, 3) for words in itertools.product(WORDS[:4], repeat=length)]


class Lowercased(Bytes):
    """Two ids for each letter, as subwords may have several segmentations of a text."""

    def decode(self, ids: Iterable[int]) -> str:
        return super().decode(ids).lower()


class Nothing(Bytes):
    """A tokenizer that knows no text."""

    vocab_size = NUM_SPECIAL


@pytest.fixture(scope="module")
def translation(runs: Runs) -> TranslationPipeline:
    return load_translation(runs.translator)


@pytest.fixture(scope="module")
def untrained() -> TranslationPipeline:
    """A translator of bytes that says any bytes at all, so that no line is too strange for it."""
    torch.manual_seed(1)
    model = Translator(260, 260, True, size=8, depth=1).eval().requires_grad_(False)
    model.output.bias[EOS] = 2.0
    return TranslationPipeline([model], Vocabularies(Bytes(), Bytes()), [LENGTHS])


def test_what_was_learned_is_said(translation: TranslationPipeline) -> None:
    said = translation(LINES)
    assert sum(map(str.__eq__, said, map(turned, LINES))) >= 0.9 * len(LINES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(lines=st.lists(st.text(st.characters(exclude_characters="\n"), max_size=8), max_size=6))
def test_one_line_comes_out_for_every_line(
    translation: TranslationPipeline, untrained: TranslationPipeline, lines: list[str]
) -> None:
    for model in (translation, untrained):
        said = model(lines, SearchOptions(beams=2))
        assert len(said) == len(lines)
        assert not any("\n" in line or "\r" in line for line in said)


@pytest.mark.parametrize("line", ["x" * 100_000, "one " * 5000, "\0", "日本語の文", "\u2028", "\ud800", "a\nb"])
def test_no_line_is_too_strange(translation: TranslationPipeline, untrained: TranslationPipeline, line: str) -> None:
    for model in (translation, untrained):
        said = model(["one two", line, "six"], SearchOptions(beams=2, max_source_length=20))
        assert said[::2] == model(["one two", "six"], SearchOptions(beams=2, max_source_length=20))
        assert "\n" not in said[1]


def test_a_line_without_text_is_translated_by_none(translation: TranslationPipeline) -> None:
    for line in ("", "   ", "\t"):
        assert list(translation.translate([line])) == [[("", 0.0, 0.0, False)]]


def test_a_line_is_cut_after_so_many_tokens_and_counted(translation: TranslationPipeline) -> None:
    short, long = "one two", "one two three four"
    translation.counts = TruncationCounts()
    said = translation([long, short], SearchOptions(max_source_length=2))
    assert translation.counts.sentences() == [
        "sources cut after 2 tokens: 1 of 2; --max-source-length N cuts them after N"
    ]
    assert said == translation([short, short])
    translation.counts = TruncationCounts()
    both = list(translation.score([(long, "two one"), (short, "two one")], max_source_length=2))
    assert both[0] == both[1]
    assert translation.counts.cut_sources == 1
    assert torch.equal(translation.align(long, "one", 2).weights, translation.align(short, "one").weights)


def test_lines_longer_than_any_in_training_are_counted(translation: TranslationPipeline) -> None:
    lines = ["one two", "one " * 5, "two " * 9]
    for work in (lambda: translation(lines), lambda: list(translation.score([(line, "") for line in lines]))):
        translation.counts = TruncationCounts()
        work()
        assert translation.counts.sentences() == [
            "sources longer than any in training: 2 of 3, up to 9 tokens, where training had at most 4"
        ]


@pytest.mark.parametrize("beams", [1, 3])
def test_no_translation_is_longer_than_its_limit(untrained: TranslationPipeline, beams: int) -> None:
    """One that an untrained model has no end for is exactly as long."""
    endless = deepcopy(untrained)
    endless.models[0].output.bias[EOS] = -torch.inf
    for max_length in (None, 1, 30):
        endless.counts = TruncationCounts()
        lines = ["a", "bc", "defghi", "jklmnopqr"]
        limits = [max_length] * 4 if max_length else [15, 24, 24, 71]
        how = SearchOptions(beams, max_length=max_length)
        for line, limit in zip(lines, limits, strict=True):
            ((hypothesis, *_),) = endless.search([[*Bytes().encode(line), EOS]], how)
            assert len(hypothesis.ids) == limit
            assert not hypothesis.ended
        found = list(endless.translate(lines, how))
        assert all(best.limited and best.rank == -torch.inf < best.score for (best,) in found)
        assert endless.counts.sentences()[-1] == (
            "translations cut short by the limit of their length: 4 of 4; --max-length N lets each have N tokens"
        )


def test_an_ensemble_has_the_largest_limit(untrained: TranslationPipeline) -> None:
    other = OutputLengths(sources=[1], targets=[4], longest_source=3, ratio=[4, 1])
    model = TranslationPipeline(untrained.models * 2, untrained.vocabularies, [LENGTHS, other])
    assert model.limits([[9] * length + [EOS] for length in (1, 2, 4, 7)], SearchOptions()) == [16, 24, 34, 58]
    model([" " * 5 + "é"])
    assert model.counts.sentences()[0].startswith("sources longer than any in training: 1 of 1, up to 7 tokens")


def test_the_unknown_word_is_written_only_where_it_is_allowed(runs: Runs) -> None:
    translation = load_translation(runs.translator)
    translation.models[0].output.bias[UNK] = 30.0
    for beams in (1, 3):
        assert "<unk>" not in " ".join(translation(LINES, SearchOptions(beams)))
        allowed = next(translation.translate(["one"], SearchOptions(beams, allow_unknown=True)))[0]
        assert "<unk>" in allowed.text
        (best,) = next(translation.translate(["one two"], SearchOptions(beams)))
        (pieces,) = translation.score([("one two", best.text)])
        assert best.score == pytest.approx(sum(chance for _, chance in pieces), abs=1e-3)


def test_a_vocabulary_without_text_translates_nothing() -> None:
    model = Translator(260, NUM_SPECIAL, size=8, depth=1).eval().requires_grad_(False)
    translation = TranslationPipeline([model], Vocabularies(Bytes(), Nothing()), [LENGTHS])
    with pytest.raises(UserError, match="the target vocabulary holds nothing but special tokens"):
        translation(["one"])


def test_one_string_is_not_taken_for_its_letters(translation: TranslationPipeline) -> None:
    for wrong in (
        lambda: translation("six"),
        lambda: translation.translate("six"),
        lambda: translation.score("six"),
        lambda: list(translation.score(["ab"])),  # type: ignore[list-item]
    ):
        with pytest.raises(TypeError, match="must be a list of strings, not one string"):
            wrong()


def test_several_segmentations_of_a_text_are_one_translation(untrained: TranslationPipeline) -> None:
    """Of which the best-ranked is kept: here capital letters are read as small ones."""
    small = deepcopy(untrained)
    small.vocabularies = Vocabularies(Bytes(), Lowercased())
    for line in ("ab", "cd e", "f"):
        how = SearchOptions(beams=20, n_best=9)
        (ids,) = small.search([[*Bytes().encode(line), EOS]], how)
        (found,) = small.translate([line], how)
        texts = [small.text(hypothesis.ids) for hypothesis in ids]
        assert len(set(texts)) < len(texts)
        assert [one.text for one in found] == list(dict.fromkeys(texts))[:9]
        for one in found:
            assert one.score == max(h.score for h, text in zip(ids, texts, strict=True) if text == one.text)


@pytest.mark.parametrize("beams", [1, 4])
def test_a_line_is_translated_the_same_in_any_batch(translation: TranslationPipeline, beams: int) -> None:
    lines = ["six", *LINES[:30], "", "four three two one", *LINES[-5:]]
    alone = [next(translation.translate([line], SearchOptions(beams)))[0] for line in lines]
    for batch_tokens in (1, 17, 4000):
        found = [best for (best,) in translation.translate(lines, SearchOptions(beams, batch_tokens=batch_tokens))]
        assert [one.text for one in found] == [one.text for one in alone]
        assert [one.score for one in found] == pytest.approx([one.score for one in alone], abs=1e-4)


def test_the_order_of_the_lines_is_kept(translation: TranslationPipeline) -> None:
    said = dict(zip(LINES, translation(LINES), strict=True))
    assert translation(LINES[::-1]) == [said[line] for line in LINES[::-1]]


def test_lines_are_read_some_at_a_time(translation: TranslationPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a file of any size takes the same memory."""
    monkeypatch.setattr(module, "WINDOW", 10)
    read, done = [], []

    def endless() -> Iterator[str]:
        for line in itertools.cycle(LINES):
            read.append(line)
            yield line

    found = translation.translate(endless(), SearchOptions(beams=1), done.append)
    for taken in range(25):
        next(found)
        assert len(read) == sum(done) == 10 * (1 + taken // 10)


def test_progress_counts_every_line(translation: TranslationPipeline) -> None:
    done: list[int] = []
    lines = ["", *LINES, "  "]
    assert len(list(translation.translate(lines, SearchOptions(beams=1, batch_tokens=50), done.append))) == sum(done)


def test_one_beam_takes_the_likeliest_word_each_time(untrained: TranslationPipeline) -> None:
    """Which, without a choice of hypotheses, is the best of one beam."""
    lines = ["abc", "d", "e f"]
    said = [best for (best,) in untrained.translate(lines, SearchOptions(beams=1))]
    model, tokenizer = untrained.models[0], Bytes()
    for line, (text, score, *_) in zip(lines, said, strict=True):
        ids = [*tokenizer.encode(line), EOS]
        problem = model.problem(torch.tensor([ids]), torch.tensor([len(ids)]))
        written, total, state, token = [], 0.0, problem.state, torch.tensor([2])
        (limit,) = LENGTHS.limits([len(ids) - 1])
        while len(written) < limit:
            logits, state = problem.step(token, state)
            chances = logits[0].log_softmax(dim=-1)
            chances[[0, 1, 2]] = -torch.inf
            token = chances.argmax().view(1)
            total += float(chances[token])
            if int(token) == EOS:
                break
            written.append(int(token))
        assert text == untrained.text(written)
        assert score == pytest.approx(total, abs=1e-4)


def test_more_beams_find_nothing_worse(translation: TranslationPipeline) -> None:
    searches = [SearchOptions(beams, length_penalty=0.0) for beams in (1, 8)]
    one, many = ([best.score for (best,) in translation.translate(LINES, how)] for how in searches)
    assert sum(many) >= sum(one) - 1e-3


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_the_best_come_first_and_differ(translation: TranslationPipeline, length_penalty: float) -> None:
    for found in translation.translate(LINES[:20], SearchOptions(beams=5, n_best=5, length_penalty=length_penalty)):
        assert len(found) == len({one.text for one in found}) == 5
        assert [one.rank for one in found] == sorted((one.rank for one in found), reverse=True)
        for one in found:
            if one.rank > -torch.inf:
                divisor = ((5 + len(one.text.split()) + 1) / 6) ** length_penalty
                assert one.rank == pytest.approx(one.score / divisor, abs=1e-5)


def test_scores_are_what_scoring_says(translation: TranslationPipeline) -> None:
    lines = LINES[:20]
    found = list(translation.translate(lines, SearchOptions(beams=3, n_best=3)))
    pairs = [(line, one.text) for line, some in zip(lines, found, strict=True) for one in some]
    for pieces, one in zip(translation.score(pairs), (one for some in found for one in some), strict=True):
        if one.rank > -torch.inf:  # what was cut off has no end that is scored
            assert one.score == pytest.approx(sum(chance for _, chance in pieces), abs=1e-3)


def test_a_pair_is_scored_the_same_in_any_company(translation: TranslationPipeline) -> None:
    pairs = [(line, turned(line)) for line in LINES] + [("", ""), ("one", ""), ("", "one")]
    together = list(translation.score(pairs))
    for pair, pieces in list(zip(pairs, together, strict=True))[::9]:
        ((*alone,),) = translation.score([pair])
        assert pieces == [(piece, pytest.approx(chance, abs=1e-5)) for piece, chance in alone]
        assert [piece for piece, _ in pieces] == [*pair[1].split(), "</s>"]


def test_all_translations_together_have_probability_one(translation: TranslationPipeline) -> None:
    """Checked for the first word: the chances of every word and of the end sum to one, but for marks without text."""
    model, tokenizer = translation.models[0], translation.vocabularies.target
    words = [tokenizer.decode([token]) for token in range(1, tokenizer.vocab_size) if token not in (2, EOS)]
    firsts = [pieces[0][1] for pieces in translation.score([("one two", word) for word in ["", *words]])]
    assert 0.999 < sum(torch.tensor(firsts).exp().tolist()) < 1.001
    assert not model.training


def test_every_row_of_an_alignment_sums_to_one(
    translation: TranslationPipeline, untrained: TranslationPipeline
) -> None:
    for model in (translation, untrained):
        alignment = model.align("one two three", "three two")
        assert alignment.weights.shape == (len(alignment.target), len(alignment.source))
        assert torch.allclose(alignment.weights.sum(dim=1), torch.ones(len(alignment.target)))
        assert alignment.source[-1] == alignment.target[-1] == "</s>"


def test_a_translator_looks_at_the_word_that_it_says(translation: TranslationPipeline) -> None:
    alignment = translation.align("one two three four", "four three two one")
    looked = [alignment.source[place] for place in alignment.weights.argmax(dim=1).tolist()]
    assert looked[:4] == ["four", "three", "two", "one"]


@pytest.mark.parametrize("beams", [1, 4])
def test_a_model_that_says_nan_translates_nothing(runs: Runs, beams: int) -> None:
    broken = load_translation(runs.translator)
    broken.models[0].output.bias.fill_(torch.nan)
    with pytest.raises(UserError, match="the model gives NaN"):
        broken(["one two"], SearchOptions(beams))
    with pytest.raises(UserError, match="the model gives NaN"):
        list(broken.score([("one two", "two one")]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"beams": 0},
        {"beams": 2**63},
        {"n_best": 0},
        {"beams": 2, "n_best": 3},
        {"batch_tokens": 0},
        {"length_penalty": -1.0},
        {"length_penalty": 1e308},
        {"length_penalty": math.nan},
        {"patience": math.nan},
        {"threshold": -1.0},
        {"max_length": 0},
        {"max_source_length": 0},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"{list(wrong)[-1]} must be"):
        SearchOptions(**wrong)


def test_wide_beams_are_searched_some_sentences_at_a_time(
    translation: TranslationPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = LINES[:30]
    wide = translation(lines, SearchOptions(beams=40))
    monkeypatch.setattr(module, "CELLS", 1)
    assert translation(lines, SearchOptions(beams=40)) == wide
