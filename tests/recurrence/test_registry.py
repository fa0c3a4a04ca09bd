"""Tests of the list of layers."""

from functools import partial

import contract_cases

from seq2seq.recurrence import LSTM, Bidirectional, Recurrence, SelfAttention, Stack
from seq2seq.recurrence.registry import registered_layers


def test_layers_are_those_that_two_sizes_are_enough_to_build() -> None:
    layers = registered_layers()
    assert layers["LSTM"] is LSTM
    assert list(layers) == sorted(layers)
    assert not {Stack, Bidirectional, Recurrence, SelfAttention} & set(layers.values())
    for layer in layers.values():
        assert isinstance(layer(8, 8), Recurrence)


def test_layers_for_encoders_need_not_be_causal() -> None:
    assert registered_layers(causal=False) == registered_layers() | {"SelfAttention": SelfAttention}


def test_every_layer_has_a_contract_case() -> None:
    cases = contract_cases.LAYERS.values()
    assert {case.func if isinstance(case, partial) else case for case in cases} == set(registered_layers().values())
