"""Tests of parsing --layers and of its error messages."""

from typing import Any

import pytest

from seq2seq.comparison.blocks import RECIPES
from seq2seq.comparison.entries import default_options, find_option, layer_options, parse_entries, parse_entry
from seq2seq.errors import UserError
from seq2seq.recurrence import LSTM, LayerFactory
from seq2seq.recurrence.registry import registered_layers
from seq2seq.training.language_model import LanguageModel
from seq2seq.training.translator import Translator


def test_entry_has_a_layer_and_options() -> None:
    plain = parse_entry("GRU", LanguageModel)
    assert plain.layers == {"layer": "seq2seq.recurrence.GRU"}
    assert plain.options == {}
    entry = parse_entry("LSTM:forget_bias=0.5,depth=2,norm=true,lr=1e-3", LanguageModel)
    assert entry.layers == {"layer": "seq2seq.recurrence.LSTM"}
    assert entry.options == {"layer.init_args.forget_bias": 0.5, "depth": 2, "block.norm": True, "lr": 0.001}


def test_translator_entry_has_a_decoder_and_an_optional_encoder() -> None:
    lstm, gru = "seq2seq.recurrence.LSTM", "seq2seq.recurrence.GRU"
    assert parse_entry("GRU", Translator).layers == {"decoder": gru}
    entry = parse_entry("LSTM/GRU:keep_bias=2", Translator)
    assert entry.layers == {"encoder": lstm, "decoder": gru}
    assert entry.options == {"decoder.init_args.keep_bias": 2}
    both = parse_entry("LSTM/LSTM:forget_bias=2,attention=MultiHeadAttention", Translator).options
    assert both == {
        "encoder.init_args.forget_bias": 2,
        "decoder.init_args.forget_bias": 2,
        "attention": {"class_path": "MultiHeadAttention"},
    }


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
        (["LSTM:lr=fast"], "lr cannot be fast, as in LSTM:lr=fast"),
        (["LSTM", "GRU", "LSTM"], "LSTM is named twice in --layers"),
        (["LSTM:depth=2,lr=0.1", "LSTM:lr=1e-1,depth=2"], "is named twice in --layers"),
        (["LSTM/GRU"], "a LanguageModel takes 1 layer (layer), and LSTM/GRU names 2"),
        (["os.path.join"], "os.path.join is no layer: it must be a class that takes an input size and a size"),
    ],
)
def test_invalid_entries_are_reported(entries: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_entries(entries, LanguageModel)
    assert message in str(raised.value)


class RequiringModel(LanguageModel):
    def __init__(self, vocab_size: int, size: int, extra: float, layer: LayerFactory = LSTM) -> None: ...


class RequiringTranslator(Translator):
    def __init__(self, encoder: LayerFactory, **options: Any) -> None:
        super().__init__(encoder=encoder, **options)


class ForwardingModel(LanguageModel):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)


class OpaqueModel(LanguageModel):
    def __init__(self, vocab_size: int, **options: Any) -> None: ...


def test_options_that_a_model_requires_are_not_required_in_an_entry() -> None:
    assert parse_entry("LSTM:extra=2", RequiringModel).options == {"extra": 2.0}
    assert parse_entry("GRU:depth=3", RequiringTranslator).layers == {"decoder": "seq2seq.recurrence.GRU"}


def test_layer_may_be_passed_on_in_kwargs() -> None:
    assert parse_entry("GRU:depth=3", ForwardingModel).layers == {"layer": "seq2seq.recurrence.GRU"}
    message = (
        r"takes 0 layers \(its class attribute layer_options must name the options that take one\), and LSTM names 1"
    )
    with pytest.raises(UserError, match=message):
        parse_entry("LSTM", OpaqueModel)


def test_translator_entry_with_three_layers_is_rejected() -> None:
    message = r"a Translator takes 2 layers \(encoder, decoder\), and A/B/C names 3"
    with pytest.raises(ValueError, match=message):
        parse_entry("A/B/C", Translator)


@pytest.mark.parametrize("name", sorted(set(RECIPES) & set(registered_layers(causal=False))))
@pytest.mark.parametrize("model", [LanguageModel, Translator])
def test_recipes_use_known_options(name: str, model: type) -> None:
    layers = {layer_options(model)[-1]: f"seq2seq.recurrence.{name}"}
    known = default_options(model, layers)
    assert all(find_option(key, layers, known) for key in RECIPES[name])
    assert "size" not in RECIPES[name]
