"""Tests of parsing --layers and of its error messages."""

import pytest

from seq2seq.comparison.blocks import BUILT_IN_PARTS, RECIPES
from seq2seq.comparison.entries import layer_arguments, model_options, parse_entries, parse_entry
from seq2seq.recurrence.registry import registered_layers
from seq2seq.training.language_model import LanguageModel
from seq2seq.training.translator import Translator


def test_entry_has_a_layer_and_options() -> None:
    plain = parse_entry("GRU", LanguageModel)
    assert plain.layers == {"layer": "GRU"}
    assert plain.options == {}
    entry = parse_entry("LSTM:forget_bias=0.5,depth=2,norm=true,lr=1e-3", LanguageModel)
    assert entry.layers == {"layer": "LSTM"}
    assert entry.options == {"forget_bias": 0.5, "depth": 2, "norm": True, "lr": 0.001}


def test_translator_entry_has_a_decoder_and_an_optional_encoder() -> None:
    assert parse_entry("GRU", Translator).layers == {"decoder": "GRU"}
    assert parse_entry("LSTM/GRU:keep_bias=2", Translator).layers == {"encoder": "LSTM", "decoder": "GRU"}


def test_layers_are_built_from_two_sizes() -> None:
    assert {"LSTM", "GRU", "RNN", "SelfAttention"} <= set(registered_layers(causal=False))
    assert not {"Stack", "Bidirectional", "Cell", "Recurrence"} & set(registered_layers(causal=False))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["LSTN"], "there is no layer LSTN; did you mean LSTM?"),
        (["lstm"], "there is no layer lstm; did you mean LSTM?"),
        (["Stack"], "there is no layer Stack"),
        ([""], "there is no layer ''"),
        (["LSTM:forget_bais=1"], "LSTM has no option forget_bais; did you mean forget_bias?"),
        (["GRU:forget_bias=1"], "GRU has no option forget_bias"),
        (["LSTM:layer=GRU"], "LSTM has no option layer"),
        (["LSTM:vocab_size=3"], "LSTM has no option vocab_size"),
        (["LSTM:depth"], "an option of a layer is written key=value, and 'depth' was given in LSTM:depth"),
        (["LSTM:"], "an option of a layer is written key=value, and '' was given in LSTM:"),
        (["LSTM:depth=1,depth=2"], "depth is given twice in LSTM:depth=1,depth=2"),
        (["LSTM:lr=fast"], "lr must be a number, and fast was given in LSTM:lr=fast"),
        (["LSTM", "GRU", "LSTM"], "LSTM is named twice in --layers"),
        (["LSTM:depth=2,lr=0.1", "LSTM:lr=1e-1,depth=2"], "is named twice in --layers"),
        (["LSTM/GRU"], "a LanguageModel has 1 of these options: layer, and LSTM/GRU names 2"),
    ],
)
def test_invalid_entries_are_reported(entries: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_entries(entries, LanguageModel)
    assert message in str(raised.value)


def test_translator_entry_with_three_layers_is_rejected() -> None:
    message = "a Translator has 2 of these options: encoder and decoder, and A/B/C names 3"
    with pytest.raises(ValueError, match=message):
        parse_entry("A/B/C", Translator)


@pytest.mark.parametrize("name", sorted(set(RECIPES) & set(registered_layers(causal=False))))
@pytest.mark.parametrize("model", [LanguageModel, Translator])
def test_recipes_use_known_options(name: str, model: type) -> None:
    assert set(RECIPES[name]) <= {*layer_arguments(name), *model_options(model), "lr"} - {"size"}


def test_built_in_parts_belong_to_layers() -> None:
    assert set(BUILT_IN_PARTS) <= set(registered_layers(causal=False))
