"""What does not fit a kernel is refused before a pointer reaches it; what stands elsewhere in memory is read alike."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from seq2seq.kernels.attention import attend
from seq2seq.kernels.int8 import Gates, Product, chosen, rounded
from seq2seq.kernels.library import library
from seq2seq.kernels.search import likeliest

pytestmark = pytest.mark.skipif(library() is None, reason="needs a C++ compiler, and a processor with AVX2")

ROWS, SIZE, OUTPUTS, SENTENCES, LENGTH, COUNT, TIME, UNITS = 5, 20, 70, 3, 6, 4, 2, 18


class Call(NamedTuple):
    """A kernel's call that is right."""

    run: Callable[..., Any]
    given: dict[str, Tensor]
    free: tuple[tuple[str, int], ...] = ()  # axes that may be of any size
    converted: tuple[str, ...] = ()  # what may hold numbers of another type


def bytes_like(*shape: int) -> Tensor:
    return torch.randint(-127, 128, shape, dtype=torch.int8)


def product(inputs: int, outputs: int, name: str = "") -> dict[str, Tensor]:
    return {
        f"{name}weight": bytes_like(outputs, inputs),
        f"{name}scale": torch.rand(outputs),
        f"{name}bias": torch.randn(outputs),
    }


def linear(weight: Tensor, scale: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    return Product(weight, scale, bias)(x)


def cell(kind: Any) -> Callable[..., tuple[Tensor, Tensor]]:
    def run(x: Tensor, hidden: Tensor, kept: Tensor | None = None, **weights: Tensor) -> tuple[Tensor, Tensor]:
        outer, inner = (tuple(part for name, part in weights.items() if name[0] == side) for side in "oi")
        gates: Any = Gates
        return gates(kind, outer or None, inner)(x, hidden, hidden if kept is None else kept)  # type: ignore[no-any-return]

    return run


def calls() -> dict[str, Call]:
    torch.manual_seed(1)
    x, hidden = torch.randn(ROWS, SIZE), {"hidden": torch.randn(ROWS, UNITS), "kept": torch.randn(ROWS, UNITS)}
    made = {
        "attend": Call(
            lambda **given: attend(**given),
            {
                "queries": x,
                "sentences": torch.tensor([0, 0, 1, 2, 2]),
                "keys": torch.randn(SENTENCES, LENGTH, SIZE),
                "values": torch.randn(SENTENCES, LENGTH, SIZE + 1),
                "real": torch.rand(SENTENCES, LENGTH) < 0.7,
            },
            (("values", 2),),
        ),
        "rows": Call(rounded, {"x": x}, (("x", 0), ("x", 1))),
        "linear": Call(linear, {**product(SIZE, OUTPUTS), "x": x}, (("x", 0),), ("scale", "bias")),
        "chosen": Call(
            chosen,
            {
                **product(SIZE, OUTPUTS),
                "x": x,
                "owners": torch.tensor([0, 0, 1, 2, 2]),
                "ids": torch.randint(-1, OUTPUTS, (SENTENCES, COUNT)),
            },
            (("ids", 0), ("ids", 1)),
        ),
        "likeliest": Call(lambda logits: likeliest(logits, 3, [0, 2]), {"logits": x}, (("logits", 0), ("logits", 1))),
    }
    for kind, parts in (("lstm", 4), ("gru", 3)):
        inner, outer = product(UNITS, parts * UNITS, "inner "), product(SIZE, parts * UNITS, "outer ")
        may = ("hidden", "kept", *(f"{side} {part}" for side in ("inner", "outer") for part in ("scale", "bias")))
        states = dict(list(hidden.items())[: 2 if kind == "lstm" else 1])
        run = cell(kind)
        free = (("x", 0),)
        made[kind] = Call(run, {**inner, **outer, "x": torch.randn(TIME, ROWS, SIZE), **states}, free, may)
        heard = torch.randn(TIME, ROWS, parts * UNITS)
        made[f"{kind} without input"] = Call(run, {**inner, "x": heard, **states}, free, may)
    return made


CALLS = calls()
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def wrong_shapes(x: Tensor) -> Iterator[tuple[int | None, Tensor]]:
    """Other tensors, and the only axis whose size is another one."""
    for axis in range(x.dim()):
        yield axis, torch.cat([x, x.narrow(axis, 0, 1)], dim=axis)
        yield axis, x.narrow(axis, 0, x.shape[axis] - 1)
        yield None, x.select(axis, 0)
    yield None, x[None]
    yield None, x[..., None]
    yield None, x.flatten()[0]


@each_call
def test_other_shapes_are_refused(call: Call) -> None:
    call.run(**call.given)
    for name, right in call.given.items():
        for axis, wrong in wrong_shapes(right):
            if (name, axis) in call.free:
                if wrong.numel() > right.numel():  # with less, an index may be beyond the end
                    call.run(**{**call.given, name: wrong})
                continue
            with pytest.raises(ValueError, match=r"must (be|have) .*\bgiven$"):
                call.run(**{**call.given, name: wrong})


@each_call
def test_numbers_of_another_type_are_refused(call: Call) -> None:
    for name, right in call.given.items():
        for dtype in {torch.float32, torch.float64, torch.bfloat16, torch.int32, torch.int8, torch.bool} - {
            right.dtype
        }:
            if name in call.converted:
                continue
            with pytest.raises(ValueError, match=f"{name.split()[-1]} must be {right.dtype} .* and {dtype}"):
                call.run(**{**call.given, name: right.to(dtype)})


@each_call
def test_what_is_not_in_the_memory_of_the_cpu_is_refused(call: Call) -> None:
    for name, right in call.given.items():
        with pytest.raises(ValueError, match=r"on the CPU, and .* on meta was given"):
            call.run(**{**call.given, name: right.to("meta")})


@each_call
def test_strides_change_nothing(call: Call) -> None:
    expected = call.run(**call.given)
    strided = {}
    for name, right in call.given.items():
        wide = torch.stack([right, right.roll(1, 0)], dim=-1)
        strided[name] = wide.transpose(0, right.dim() - 1).contiguous().transpose(0, right.dim() - 1)[..., 0]
        assert torch.equal(strided[name], right)
        assert not strided[name].is_contiguous()
    torch.testing.assert_close(call.run(**strided), expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("index", [-1, SENTENCES, 2**40, -(2**62)])
@pytest.mark.parametrize("row", [0, ROWS - 1])
def test_a_sentence_that_there_is_not_is_refused(index: int, row: int) -> None:
    for call, name in ((CALLS["attend"], "sentences"), (CALLS["chosen"], "owners")):
        wrong = call.given[name].clone()
        wrong[row] = index
        with pytest.raises(ValueError, match=rf"{name} must be from 0 to {SENTENCES - 1}, and .*{index}\b.* given"):
            call.run(**{**call.given, name: wrong})


@pytest.mark.parametrize("index", [-2, OUTPUTS, 2**40, -(2**62)])
@pytest.mark.parametrize("place", [(0, 0), (SENTENCES - 1, COUNT - 1)])
def test_an_output_that_there_is_not_is_refused(index: int, place: tuple[int, int]) -> None:
    call = CALLS["chosen"]
    ids = call.given["ids"].clone()
    ids[place] = index
    with pytest.raises(ValueError, match=rf"ids must be from -1 to {OUTPUTS - 1}, and .*{index}\b.* given"):
        call.run(**{**call.given, "ids": ids})


@pytest.mark.parametrize(
    ("count", "excluded", "sentence"),
    [
        (0, [], "count must be at least 1, and 0 was given"),
        (-5, [], "count must be at least 1, and -5 was given"),
        (3, [0, 64], "an excluded token must be from 0 to 63, and 64 was given"),
        (3, [-1], "an excluded token must be from 0 to 63, and -1 was given"),
    ],
)
def test_counts_and_tokens_beyond_their_range_are_refused(count: int, excluded: list[int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        likeliest(torch.randn(2, 90), count, excluded)


def test_there_may_be_fewer_tokens_than_are_asked_for() -> None:
    for size, count in ((0, 2), (3, 9), (20, 40)):
        scores, tokens = likeliest(torch.randn(2, size), count, [0, 1])
        assert scores.shape == tokens.shape == (2, count)
        assert (tokens[:, max(0, size - 2) :] == 0).all()
        assert (tokens < max(1, size)).all()


def test_outputs_that_gates_cannot_share_are_refused() -> None:
    with pytest.raises(ValueError, match="the outputs must be a multiple of 4, and 70 were given"):
        Product(bytes_like(OUTPUTS, SIZE), torch.rand(OUTPUTS), None, gates=4)
