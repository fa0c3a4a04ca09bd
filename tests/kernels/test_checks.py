"""Invalid tensors are rejected before a kernel gets their pointers; strided tensors give the same results."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from seq2seq.kernels.attention import attend
from seq2seq.kernels.int8 import PackedLinear, PackedRNN, linear_selected
from seq2seq.kernels.library import library
from seq2seq.kernels.search import topk_log_probabilities

pytestmark = pytest.mark.skipif(library() is None, reason="needs a C++ compiler, and a processor with AVX2")

ROWS, SIZE, OUTPUTS, SENTENCES, LENGTH, COUNT, TIME, UNITS = 5, 20, 70, 3, 6, 4, 2, 18


class Call(NamedTuple):
    """A valid call of a kernel."""

    run: Callable[..., Any]
    arguments: dict[str, Tensor]
    free_axes: tuple[tuple[str, int], ...] = ()  # axes of arguments that may have any size
    converted: tuple[str, ...] = ()  # arguments that may have another type


def random_int8(*shape: int) -> Tensor:
    return torch.randint(-127, 128, shape, dtype=torch.int8)


def parameters(inputs: int, outputs: int, name: str = "") -> dict[str, Tensor]:
    return {
        f"{name}weight": random_int8(outputs, inputs),
        f"{name}scale": torch.rand(outputs),
        f"{name}bias": torch.randn(outputs),
    }


def linear(weight: Tensor, scale: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    return PackedLinear(weight, scale, bias)(x)


def recurrent(kind: Any) -> Callable[..., tuple[Tensor, Tensor]]:
    def run(x: Tensor, hidden: Tensor, cell: Tensor | None = None, **weights: Tensor) -> tuple[Tensor, Tensor]:
        ih, hh = (tuple(tensor for name, tensor in weights.items() if name[:2] == part) for part in ("ih", "hh"))
        packed: Any = PackedRNN
        return packed(kind, ih or None, hh)(x, hidden, hidden if cell is None else cell)  # type: ignore[no-any-return]

    return run


def valid_calls() -> dict[str, Call]:
    torch.manual_seed(1)
    x, all_states = torch.randn(ROWS, SIZE), {"hidden": torch.randn(ROWS, UNITS), "cell": torch.randn(ROWS, UNITS)}
    calls = {
        "attend": Call(
            lambda **arguments: attend(**arguments),
            {
                "queries": x,
                "sentences": torch.tensor([0, 0, 1, 2, 2]),
                "keys": torch.randn(SENTENCES, LENGTH, SIZE),
                "values": torch.randn(SENTENCES, LENGTH, SIZE + 1),
                "mask": torch.rand(SENTENCES, LENGTH) < 0.7,
            },
            (("values", 2),),
        ),
        "linear": Call(linear, {**parameters(SIZE, OUTPUTS), "x": x}, (("x", 0),), ("scale", "bias")),
        "linear_selected": Call(
            linear_selected,
            {
                **parameters(SIZE, OUTPUTS),
                "x": x,
                "sentences": torch.tensor([0, 0, 1, 2, 2]),
                "ids": torch.randint(-1, OUTPUTS, (SENTENCES, COUNT)),
            },
            (("ids", 0), ("ids", 1)),
        ),
        "topk": Call(
            lambda logits: topk_log_probabilities(logits, 3, [0, 2]), {"logits": x}, (("logits", 0), ("logits", 1))
        ),
    }
    for kind, gates in (("lstm", 4), ("gru", 3)):
        hh, ih = parameters(UNITS, gates * UNITS, "hh "), parameters(SIZE, gates * UNITS, "ih ")
        converted = ("hidden", "cell", *(f"{part} {name}" for part in ("hh", "ih") for name in ("scale", "bias")))
        states = dict(list(all_states.items())[: 2 if kind == "lstm" else 1])
        run = recurrent(kind)
        free_axes = (("x", 0),)
        calls[kind] = Call(run, {**hh, **ih, "x": torch.randn(TIME, ROWS, SIZE), **states}, free_axes, converted)
        gates_ih = torch.randn(TIME, ROWS, gates * UNITS)
        calls[f"{kind} from gates"] = Call(run, {**hh, "x": gates_ih, **states}, free_axes, converted)
    return calls


CALLS = valid_calls()
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def wrong_shapes(x: Tensor) -> Iterator[tuple[int | None, Tensor]]:
    """Yield tensors of other shapes, and the axis that differs, or None if the number of axes does."""
    for axis in range(x.dim()):
        yield axis, torch.cat([x, x.narrow(axis, 0, 1)], dim=axis)
        yield axis, x.narrow(axis, 0, x.shape[axis] - 1)
        yield None, x.select(axis, 0)
    yield None, x[None]
    yield None, x[..., None]
    yield None, x.flatten()[0]


@each_call
def test_wrong_shapes_are_rejected(call: Call) -> None:
    call.run(**call.arguments)
    for name, valid in call.arguments.items():
        for axis, wrong in wrong_shapes(valid):
            if (name, axis) in call.free_axes:
                if wrong.numel() > valid.numel():  # a smaller one may make an index invalid
                    call.run(**{**call.arguments, name: wrong})
                continue
            with pytest.raises(ValueError, match=r"must (be|have) .*\bgiven$"):
                call.run(**{**call.arguments, name: wrong})


@each_call
def test_wrong_types_are_rejected(call: Call) -> None:
    for name, valid in call.arguments.items():
        for dtype in {torch.float32, torch.float64, torch.bfloat16, torch.int32, torch.int8, torch.bool} - {
            valid.dtype
        }:
            if name in call.converted:
                continue
            with pytest.raises(ValueError, match=f"{name.split()[-1]} must be {valid.dtype} .* and {dtype}"):
                call.run(**{**call.arguments, name: valid.to(dtype)})


@each_call
def test_tensors_on_other_devices_are_rejected(call: Call) -> None:
    for name, valid in call.arguments.items():
        with pytest.raises(ValueError, match=r"on the CPU, and .* on meta was given"):
            call.run(**{**call.arguments, name: valid.to("meta")})


@each_call
def test_strided_tensors_give_the_same_result(call: Call) -> None:
    expected = call.run(**call.arguments)
    strided = {}
    for name, valid in call.arguments.items():
        doubled = torch.stack([valid, valid.roll(1, 0)], dim=-1)
        strided[name] = doubled.transpose(0, valid.dim() - 1).contiguous().transpose(0, valid.dim() - 1)[..., 0]
        assert torch.equal(strided[name], valid)
        assert not strided[name].is_contiguous()
    torch.testing.assert_close(call.run(**strided), expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("index", [-1, SENTENCES, 2**40, -(2**62)])
@pytest.mark.parametrize("row", [0, ROWS - 1])
def test_a_sentence_index_out_of_range_is_rejected(index: int, row: int) -> None:
    for call in (CALLS["attend"], CALLS["linear_selected"]):
        sentences = call.arguments["sentences"].clone()
        sentences[row] = index
        with pytest.raises(ValueError, match=rf"sentences must be from 0 to {SENTENCES - 1}, and .*{index}\b.* given"):
            call.run(**{**call.arguments, "sentences": sentences})


@pytest.mark.parametrize("index", [-2, OUTPUTS, 2**40, -(2**62)])
@pytest.mark.parametrize("position", [(0, 0), (SENTENCES - 1, COUNT - 1)])
def test_an_output_id_out_of_range_is_rejected(index: int, position: tuple[int, int]) -> None:
    call = CALLS["linear_selected"]
    ids = call.arguments["ids"].clone()
    ids[position] = index
    with pytest.raises(ValueError, match=rf"ids must be from -1 to {OUTPUTS - 1}, and .*{index}\b.* given"):
        call.run(**{**call.arguments, "ids": ids})


@pytest.mark.parametrize(
    ("count", "excluded", "message"),
    [
        (0, [], "count must be at least 1, and 0 was given"),
        (-5, [], "count must be at least 1, and -5 was given"),
        (3, [0, 64], "an excluded token must be from 0 to 63, and 64 was given"),
        (3, [-1], "an excluded token must be from 0 to 63, and -1 was given"),
    ],
)
def test_counts_and_excluded_tokens_out_of_range_are_rejected(count: int, excluded: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        topk_log_probabilities(torch.randn(2, 90), count, excluded)


def test_count_may_exceed_the_number_of_tokens() -> None:
    for size, count in ((0, 2), (3, 9), (20, 40)):
        scores, tokens = topk_log_probabilities(torch.randn(2, size), count, [0, 1])
        assert scores.shape == tokens.shape == (2, count)
        assert (tokens[:, max(0, size - 2) :] == 0).all()
        assert (tokens < max(1, size)).all()


def test_outputs_that_are_no_multiple_of_the_gates_are_rejected() -> None:
    with pytest.raises(ValueError, match="the outputs must be a multiple of 4, and 70 were given"):
        PackedLinear(random_int8(OUTPUTS, SIZE), torch.rand(OUTPUTS), None, gates=4)
