"""The benchmarks count and compare what they say, and those of memory and of generation leave no layer out."""

import json
import os
import sys
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import Runs
from torch import Tensor

from benchmarks import __main__ as suite
from benchmarks import (
    beams,
    contest,
    corpora,
    decoding,
    generation,
    growth,
    growth_series,
    memory,
    operations,
    report,
    slopes,
    starting,
    waiting,
)
from benchmarks.children import once
from benchmarks.contest import Spread
from benchmarks.figure import Figure, Growth, Section, Target
from benchmarks.setting import Setting
from benchmarks.translating import Case, usual
from benchmarks.watch import anonymous, watched
from seq2seq import recurrence
from seq2seq.inference import SearchOptions, load_translation
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


def quick(tmp_path: Path) -> Setting:
    return Setting(tmp_path, rounds=1, quick=True, apart=False)


def test_operations_are_those_worked_by_hand() -> None:
    assert operations.linear(3, 4, 5) == 2 * 3 * 4 * 5
    assert operations.lstm(2, 3, 4) == 2 * 2 * (3 + 4) * 16
    assert operations.language_model(10, vocabulary=5, size=2, depth=1) == 640 + 200
    # the encoder 768, its summary 32, the layers of the decoder 1,024 and 1,152, the keys 64, six looks 96, words 360
    assert operations.translator([2], [3], vocabulary=7, size=4, depth=2) == 3496
    assert operations.translator([2], [3], vocabulary=7, size=4, depth=2, feeding=True) == 3496 + 512


def test_operations_of_an_output_layer_are_those_that_torch_counts() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    layer, x = torch.nn.Linear(8, 50), torch.randn(6, 8, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        layer(x).sum().backward()
    assert counter.get_total_flops() == operations.TRAINING * operations.linear(6, 8, 50)


def test_works_take_turns_and_their_first_round_does_not_count() -> None:
    said: list[str] = []
    times = iter([9.0, 9.0, 1.0, 2.0, 3.0, 12.0, 5.0, 5.0])

    def work(name: str) -> float:
        said.append(name)
        return next(times)

    found = contest.in_turns({"ours": lambda: work("ours"), "theirs": lambda: work("theirs")}, 3)
    assert said == ["ours", "theirs"] * 4
    assert found == {"ours": [1.0, 3.0, 5.0], "theirs": [2.0, 12.0, 5.0]}
    assert contest.ratio(found["theirs"], found["ours"]) == Spread(2.0, 1.0, 4.0)


def test_the_slope_of_a_power_law_is_its_power() -> None:
    line = slopes.fitted([(x, 3 * x**1.5) for x in (1, 2, 8, 64)])
    assert line.slope == pytest.approx(1.5)
    assert line.at(4) == pytest.approx(24)


def test_a_row_says_the_ratio_its_spread_and_whether_the_target_is_met() -> None:
    figure = Figure("a", "b", Spread(0.953, 0.9, 1.0), "times", "7 tokens/s", 0.5, (2**20, 2**21), Target(0.95, True))
    wanted = "| a | b | 0.95 | 0.90 to 1.00 | 7 tokens/s | 50 % | 1 / 2 MiB | at least 0.95: met |"
    assert report.row(figure) == wanted
    late = Figure("c", "d", Spread(2.5, 2.5, 2.5), "s", target=Target(1.5, at_least=False))
    assert report.row(late) == "| c | d | 2.50 s |  |  |  |  | at most 1.5 s: MISSED |"


def test_the_document_has_a_table_for_each_section_and_the_pictures(tmp_path: Path) -> None:
    grown = Growth("time of it", "length", "s", [(1, 1.0), (2, 2.0), (4, 4.0)], "1", pictured=True)
    section = Section("Growth", [], ["A note."], [grown, grown._replace(unit="MiB")])
    (picture,) = report.draw_all([section], tmp_path / "results")
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = report.document([section], "a machine", [picture])
    assert "| time of it | length | 1.00 | 1 | 1: 1 s, 2: 2 s, 4: 4 s |" in text
    assert text.endswith("(results.length.png)")


def test_generated_pairs_are_as_many_and_as_long_as_asked(tmp_path: Path) -> None:
    corpora.write_pairs(tmp_path / "pairs", 3_000_000)
    sides = [(tmp_path / "pairs" / f"train.{side}").read_bytes() for side in ("de", "en")]
    assert abs(sum(map(len, sides)) - 3_000_000) < 1000
    assert sides[0].count(b"\n") == sides[1].count(b"\n")
    source, target = corpora.lengths(5000)
    for side, mean in ((source, corpora.SOURCE), (target, corpora.TARGET)):
        assert side.mean() == pytest.approx(mean, abs=0.3)
        assert side.std() == pytest.approx(corpora.SPREAD, abs=0.4)
    assert np.corrcoef(source, target)[0, 1] > 0.8
    assert len(set(corpora.words(500))) == 500


def test_a_child_is_another_process_and_the_watch_sees_what_is_held() -> None:
    assert once(Setting(Path(), apart=True), os.getpid) != os.getpid()
    before, size = anonymous(), 40_000_000
    # A private mapping is new memory; an array could be given what this process has freed before.
    with mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS) as held, watched() as watch:
        held.write(bytes(size))
    assert watch.most - before > 0.9 * size


