"""The tests of memory and of generation ask what they mean to ask, and leave no layer out."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks import generation, memory
from seq2seq import recurrence
from seq2seq.recurrence import Recurrence, Stack

ROWS = 200


def batch(task: str) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs, targets, and which steps are asked."""
    inputs, targets = memory.TASKS[task].batch(ROWS, torch.Generator().manual_seed(1))
    return inputs, targets, targets != memory.NOTHING


def exported() -> set[str]:
    every = {name: getattr(recurrence, name) for name in recurrence.__all__}
    layers = {name for name, it in every.items() if isinstance(it, type) and issubclass(it, Recurrence)}
    return layers - {Recurrence.__name__, Stack.__name__}


@pytest.mark.parametrize("module", [memory, generation])
def test_every_exported_layer_has_a_row(module: object) -> None:
    assert {name.split(",")[0] for name in module.LAYERS} == exported()


def test_copying_asks_for_the_first_symbols_in_order_after_the_delay() -> None:
    inputs, targets, asked = batch("copying")
    assert asked.sum(dim=1).eq(memory.COPIED).all()
    assert asked[:, -memory.COPIED :].all()
    assert torch.equal(targets[:, -memory.COPIED :], inputs[:, : memory.COPIED, 0])
    waiting = inputs[:, memory.COPIED :, 0]
    assert (waiting >= memory.SYMBOLS).all()  # what is to be said does not stand there again
    assert (waiting == memory.SYMBOLS).sum(dim=1).eq(memory.DELAY).all()


def test_recall_asks_for_the_value_that_stood_beside_the_key() -> None:
    inputs, targets, asked = batch("recall")
    for row, answers, where in zip(inputs.tolist(), targets.tolist(), asked.tolist(), strict=True):
        told = {key: value - memory.KEYS for key, value in row[: memory.PAIRS]}
        assert len(told) == memory.PAIRS
        questions = [
            (key, beside, answer) for (key, beside), answer, yes in zip(row, answers, where, strict=True) if yes
        ]
        assert len(questions) == memory.QUERIES
        assert all(told[key] == answer for key, _, answer in questions)
        assert all(beside == memory.KEYS + memory.VALUES for _, beside, _ in questions)  # the answer is not given


@pytest.mark.parametrize("task", memory.TASKS)
def test_a_constant_answer_is_right_by_chance_only(task: str) -> None:
    inputs, targets, asked = batch(task)
    answers = memory.TASKS[task].answers
    for constant in range(answers):
        logits = torch.zeros(*targets.shape, answers)
        logits[..., constant] = 1.0
        assert abs(memory.accuracy(logits, targets) - 1 / answers) < 0.05
    assert int(inputs.max()) == memory.TASKS[task].tokens - 1
    assert asked.any()


def test_the_table_of_memory_has_a_row_for_each_layer_and_trains_none_twice(tmp_path: Path) -> None:
    kept = tmp_path / "cells.json"
    found = memory.measure(["MinGRU", "CausalAttention"], 1, 2, memory.Cells(kept))
    lines = memory.table(found).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["MinGRU", "CausalAttention"]
    assert "grows" in lines[3]
    again = memory.Cells(kept)
    assert len(again.all) == 8  # two layers, two tasks, two rates
    before = kept.stat().st_mtime_ns
    assert memory.measure(["MinGRU", "CausalAttention"], 1, 2, again) == found
    assert kept.stat().st_mtime_ns == before
    memory.draw(found, tmp_path / "memory.png")
    assert (tmp_path / "memory.png").stat().st_size > 1000


@pytest.mark.parametrize("layer", memory.LAYERS)
def test_every_layer_trains(layer: str) -> None:
    cell = memory.train(layer, "recall", 0.01, 1, steps=2, width=8, depth=1)
    assert 0 <= cell.accuracy <= 1
    assert cell.learned is None
    assert cell.parameters > 0
    assert cell.state > 0


def test_what_is_easy_is_learned_before_the_last_step() -> None:
    cell = memory.train("CausalAttention", "copying", 0.01, 1, steps=300, depth=1)
    assert cell.learned is not None
    assert cell.accuracy > 0.98


def test_the_table_of_generation_has_a_row_for_each_layer() -> None:
    outcomes = [generation.write(layer, 20) for layer in generation.LAYERS]
    lines = generation.table(outcomes).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(generation.LAYERS)


def test_only_attention_without_a_window_grows_while_it_writes() -> None:
    outcomes = [generation.write(layer, 30) for layer in ("GRU", "Mamba", "CausalAttention")]
    assert [o.state_end > o.state_early for o in outcomes] == [False, False, True]
    assert all(o.characters == 30 and o.first > 0 and o.last > 0 and o.memory_end > 0 for o in outcomes)
