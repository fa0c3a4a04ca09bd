"""Properties of dropout for sequences."""

import pytest
import torch
from torch import nn

from seq2seq.nn.dropout import VariationalDropout, WeightDropout, WordDropout
from seq2seq.special_tokens import BOS, EOS, NUM_SPECIAL, PAD, UNK

KINDS = {"variational": VariationalDropout, "weight": WeightDropout, "word": lambda p: WordDropout(p, 1)}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@each_kind
def test_nothing_is_dropped_in_evaluation_or_with_probability_zero(kind: type[nn.Module]) -> None:
    x = torch.arange(NUM_SPECIAL, 60 + NUM_SPECIAL).view(3, 4, 5)
    x = x.flatten(1) if kind is KINDS["word"] else x.float()
    assert torch.equal(kind(0.9).eval()(x), x)
    assert torch.equal(kind(0.0).train()(x), x)


@each_kind
@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_invalid_probability_raises(kind: type[nn.Module], p: float) -> None:
    with pytest.raises(ValueError, match=f"at least 0 and below 1, and {p} was given"):
        kind(p)


def test_variational_dropout_uses_one_mask_per_sequence_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    y = VariationalDropout(0.25)(torch.ones(2, 5, 10_000))
    assert torch.equal(y, y[:, :1].expand_as(y))
    assert not torch.equal(y[0], y[1])
    torch.testing.assert_close(y.unique(), torch.tensor([0.0, 4 / 3]))
    torch.testing.assert_close(y.mean(), torch.tensor(1.0), rtol=0, atol=0.03)


def test_weight_dropout_keeps_the_mean_and_does_not_modify_its_argument() -> None:
    torch.manual_seed(0)
    weight = torch.ones(100, 100)
    masked = WeightDropout(0.5)(weight)
    torch.testing.assert_close(masked.unique(), torch.tensor([0.0, 2.0]))
    torch.testing.assert_close(masked.mean(), torch.tensor(1.0), rtol=0, atol=0.05)
    assert torch.equal(weight, torch.ones(100, 100))


def test_word_dropout_replaces_tokens_but_not_special_ones() -> None:
    torch.manual_seed(0)
    ids = torch.randint(NUM_SPECIAL, 9, (50, 100))
    ids[:, 80:] = PAD
    ids[:, 79], ids[:, 0], ids[:, 40] = EOS, BOS, UNK
    dropped = WordDropout(0.3, replacement=NUM_SPECIAL)(ids)
    assert torch.equal(dropped[ids < NUM_SPECIAL], ids[ids < NUM_SPECIAL])
    assert (dropped[dropped != ids] == NUM_SPECIAL).all()
    share = (dropped[ids > NUM_SPECIAL] == NUM_SPECIAL).float().mean()
    assert 0.25 < share < 0.35