def test_the_first_line_of_a_process_is_waited_for() -> None:
    slow = [sys.executable, "-c", "import time; time.sleep(0.3); print(input(), flush=True); time.sleep(3)"]
    assert 0.3 < starting.first_line(slow) < 3
    with pytest.raises(RuntimeError, match="no such thing"):
        starting.first_line([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_waiting_is_the_share_of_the_time_in_the_loader() -> None:
    timed = waiting.Timed([], "cpu")
    timed.asked, timed.given = [0.0, 1.0, 2.0, 3.0, 4.0], [0.9, 1.9, 2.1, 3.3, 4.9]
    assert timed.waited() == pytest.approx(0.2)  # 0.1 and 0.3 of the two seconds after the first batches


def test_each_way_to_translate_is_compared_with_what_differs_in_one_thing() -> None:
    alone = Case("it", "float32", 5, 1, 6)
    together, small = alone._replace(batch=64, sentences=64), alone._replace(precision="int8")
    elsewhere = alone._replace(device="cuda")
    rates = {alone: [2.0], together: [6.0], small: [4.0], elsewhere: [20.0]}
    figures = decoding.figures(rates, dict.fromkeys(rates, 10.0), dict.fromkeys(rates, 1))
    found = {(figure.what, figure.against): figure.value.median for figure in figures}
    assert figures[0].rate == "6.0 sentences/s, 60 tokens/s"
    assert found == {
        ("translation, beam 5, 64 at once, float32", "one at a time"): 3.0,
        ("translation, beam 5, one at a time, int8", "float32"): 2.0,
        ("translation, beam 5, one at a time, float32, cuda", "a CPU"): 10.0,
    }
    asked = decoding.cases(Setting(Path(), device="cuda"), "it")
    assert all(case._replace(device="cpu") in asked for case in asked)
    assert usual(1)[0].item() == corpora.SOURCE + 1


def test_every_way_to_end_a_beam_is_in_the_table(runs: Runs) -> None:
    translation = load_translation(runs.translator, device="cpu")
    source = (runs.corpus / "test.a").read_text(encoding="utf-8").splitlines()[:20]
    patience, threshold = beams.ENDINGS[0]
    exact = [
        some[0].text for some in translation.translate(source, SearchOptions(patience=patience, threshold=threshold))
    ]
    found = beams.measure(translation, source, exact, 1)
    assert found[0].bleu == max(one.bleu for one in found) > 99
    assert all(one.seconds > 0 > one.score for one in found)
    assert len(beams.table(found).splitlines()) == len(beams.ENDINGS) + 2


@pytest.mark.parametrize("part", ["training", "decoding", "writing", "tokenizing", "waiting"])
def test_a_part_runs_and_is_written(part: str, tmp_path: Path) -> None:
    suite.run([part], quick(tmp_path), tmp_path / "results")
    (section,) = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["sections"]
    assert section["figures"]
    assert all(figure["value"]["median"] > 0 for figure in section["figures"])
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert all(f"| {figure['what']} | {figure['against']} |" in text for figure in section["figures"])
    assert "TINY SIZES" in text


def test_what_grows_is_measured_along_its_axis(tmp_path: Path) -> None:
    for series in growth_series.shortened(growth_series.TIMES[:3], quick(tmp_path)):
        found = growth.timed(series, quick(tmp_path))
        assert [x for x, _ in found.points] == [*map(float, series.values)]
        assert all(y > 0 for _, y in found.points)
