"""Serialization of a model's options in a checkpoint."""

import io
import math
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal, Optional, Protocol

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.errors import UserError
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.hyperparameters import deserialize, deserialize_options, serialize, serialize_options
from seq2seq.models.language_model import LanguageModelNetwork
from seq2seq.nn.attention import Attention, MultiHeadAttention
from seq2seq.recurrence import GRU, LSTM, RNN, BlockConfig, LayerFactory, Recurrence
from seq2seq.search import Beam, Search
from seq2seq.tasks.loading import build_network
from seq2seq.training.language_model import LanguageModel
from seq2seq.training.translator import Translator
from tests.tasks import my_options
from tests.tasks.my_options import Activation, ClippedMemory, Leak, LeakyRNN, Memory, Order, Scaled, Tanh

MODULE = my_options.__name__
# the options of a translator as in checkpoints of FORMAT 3
TRANSLATOR = {
    "source_vocab_size": 11,
    "target_vocab_size": 11,
    "shared_vocabulary": True,
    "encoder": {"class_path": "SelfAttention", "init_args": {"heads": 4, "rotary": True}},
    "decoder": {"class_path": "LSTM", "init_args": {"forget_bias": 1.0, "weight_dropout": 0.0, "memory_span": None}},
    "attention": {"class_path": "MultiHeadAttention", "init_args": {"heads": 4}},
    "size": 32,
    "block": {"norm": True, "residual": True, "feed_forward": 0.0, "dropout": None},
    "output": {"class_path": "LinearOutput"},
}


class MakesLayer(Protocol):
    def __call__(self, input_size: int, size: int, /) -> Recurrence[Any]: ...


class Pooling(LeakyRNN):
    """Passes arguments on to its base class, and has an option whose type does not resolve."""

    def __init__(self, input_size: int, size: int, extra: "NoSuchType" = 1, **options: Any) -> None:  # type: ignore[name-defined]  # noqa: F821
        super().__init__(input_size, size, **options)
        self.extra = extra


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
    serialized = serialize(given_options)
    assert save_and_load(serialized) == serialized
    assert serialize(serialized) == serialized


def test_classes_and_partials_are_serialized_as_class_path_and_init_args() -> None:
    assert serialize(LSTM) == {"class_path": "LSTM"}
    assert serialize(partial(GRU, keep_bias=2)) == {
        "class_path": "GRU",
        "init_args": {"keep_bias": 2},
    }


@given(options)
def test_deserialize_restores_classes_and_partials(given_options: Any) -> None:
    serialized = serialize(given_options)
    assert serialize(deserialize(serialized)) == serialized


@pytest.mark.parametrize("where", ["os.system", "builtins.list", "seq2seq.state.detach", "torch.nn.Linear"])
def test_class_from_elsewhere_needs_trust(where: str) -> None:
    module = where.rpartition(".")[0]
    with pytest.raises(UserError, match=f"{where}, which is not a class of seq2seq.* with --trust {module}"):
        deserialize_options({"layer": {"class_path": where}}, LanguageModelNetwork)


@pytest.mark.parametrize("where", ["os.system", "builtins.list", "seq2seq.state.detach", "torch.nn.Linear"])
def test_trusted_modules_may_provide_only_layers(where: str) -> None:
    with pytest.raises(UserError, match=f"it names {where}, which is (no|of posix: trust)"):
        deserialize_options({"layer": {"class_path": where}}, LanguageModelNetwork, [where.rpartition(".")[0]])


@pytest.mark.parametrize(
    ("model", "option", "name"),
    [
        (LanguageModelNetwork, "layer", "BilinearAttention"),
        (LanguageModelNetwork, "layer", "SelfAttention"),
        (EncoderDecoder, "attention", "LSTM"),
        (EncoderDecoder, "decoder", "Bidirectional"),
    ],
)
def test_class_must_fit_its_option(model: type, option: str, name: str) -> None:
    with pytest.raises(UserError, match=f"it names {name}, which is no .*, as {option} must be"):
        deserialize_options({option: {"class_path": name}}, model)


