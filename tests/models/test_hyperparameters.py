"""Laws of a model's options in a checkpoint."""

import io
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.errors import UserError
from seq2seq.inference.checkpoint import build
from seq2seq.models import LanguageModel, Translator
from seq2seq.models.hyperparameters import factories, plain
from seq2seq.nn.attention import MultiHeadAttention
from seq2seq.recurrence import GRU, LSTM, RNN, LayerFactory


def through_a_file(held: Any) -> Any:
    file = io.BytesIO()
    torch.save(held, file)
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
def test_what_it_gives_comes_back_from_a_file_and_is_plain_already(given_options: Any) -> None:
    held = plain(given_options)
    assert through_a_file(held) == held
    assert plain(held) == held


def test_classes_become_their_paths_and_partials_their_options_too() -> None:
    assert plain(LSTM) == {"class_path": "LSTM"}
    assert plain(partial(GRU, keep_bias=2)) == {
        "class_path": "GRU",
        "init_args": {"keep_bias": 2},
    }


@given(options)
def test_classes_and_partials_come_back(given_options: Any) -> None:
    held = plain(given_options)
    assert plain(factories(held)) == held


@pytest.mark.parametrize("where", ["os.system", "builtins.list", "seq2seq.state.detach", "torch.nn.Linear"])
def test_what_is_not_ours_needs_trust(where: str) -> None:
    module = where.rpartition(".")[0]
    with pytest.raises(UserError, match=f"{where}, which is no class of seq2seq.* with --trust {module}"):
        factories({"layer": {"class_path": where}})


@pytest.mark.parametrize("where", ["os.system", "builtins.list", "seq2seq.state.detach", "torch.nn.Linear"])
def test_only_layers_come_back_from_what_is_trusted(where: str) -> None:
    with pytest.raises(UserError, match=f"it names {where}, which is no"):
        factories({"layer": {"class_path": where}}, [where.rpartition(".")[0]])


@pytest.mark.parametrize(
    ("option", "name"),
    [("layer", "BilinearAttention"), ("layer", "SelfAttention"), ("attention", "LSTM"), ("decoder", "Bidirectional")],
)
def test_a_class_of_ours_must_fit_its_option(option: str, name: str) -> None:
    with pytest.raises(UserError, match=f"it names {name}, which is no .*, as {option} must be"):
        factories({option: {"class_path": name}})


@pytest.mark.parametrize("arguments", [{"never_heard_of": 1}, {"size": 3}, [1], "text"])
def test_a_class_gets_only_arguments_that_it_takes(arguments: Any) -> None:
    with pytest.raises(UserError, match="LSTM"):
        factories({"layer": {"class_path": "LSTM", "init_args": arguments}})


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (lambda i, s: LSTM(i, s), "must be numbers, strings, classes or functools.partial of classes, so that"),
        (partial(LSTM, 3), "must name its options"),
        (partial(lambda i, s: LSTM(i, s), s=3), "a layer must be a class, so that a checkpoint can name it"),
        (torch.zeros(2), "must be numbers"),
    ],
)
def test_what_no_checkpoint_can_hold_is_one_sentence(wrong: LayerFactory, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as raised:
        plain({"layer": wrong})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "model",
    [
        LanguageModel(9, layer=partial(RNN, nonlinearity="relu"), size=4, embedding_size=6, norm=True),
        Translator(7, 9, encoder=GRU, attention=partial(MultiHeadAttention, heads=2), size=4, input_feeding=True),
        Translator(7, 9, attention=None, size=4, tied=False),
    ],
    ids=["language", "heads", "fixed"],
)
def test_a_model_is_described_so_that_it_can_be_built_again(model: LanguageModel | Translator) -> None:
    checkpoint: dict[str, Any] = {}
    model.on_save_checkpoint(checkpoint)
    again = build(through_a_file(checkpoint)["model"])
    again.load_state_dict(model.state_dict())
    assert type(again) in type(model).__bases__  # without what trains it
    assert [str(part) for part in again.children()] == [str(part) for part in model.children()]
