"""Translating, scoring and aligning lines."""

import itertools
import math
from collections.abc import Iterable, Iterator
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_runs import WORDS, Runs, reverse_words
from torch import Tensor

from seq2seq.data.output_lengths import OutputLengths
from seq2seq.data.pairs import Vocabularies, collate_pairs
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.inference import TranslationPipeline
from seq2seq.inference import translation_pipeline as module
from seq2seq.inference.truncation_counts import TruncationCounts
from seq2seq.search import Beam, Greedy, Sampling, Search
from seq2seq.special_tokens import EOS, NUM_SPECIAL, UNK
from seq2seq.tasks import load_translation
from seq2seq.tokenizers import Bytes
from seq2seq.training.translator import Translator

LENGTHS = OutputLengths(sources=[1, 2], targets=[3, 9], longest_source=6, ratio=[9, 2])
LINES = [" ".join(words) for length in (1, 2, 3) for words in itertools.product(WORDS[:4], repeat=length)]


class CaseInsensitiveBytes(Bytes):
    """A tokenizer with two ids for each letter, as subwords have several segmentations of a text."""

    def decode(self, ids: Iterable[int]) -> str:
        return super().decode(ids).lower()


class SpecialTokensOnly(Bytes):
    """A tokenizer with nothing but special tokens."""

    vocab_size = NUM_SPECIAL


@pytest.fixture(scope="module")
def translation(runs: Runs) -> TranslationPipeline:
    return load_translation(runs.translator)


@pytest.fixture(scope="module")
def untrained() -> TranslationPipeline:
    """Return a byte-level translator that generates arbitrary bytes."""
    torch.manual_seed(1)
    model = Translator(260, 260, True, size=8, depth=1).eval().requires_grad_(False)
    model.output.linear.bias[EOS] = 2.0
    return TranslationPipeline([model], Vocabularies(Bytes(), Bytes()), [LENGTHS])