@pytest.mark.parametrize("arguments", [{"nonexistent": 1}, {"size": 3}, [1], "text"])
def test_unexpected_arguments_raise(arguments: Any) -> None:
    with pytest.raises(UserError, match="LSTM"):
        deserialize_options({"layer": {"class_path": "LSTM", "init_args": arguments}}, LanguageModelNetwork)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            lambda i, s: LSTM(i, s),
            "a function must be defined in a module, so that a checkpoint can name it, not <function <lambda>",
        ),
        (partial(LSTM, 3), "must name its options"),
        (partial(lambda i, s: LSTM(i, s), s=3), "a layer must be a class, so that a checkpoint can name it"),
        (
            torch.zeros(2),
            "must be numbers, strings, enumerations, dataclasses, classes, functools.partial of classes or",
        ),
    ],
)
def test_options_that_cannot_be_serialized_raise_a_one_line_error(wrong: LayerFactory, message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        serialize_options({"layer": wrong}, LanguageModelNetwork)
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


def test_stored_format_of_a_translator_is_unchanged() -> None:
    options = deserialize_options(TRANSLATOR, EncoderDecoder)
    assert options["block"] == BlockConfig(norm=True, residual=True)
    assert (options["encoder"].func.__name__, options["encoder"].keywords) == (
        "SelfAttention",
        {"heads": 4, "rotary": True},
    )
    EncoderDecoder(**options)
    assert serialize_options(options, EncoderDecoder) == TRANSLATOR


MEMORY = Memory(Leak(0.5, Order.SECOND), "mean", (1.0, 2.0))
STORED_MEMORY = {"leak": {"rate": 0.5, "order": "SECOND"}, "update": "mean", "lags": [1.0, 2.0]}
DEFAULT_MEMORY = {"leak": None, "update": "add", "lags": []}
BOUNDED = {"class_path": f"{MODULE}.LeakyRNN", "init_args": {"bound": f"{MODULE}.clamp"}}


@dataclass(frozen=True)
class Share:
    """Has only the first of the fields of a leak."""

    rate: float


@pytest.mark.parametrize(
    ("annotation", "value", "stored"),
    [
        (Memory, MEMORY, STORED_MEMORY),
        (Memory | None, MEMORY, STORED_MEMORY),
        (Optional[Memory], None, None),  # noqa: UP045
        (Annotated[Memory, "text"], Memory(), DEFAULT_MEMORY),
        (list[Memory], [MEMORY, Memory()], [STORED_MEMORY, DEFAULT_MEMORY]),
        (Sequence[Memory | int], [3, Memory()], [3, DEFAULT_MEMORY]),
        (tuple[int, Memory], (3, Memory()), [3, DEFAULT_MEMORY]),
        (tuple[int, ...], (3, 4), [3, 4]),
        (Mapping[str, Memory], {"a": Memory()}, {"a": DEFAULT_MEMORY}),
        (Leak | Memory, Memory(), DEFAULT_MEMORY),
        (Order, Order.SECOND, "SECOND"),
        (str | Order, "THIRD", "THIRD"),
        (str | Order, "SECOND", "SECOND"),
        (Literal["SECOND"] | Order, "SECOND", "SECOND"),
        (str | Order, Order.SECOND, {"class_path": f"{MODULE}.Order", "init_args": {"name": "SECOND"}}),
        (Order | str, Order.SECOND, "SECOND"),
        (Leak | Share, Share(0.5), {"class_path": f"{__name__}.Share", "init_args": {"rate": 0.5}}),
        (Share | Leak, Share(0.5), {"rate": 0.5}),
        (Share | Leak, Leak(), {"rate": 0.1, "order": "FIRST"}),
        (dict[int, float], {1: 0.5}, {"1": 0.5}),
        (Mapping[Order | float, int] | None, {Order.FIRST: 2, 0.5: 3}, {"FIRST": 2, "0.5": 3}),
        (Callable[[float], float], my_options.clamp, f"{MODULE}.clamp"),
        (Callable[[float], float], math.tanh, "math.tanh"),
        (LayerFactory, partial(LeakyRNN, bound=my_options.clamp), BOUNDED),
        (
            Memory,
            ClippedMemory(limit=2.0),
            {"class_path": f"{MODULE}.ClippedMemory", "init_args": {**DEFAULT_MEMORY, "limit": 2.0}},
        ),
        (type[Activation], Tanh, {"class_path": f"{MODULE}.Tanh"}),
        (MakesLayer, GRU, {"class_path": "GRU"}),
        (LayerFactory | int, GRU, {"class_path": "GRU"}),
        (Any, GRU, {"class_path": "GRU"}),
        (Callable, GRU, {"class_path": "GRU"}),
        (
            LayerFactory,
            partial(LeakyRNN, memory=MEMORY),
            {"class_path": f"{MODULE}.LeakyRNN", "init_args": {"memory": STORED_MEMORY}},
        ),
    ],
)
def test_values_are_restored_by_the_type_of_the_option(annotation: Any, value: Any, stored: Any) -> None:
    assert serialize(value, annotation) == stored
    restored = deserialize(save_and_load(stored), annotation, [MODULE, __name__, "math"])
    if isinstance(value, partial):
        assert (restored.func, restored.keywords) == (value.func, value.keywords)
    else:
        assert restored == value
        assert type(restored) is type(value)


def test_keys_of_a_mapping_that_its_type_does_not_restore_are_refused() -> None:
    for annotation, key in ((dict[str, int], 1), (dict[tuple[int, int], int], (1, 2)), (dict[int, int], True)):
        with pytest.raises(UserError, match="keys of a mapping must be strings, numbers or members of an enumeration"):
            serialize({key: 1}, annotation)


def test_functions_that_cannot_be_restored_are_refused() -> None:
    def local(x: float) -> float:
        return x

    with pytest.raises(UserError, match="a function must be defined in a module"):
        serialize(local, Callable[[float], float])
    with pytest.raises(UserError, match=r"the option with the function .*\.clamp must have a type such as Callable"):
        serialize(my_options.clamp, Any)


def test_member_of_an_enumeration_must_exist() -> None:
    stored = {"class_path": f"{MODULE}.Order", "init_args": {"name": "THIRD"}}
    with pytest.raises(UserError, match="Order does not have the member that is stored for it"):
        deserialize(stored, str | Order, [MODULE])
    with pytest.raises(UserError, match=f"trust its module with --trust {MODULE}"):
        deserialize(stored, str | Order)


def test_dataclass_of_this_package_is_stored_with_its_name() -> None:
    stored = serialize({"search": Beam(beams=3)}, Mapping[str, Search])
    assert stored["search"]["class_path"] == "Beam"
    assert deserialize(stored, Mapping[str, Search]) == {"search": Beam(beams=3)}


SCALED = {
    "class_path": f"{MODULE}.Scaled",
    "init_args": {"factor": 2.0, "inner": {"class_path": f"{MODULE}.Tanh"}},
}


@pytest.mark.parametrize("annotation", [Activation, Activation | None, Callable[[float], float], Callable])
def test_objects_are_built_from_class_path_and_init_args(annotation: Any) -> None:
    assert serialize(Namespace(**SCALED), annotation) == SCALED
    restored = deserialize(SCALED, annotation, [MODULE])
    assert type(restored) is Scaled
    assert (restored.factor, type(restored.inner)) == (2.0, Tanh)


def test_objects_need_trust_and_must_fit_their_option() -> None:
    with pytest.raises(UserError, match=f"trust its module with --trust {MODULE}"):
        deserialize_options({"activation": SCALED}, LeakyRNN)
    with pytest.raises(UserError, match=r"it names .*\.Leak, which is no Activation, as activation must be"):
        deserialize_options({"activation": {"class_path": f"{MODULE}.Leak"}}, LeakyRNN, [MODULE])
    with pytest.raises(UserError, match="Scaled does not take the arguments that are stored for it: missing"):
        deserialize_options({"activation": {"class_path": f"{MODULE}.Scaled"}}, LeakyRNN, [MODULE])
    with pytest.raises(UserError, match=r"Memory does not take the arguments .* unexpected keyword argument 'lag'"):
        deserialize_options({"memory": {"lag": 1}}, LeakyRNN)
    with pytest.raises(UserError, match=r"must be numbers, .* not <.*Tanh object"):
        serialize_options({"activation": Tanh()}, LeakyRNN)


def test_functions_and_constants_have_an_import_path() -> None:
    for annotation in (Callable[[float], float], Callable[[float], float] | None, LayerFactory):
        assert deserialize(f"{MODULE}.clamp", annotation, [MODULE]) is my_options.clamp
    assert deserialize(f"{MODULE}.PASS_ON", Activation, [MODULE]) is my_options.PASS_ON
    for annotation in (str, Any, str | Activation, Literal["a.b"]):
        assert deserialize("os.system", annotation) == "os.system"
    with pytest.raises(UserError, match=f"trust its module with --trust {MODULE}"):
        deserialize(f"{MODULE}.PASS_ON", Activation)
    with pytest.raises(UserError, match="which is no Activation, as after must be"):
        deserialize_options({"after": f"{MODULE}.clamp"}, LeakyRNN, [MODULE])


def test_options_that_a_constructor_passes_on_have_the_types_of_its_base_class() -> None:
    path = f"{__name__}.Pooling"
    config = {"class_path": path, "init_args": {"extra": 2}, "dict_kwargs": {"memory": STORED_MEMORY}}
    stored = serialize(config)
    assert stored == {"class_path": path, "init_args": {"extra": 2, "memory": STORED_MEMORY}}
    assert deserialize(stored, LayerFactory, [__name__]).keywords == {"extra": 2, "memory": MEMORY}


def test_a_class_of_an_option_without_a_type_is_a_layer_an_attention_or_an_output_layer() -> None:
    stored = {"class_path": "MultiHeadAttention", "init_args": {"heads": 2}}
    assert deserialize(stored).func is MultiHeadAttention
    assert issubclass(MultiHeadAttention, Attention)
    with pytest.raises(UserError, match="which is no Recurrence or EncoderLayer or Attention or OutputLayer"):
        deserialize({"class_path": f"{MODULE}.Tanh"}, Any, [MODULE])
