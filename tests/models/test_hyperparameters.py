"""Serialization of a model's options in a checkpoint."""

import io
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.errors import UserError
from seq2seq.models.hyperparameters import deserialize_options, serialize_options
from seq2seq.nn.attention import MultiHeadAttention
from seq2seq.recurrence import GRU, LSTM, RNN, BlockConfig, LayerFactory
from seq2seq.tasks.loading import build_network
from seq2seq.training.language_model import LanguageModel
from seq2seq.training.translator import Translator


def save_and_load(value: Any) -> Any:
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=5)
    | st.sampled_from([LSTM, partial(GRU, keep_bias=2.0), partial(RNN, nonlinearity="relu")])
    | st.builds(np.float64, st.floats(allow_nan=False))
)
options = st.recursive(
    leaves,
    lambda part: (
        st.lists(part, max_size=3)
        | st.lists(part, max_size=3).map(tuple)
        | st.dictionaries(st.text("abc", max_size=3), part, max_size=3)
    ),
    max_leaves=8,
)


@given(options)
def test_serialized_options_can_be_saved_and_serialized_again(given_options: Any) -> None:
    serialized = serialize_options(given_options)
    assert save_and_load(serialized) == serialized
    assert serialize_options(serialized) == serialized


def test_classes_and_partials_are_serialized_as_class_path_and_init_args() -> None:
    assert serialize_options(LSTM) == {"class_path": "LSTM"}
    assert serialize_options(partial(GRU, keep_bias=2)) == {
        "class_path": "GRU",
        "init_args": {"keep_bias": 2},
    }


@given(options)
def test_deserialize_restores_classes_and_partials(given_options: Any) -> None:
    serialized = serialize_options(given_options)
    assert serialize_options(deserialize_options(serialized)) == serialized


@pytest.mark.parametrize("where", ["os.system", "builtins.list", "seq2seq.state.detach", "torch.nn.Linear"])
def test_class_from_elsewhere_needs_trust(where: str) -> None:
    module = where.rpartition(".")[0]
    with pytest.raises(UserError, match=f"{where}, which is not a class of seq2seq.* with --trust {module}"):
        deserialize_options({"layer": {"class_path": where}})


@pytest.mark.parametrize("where", ["os.system", "builtins.list", "seq2seq.state.detach", "torch.nn.Linear"])
def test_trusted_modules_may_provide_only_layers(where: str) -> None:
    with pytest.raises(UserError, match=f"it names {where}, which is no"):
        deserialize_options({"layer": {"class_path": where}}, [where.rpartition(".")[0]])


@pytest.mark.parametrize(
    ("option", "name"),
    [("layer", "BilinearAttention"), ("layer", "SelfAttention"), ("attention", "LSTM"), ("decoder", "Bidirectional")],
)
def test_class_must_fit_its_option(option: str, name: str) -> None:
    with pytest.raises(UserError, match=f"it names {name}, which is no .*, as {option} must be"):
        deserialize_options({option: {"class_path": name}})


@pytest.mark.parametrize("arguments", [{"nonexistent": 1}, {"size": 3}, [1], "text"])
def test_unexpected_arguments_raise(arguments: Any) -> None:
    with pytest.raises(UserError, match="LSTM"):
        deserialize_options({"layer": {"class_path": "LSTM", "init_args": arguments}})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda i, s: LSTM(i, s), "must be numbers, strings, classes or functools.partial of classes, so that"),
        (partial(LSTM, 3), "must name its options"),
        (partial(lambda i, s: LSTM(i, s), s=3), "a layer must be a class, so that a checkpoint can name it"),
        (torch.zeros(2), "must be numbers"),
    ],
)
def test_options_that_cannot_be_serialized_raise_a_one_line_error(wrong: LayerFactory, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        serialize_options({"layer": wrong})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "model",
    [
        LanguageModel(
            9, layer=partial(RNN, nonlinearity="relu"), size=4, embedding_size=6, block=BlockConfig(norm=True)
        ),
        Translator(7, 9, encoder=GRU, attention=partial(MultiHeadAttention, heads=2), size=4, input_feeding=True),
        Translator(7, 9, attention=None, size=4, tied=False),
    ],
    ids=["language", "heads", "fixed"],
)
def test_model_is_rebuilt_from_its_checkpoint(model: LanguageModel | Translator) -> None:
    checkpoint: dict[str, Any] = {}
    model.on_save_checkpoint(checkpoint)
    rebuilt = build_network(save_and_load(checkpoint)["model"])
    rebuilt.load_state_dict(model.state_dict())
    assert type(rebuilt) in type(model).__bases__  # the network without its training code
    assert [str(part) for part in rebuilt.children()] == [str(part) for part in model.children()]