def test_learned_sentences_are_translated(translation: TranslationPipeline) -> None:
    translations = translation(LINES)
    assert sum(map(str.__eq__, translations, map(reverse_words, LINES))) >= 0.9 * len(LINES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(lines=st.lists(st.text(st.characters(exclude_characters="\n"), max_size=8), max_size=6))
def test_every_line_has_one_line_of_translation(
    translation: TranslationPipeline, untrained: TranslationPipeline, lines: list[str]
) -> None:
    for model in (translation, untrained):
        translations = model(lines, Beam(beams=2))
        assert len(translations) == len(lines)
        assert not any("\n" in line or "\r" in line for line in translations)


@pytest.mark.parametrize("line", ["x" * 100_000, "one " * 5000, "\0", "日本語の文", "\u2028", "\ud800", "a\nb"])
def test_unusual_lines_do_not_affect_their_neighbors(
    translation: TranslationPipeline, untrained: TranslationPipeline, line: str
) -> None:
    for model in (translation, untrained):
        options = Beam(beams=2), TranslationLimits(max_source_length=20)
        translations = model(["one two", line, "six"], *options)
        assert translations[::2] == model(["one two", "six"], *options)
        assert "\n" not in translations[1]


def test_a_blank_line_has_an_empty_translation(translation: TranslationPipeline) -> None:
    for line in ("", "   ", "\t"):
        assert list(translation.translate([line])) == [[("", 0.0, 0.0, False)]]


def test_long_sources_are_truncated_and_counted(translation: TranslationPipeline) -> None:
    short, long = "one two", "one two three four"
    translation.truncation_counts = TruncationCounts()
    translations = translation([long, short], limits=TranslationLimits(max_source_length=2))
    assert translation.truncation_counts.messages() == [
        "sources cut after 2 tokens: 1 of 2; --max-source-length N cuts them after N"
    ]
    assert translations == translation([short, short])
    translation.truncation_counts = TruncationCounts()
    both = list(translation.score([(long, "two one"), (short, "two one")], max_source_length=2))
    assert both[0] == both[1]
    assert translation.truncation_counts.truncated_sources == 1
    assert torch.equal(translation.align(long, "one", 2).weights, translation.align(short, "one").weights)


def test_sources_longer_than_any_in_training_are_counted(translation: TranslationPipeline) -> None:
    lines = ["one two", "one " * 5, "two " * 9]
    for run in (lambda: translation(lines), lambda: list(translation.score([(line, "") for line in lines]))):
        translation.truncation_counts = TruncationCounts()
        run()
        assert translation.truncation_counts.messages() == [
            "sources longer than any in training: 2 of 3, up to 9 tokens, where training had at most 4"
        ]


@pytest.mark.parametrize("beams", [1, 3])
def test_translations_end_at_their_length_limit(untrained: TranslationPipeline, beams: int) -> None:
    """A model that never generates EOS reaches exactly the limit."""
    endless = deepcopy(untrained)
    endless.models[0].output.linear.bias[EOS] = -torch.inf
    for max_length in (None, 1, 30):
        endless.truncation_counts = TruncationCounts()
        lines = ["a", "bc", "defghi", "jklmnopqr"]
        limits = [max_length] * 4 if max_length else [15, 24, 24, 71]
        for line, limit in zip(lines, limits, strict=True):
            ((hypothesis, *_),) = endless.search([[*Bytes().encode(line), EOS]], Beam(beams), 1, max_length)
            assert len(hypothesis.ids) == limit
            assert not hypothesis.finished
        results = list(endless.translate(lines, Beam(beams), limits=TranslationLimits(max_length)))
        assert all(best.truncated and best.normalized_score == -torch.inf < best.score for (best,) in results)
        assert endless.truncation_counts.messages()[-1] == (
            "translations cut short by the limit of their length: 4 of 4; --max-length N lets each have N tokens"
        )


def test_an_ensemble_has_the_largest_limit(untrained: TranslationPipeline) -> None:
    other = OutputLengths(sources=[1], targets=[4], longest_source=3, ratio=[4, 1])
    model = TranslationPipeline(untrained.models * 2, untrained.vocabularies, [LENGTHS, other])
    assert model.length_limits([[9] * length + [EOS] for length in (1, 2, 4, 7)]) == [16, 24, 34, 58]
    model([" " * 5 + "é"])
    assert model.truncation_counts.messages()[0].startswith(
        "sources longer than any in training: 1 of 1, up to 7 tokens"
    )


def test_the_unknown_token_is_generated_only_if_allowed(runs: Runs) -> None:
    translation = load_translation(runs.translator)
    translation.models[0].output.linear.bias[UNK] = 30.0
    for beams in (1, 3):
        assert "<unk>" not in " ".join(translation(LINES, Beam(beams)))
        allowed = next(translation.translate(["one"], Beam(beams, allow_unknown=True)))[0]
        assert "<unk>" in allowed.text
        (best,) = next(translation.translate(["one two"], Beam(beams)))
        (pieces,) = translation.score([("one two", best.text)])
        assert best.score == pytest.approx(sum(score for _, score in pieces), abs=1e-3)


def test_translating_into_special_tokens_only_raises() -> None:
    model = Translator(260, NUM_SPECIAL, size=8, depth=1).eval().requires_grad_(False)
    translation = TranslationPipeline([model], Vocabularies(Bytes(), SpecialTokensOnly()), [LENGTHS])
    with pytest.raises(UserError, match="the target vocabulary contains only special tokens"):
        translation(["one"])


def test_a_single_string_instead_of_a_list_is_refused(translation: TranslationPipeline) -> None:
    for call in (
        lambda: translation("six"),
        lambda: translation.translate("six"),
        lambda: translation.score("six"),
        lambda: list(translation.score(["ab"])),  # type: ignore[list-item]
    ):
        with pytest.raises(TypeError, match="must be a list of strings, not one string"):
            call()


def test_segmentations_of_the_same_text_are_one_translation(untrained: TranslationPipeline) -> None:
    """The best one is returned; here, upper and lower case letters are decoded alike."""
    pipeline = deepcopy(untrained)
    pipeline.vocabularies = Vocabularies(Bytes(), CaseInsensitiveBytes())
    for line in ("ab", "cd e", "f"):
        (hypotheses,) = pipeline.search([[*Bytes().encode(line), EOS]], Beam(beams=20), 18)
        (results,) = pipeline.translate([line], Beam(beams=20), n_best=9)
        texts = [pipeline.detokenize(hypothesis.ids) for hypothesis in hypotheses]
        assert len(set(texts)) < len(texts)
        assert [result.text for result in results] == list(dict.fromkeys(texts))[:9]
        for result in results:
            scores = [h.score for h, text in zip(hypotheses, texts, strict=True) if text == result.text]
            assert result.score == max(scores)


@pytest.mark.parametrize("beams", [1, 4])
def test_a_translation_does_not_depend_on_the_batch(translation: TranslationPipeline, beams: int) -> None:
    lines = ["six", *LINES[:30], "", "four three two one", *LINES[-5:]]
    alone = [next(translation.translate([line], Beam(beams)))[0] for line in lines]
    for batch_tokens in (1, 17, 4000):
        batched = [
            best
            for (best,) in translation.translate(
                lines, Beam(beams), limits=TranslationLimits(batch_tokens=batch_tokens)
            )
        ]
        assert [result.text for result in batched] == [result.text for result in alone]
        assert [result.score for result in batched] == pytest.approx([result.score for result in alone], abs=1e-4)


def test_translations_are_in_the_order_of_the_lines(translation: TranslationPipeline) -> None:
    translations = dict(zip(LINES, translation(LINES), strict=True))
    assert translation(LINES[::-1]) == [translations[line] for line in LINES[::-1]]


def test_lines_are_read_in_windows(translation: TranslationPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that memory does not grow with the size of a file."""
    monkeypatch.setattr(module, "WINDOW_LINES", 10)
    lines_read, progress = [], []

    def endless() -> Iterator[str]:
        for line in itertools.cycle(LINES):
            lines_read.append(line)
            yield line

    results = translation.translate(endless(), Beam(beams=1), progress=progress.append)
    for index in range(25):
        next(results)
        assert len(lines_read) == sum(progress) == 10 * (1 + index // 10)


def test_progress_counts_every_line(translation: TranslationPipeline) -> None:
    progress: list[int] = []
    lines = ["", *LINES, "  "]
    results = list(translation.translate(lines, Greedy(), 1, TranslationLimits(batch_tokens=50), progress.append))
    assert len(results) == sum(progress)


def test_one_beam_is_greedy_search(untrained: TranslationPipeline) -> None:
    lines = ["abc", "d", "e f"]
    results = [best for (best,) in untrained.translate(lines, Beam(beams=1))]
    model, tokenizer = untrained.models[0], Bytes()
    for line, (text, score, *_) in zip(lines, results, strict=True):
        ids = [*tokenizer.encode(line), EOS]
        problem = model.decoding_problem(torch.tensor([ids]), torch.tensor([len(ids)]))
        generated, total, state, token = [], 0.0, problem.state, torch.tensor([2])
        (limit,) = LENGTHS.limits([len(ids) - 1])
        while len(generated) < limit:
            logits, state = problem.step(token, state)
            log_probabilities = logits[0].log_softmax(dim=-1)
            log_probabilities[[0, 1, 2]] = -torch.inf
            token = log_probabilities.argmax().view(1)
            total += float(log_probabilities[token])
            if int(token) == EOS:
                break
            generated.append(int(token))
        assert text == untrained.detokenize(generated)
        assert score == pytest.approx(total, abs=1e-4)


def test_more_beams_find_no_worse_translations(translation: TranslationPipeline) -> None:
    searches = [Beam(beams, length_penalty=0.0) for beams in (1, 8)]
    greedy, beam = ([best.score for (best,) in translation.translate(LINES, options)] for options in searches)
    assert sum(beam) >= sum(greedy) - 1e-3


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_n_best_translations_are_ranked_and_distinct(translation: TranslationPipeline, length_penalty: float) -> None:
    for results in translation.translate(LINES[:20], Beam(5, length_penalty), n_best=5):
        assert len(results) == len({result.text for result in results}) == 5
        scores = [result.normalized_score for result in results]
        assert scores == sorted(scores, reverse=True)
        for result in results:
            if result.normalized_score > -torch.inf:
                divisor = ((5 + len(result.text.split()) + 1) / 6) ** length_penalty
                assert result.normalized_score == pytest.approx(result.score / divisor, abs=1e-5)


def test_translation_scores_equal_those_of_scoring(translation: TranslationPipeline) -> None:
    lines = LINES[:20]
    translations = list(translation.translate(lines, Beam(beams=3), n_best=3))
    pairs = [(line, result.text) for line, results in zip(lines, translations, strict=True) for result in results]
    for pieces, result in zip(translation.score(pairs), itertools.chain(*translations), strict=True):
        if result.normalized_score > -torch.inf:  # a truncated translation has no score of EOS
            assert result.score == pytest.approx(sum(score for _, score in pieces), abs=1e-3)


def test_a_pair_is_scored_the_same_in_any_batch(translation: TranslationPipeline) -> None:
    pairs = [(line, reverse_words(line)) for line in LINES] + [("", ""), ("one", ""), ("", "one")]
    together = list(translation.score(pairs))
    for pair, pieces in list(zip(pairs, together, strict=True))[::9]:
        ((*alone,),) = translation.score([pair])
        assert pieces == [(piece, pytest.approx(score, abs=1e-5)) for piece, score in alone]
        assert [piece for piece, _ in pieces] == [*pair[1].split(), "</s>"]


def test_probabilities_of_the_first_token_sum_to_one(translation: TranslationPipeline) -> None:
    """Those of all words and EOS, but for PAD and BOS, which have no text."""
    model, tokenizer = translation.models[0], translation.vocabularies.target
    words = [tokenizer.decode([token]) for token in range(1, tokenizer.vocab_size) if token not in (2, EOS)]
    first_scores = [pieces[0][1] for pieces in translation.score([("one two", word) for word in ["", *words]])]
    assert 0.999 < sum(torch.tensor(first_scores).exp().tolist()) < 1.001
    assert not model.training


def test_alignment_weights_sum_to_one_over_the_source(
    translation: TranslationPipeline, untrained: TranslationPipeline
) -> None:
    for model in (translation, untrained):
        alignment = model.align("one two three", "three two")
        assert alignment.weights.shape == (len(alignment.target), len(alignment.source))
        assert torch.allclose(alignment.weights.sum(dim=1), torch.ones(len(alignment.target)))
        assert alignment.source[-1] == alignment.target[-1] == "</s>"


def test_alignments_follow_the_translated_words(translation: TranslationPipeline) -> None:
    alignment = translation.align("one two three four", "four three two one")
    attended = [alignment.source[position] for position in alignment.weights.argmax(dim=1).tolist()]
    assert attended[:4] == ["four", "three", "two", "one"]


@pytest.mark.parametrize("beams", [1, 4])
def test_translating_with_a_model_that_gives_nan_raises(runs: Runs, beams: int) -> None:
    broken = load_translation(runs.translator)
    broken.models[0].output.linear.bias.fill_(torch.nan)
    with pytest.raises(UserError, match="the model gives NaN"):
        broken(["one two"], Beam(beams))
    with pytest.raises(UserError, match="the model gives NaN"):
        list(broken.score([("one two", "two one")]))


@pytest.mark.parametrize(
    "options",
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
def test_options_out_of_range_are_refused(translation: TranslationPipeline, options: dict[str, Any]) -> None:
    n_best = options.get("n_best", 1)
    limits = {name: value for name, value in options.items() if name in vars(TranslationLimits())}
    search = {name: value for name, value in options.items() if name in vars(Beam())}
    with pytest.raises(UserError, match=f"{list(options)[-1]} must be"):
        translation.translate(LINES, Beam(**search), n_best, TranslationLimits(**limits))


def test_greedy_search_has_one_translation(translation: TranslationPipeline) -> None:
    assert translation(LINES, Greedy()) == translation(LINES, Beam(beams=1))
    with pytest.raises(UserError, match="n_best must be 1 in greedy search, and 2 was given"):
        translation.translate(LINES, Greedy(), n_best=2)


def test_sampled_translations_are_distinct_and_ranked(untrained: TranslationPipeline) -> None:
    for results in untrained.translate(["abc", "d"], Sampling(), n_best=4):
        scores = [result.normalized_score for result in results]
        assert scores == sorted(scores, reverse=True)
        assert 1 < len(results) == len({result.text for result in results}) <= 4


@pytest.mark.parametrize("search", [Greedy(min_length=12), Beam(min_length=12), Sampling(min_length=12)])
def test_translations_have_at_least_min_length_tokens(translation: TranslationPipeline, search: Search) -> None:
    for text in translation(["one two", "six"], search, TranslationLimits(max_length=20)):
        assert 12 <= len(text.split()) <= 20


def test_wide_beams_are_searched_in_smaller_batches(
    translation: TranslationPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = LINES[:30]
    expected = translation(lines, Beam(beams=40))
    monkeypatch.setattr(module, "MAX_CANDIDATES", 1)
    assert translation(lines, Beam(beams=40)) == expected


def test_prediction_searches_small_batches_and_not_for_blank_sources(
    untrained: TranslationPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As translating does, which has the same search."""
    lines = ["ab", "", "c d", " \t", "e"]
    expected = untrained(lines, Beam(beams=4))
    batch_sizes: list[int] = []
    decoding_problem = Translator.decoding_problem

    def counted(model: Translator, source: Tensor, *arguments: Any) -> Any:
        batch_sizes.append(len(source))
        return decoding_problem(model, source, *arguments)

    monkeypatch.setattr(Translator, "decoding_problem", counted)
    monkeypatch.setattr(module, "MAX_CANDIDATES", 4 * 8 * 2)  # of two sentences with 4 beams
    data = SimpleNamespace(vocabularies=untrained.vocabularies, output_lengths=LENGTHS)
    monkeypatch.setattr(Translator, "trainer", SimpleNamespace(datamodule=data))
    (model,) = untrained.models
    assert isinstance(model, Translator)
    monkeypatch.setattr(model, "search", Beam(beams=4))
    encoded = untrained.vocabularies.source.encode_batch(lines)
    hypotheses = model.predict_step(collate_pairs(encoded, encoded, 0))
    assert [untrained.detokenize(hypothesis.ids) for hypothesis in hypotheses] == expected
    assert batch_sizes == [2, 1]
