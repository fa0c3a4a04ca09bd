"""Tests of the benchmarks: counts, comparisons, tables, and that all layers are included."""

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
    corpora,
    decoding,
    fast_paths,
    generation,
    growth,
    growth_series,
    interleaved,
    memory,
    operations,
    report,
    slopes,
    starting,
    waiting,
)
from benchmarks.children import run_in_process
from benchmarks.figure import Growth, Measurement, Section, Target
from benchmarks.interleaved import Spread
from benchmarks.setting import Setting
from benchmarks.translating import Case, typical_lengths
from benchmarks.watch import anonymous_memory, track_memory
from seq2seq import recurrence
from seq2seq.recurrence import Cell, Recurrence, Stack
from seq2seq.search import Beam
from seq2seq.tasks import load_translation

ROWS = 200


def make_batch(task: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs, targets, and a mask of queried steps."""
    inputs, targets = memory.TASKS[task].batch(ROWS, torch.Generator().manual_seed(1))
    return inputs, targets, targets != memory.IGNORED


def exported_layers() -> set[str]:
    exports = {name: getattr(recurrence, name) for name in recurrence.__all__}
    layers = {name for name, value in exports.items() if isinstance(value, type) and issubclass(value, Recurrence)}
    return layers - {Cell.__name__, Recurrence.__name__, Stack.__name__}


@pytest.mark.parametrize("module", [memory, generation])
def test_every_exported_layer_has_a_row(module: object) -> None:
    assert {name.split(",")[0] for name in module.LAYERS} == exported_layers()


def test_copying_targets_are_the_first_symbols_in_order() -> None:
    inputs, targets, queried = make_batch("copying")
    assert queried.sum(dim=1).eq(memory.COPIED_SYMBOLS).all()
    assert queried[:, -memory.COPIED_SYMBOLS :].all()
    assert torch.equal(targets[:, -memory.COPIED_SYMBOLS :], inputs[:, : memory.COPIED_SYMBOLS, 0])
    later_inputs = inputs[:, memory.COPIED_SYMBOLS :, 0]
    assert (later_inputs >= memory.SYMBOLS).all()  # the answer is not in the later inputs
    assert (later_inputs == memory.SYMBOLS).sum(dim=1).eq(memory.DELAY).all()


def test_recall_targets_are_the_values_of_the_queried_keys() -> None:
    inputs, targets, queried = make_batch("recall")
    for row, answers, row_queried in zip(inputs.tolist(), targets.tolist(), queried.tolist(), strict=True):
        pairs = {key: value - memory.KEYS for key, value in row[: memory.PAIRS]}
        assert len(pairs) == memory.PAIRS
        queries = [
            (key, value_token, answer)
            for (key, value_token), answer, is_query in zip(row, answers, row_queried, strict=True)
            if is_query
        ]
        assert len(queries) == memory.QUERIES
        assert all(pairs[key] == answer for key, _, answer in queries)
        # the answer is not in the query
        assert all(value_token == memory.KEYS + memory.VALUES for _, value_token, _ in queries)


@pytest.mark.parametrize("task", memory.TASKS)
def test_constant_answers_have_chance_accuracy(task: str) -> None:
    inputs, targets, queried = make_batch(task)
    answers = memory.TASKS[task].answers
    for constant in range(answers):
        logits = torch.zeros(*targets.shape, answers)
        logits[..., constant] = 1.0
        assert abs(memory.accuracy(logits, targets) - 1 / answers) < 0.05
    assert int(inputs.max()) == memory.TASKS[task].tokens - 1
    assert queried.any()


def test_memory_table_has_all_layers_and_reuses_results(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results = memory.measure(["MinGRU", "CausalAttention"], 1, 2, memory.ResultStore(path))
    lines = memory.table(results).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["MinGRU", "CausalAttention"]
    assert "grows" in lines[3]
    store = memory.ResultStore(path)
    assert len(store.results) == 8  # two layers, two tasks, two rates
    modified = path.stat().st_mtime_ns
    assert memory.measure(["MinGRU", "CausalAttention"], 1, 2, store) == results
    assert path.stat().st_mtime_ns == modified
    memory.draw(results, tmp_path / "memory.png")
    assert (tmp_path / "memory.png").stat().st_size > 1000


@pytest.mark.parametrize("layer", memory.LAYERS)
def test_every_layer_can_be_trained(layer: str) -> None:
    result = memory.train(layer, "recall", 0.01, 1, steps=2, width=8, depth=1)
    assert 0 <= result.accuracy <= 1
    assert result.learned is None
    assert result.parameters > 0
    assert result.state > 0


def test_training_stops_when_the_task_is_learned() -> None:
    result = memory.train("CausalAttention", "copying", 0.01, 1, steps=300, depth=1)
    assert result.learned is not None
    assert result.accuracy > 0.98


def test_generation_table_has_all_layers() -> None:
    results = [generation.generate(layer, 20) for layer in generation.LAYERS]
    lines = generation.table(results).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(generation.LAYERS)


def test_only_attention_without_window_grows_during_generation() -> None:
    results = [generation.generate(layer, 30) for layer in ("GRU", "Mamba", "CausalAttention")]
    assert [result.state_end > result.state_early for result in results] == [False, False, True]
    assert all(
        result.characters == 30 and result.first > 0 and result.last > 0 and result.memory_end > 0 for result in results
    )


def quick_setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path, rounds=1, quick=True, separate_processes=False)


def test_operation_counts_match_manual_counts() -> None:
    assert operations.linear(3, 4, 5) == 2 * 3 * 4 * 5
    assert operations.lstm(2, 3, 4) == 2 * 2 * (3 + 4) * 16
    assert operations.language_model(10, vocabulary=5, size=2, depth=1) == 640 + 200
    # encoder 768, bridge 32, decoder layers 1,024 and 1,152, keys 64, six attention scores 96, output 360
    assert operations.translator([2], [3], vocabulary=7, size=4, depth=2) == 3496
    assert operations.translator([2], [3], vocabulary=7, size=4, depth=2, input_feeding=True) == 3496 + 512


def test_operation_counts_match_torch() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    layer, x = torch.nn.Linear(8, 50), torch.randn(6, 8, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        layer(x).sum().backward()
    assert counter.get_total_flops() == operations.TRAINING * operations.linear(6, 8, 50)


def test_tasks_are_interleaved_after_a_warm_up_round() -> None:
    order: list[str] = []
    times = iter([9.0, 9.0, 1.0, 2.0, 3.0, 12.0, 5.0, 5.0])

    def task(name: str) -> float:
        order.append(name)
        return next(times)

    results = interleaved.run_interleaved({"ours": lambda: task("ours"), "theirs": lambda: task("theirs")}, 3)
    assert order == ["ours", "theirs"] * 4
    assert results == {"ours": [1.0, 3.0, 5.0], "theirs": [2.0, 12.0, 5.0]}
    assert interleaved.ratio(results["theirs"], results["ours"]) == Spread(2.0, 1.0, 4.0)


def test_slope_of_a_power_law_is_its_exponent() -> None:
    line = slopes.fit_line([(x, 3 * x**1.5) for x in (1, 2, 8, 64)])
    assert line.slope == pytest.approx(1.5)
    assert line.at(4) == pytest.approx(24)


def test_row_has_ratio_spread_and_target() -> None:
    measurement = Measurement(
        "a", "b", Spread(0.953, 0.9, 1.0), "times", "7 tokens/s", 0.5, (2**20, 2**21), Target(0.95, True)
    )
    expected = "| a | b | 0.95 | 0.90 to 1.00 | 7 tokens/s | 50 % | 1 / 2 MiB | at least 0.95: met |"
    assert report.measurement_row(measurement) == expected
    missed = Measurement("c", "d", Spread(2.5, 2.5, 2.5), "s", target=Target(1.5, at_least=False))
    assert report.measurement_row(missed) == "| c | d | 2.50 s |  |  |  |  | at most 1.5 s: MISSED |"


def test_document_has_tables_and_pictures(tmp_path: Path) -> None:
    growth = Growth("time of it", "length", "s", [(1, 1.0), (2, 2.0), (4, 4.0)], "1", plotted=True)
    section = Section("Growth", [], ["A note."], [growth, growth._replace(unit="MiB")])
    (picture,) = report.draw_all([section], tmp_path / "results")
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = report.document([section], "a machine", [picture])
    assert "| time of it | length | 1.00 | 1 | 1: 1 s, 2: 2 s, 4: 4 s |" in text
    assert text.endswith("(results.length.png)")


def test_generated_pairs_have_the_requested_size_and_lengths(tmp_path: Path) -> None:
    corpora.write_pairs(tmp_path / "pairs", 3_000_000)
    sides = [(tmp_path / "pairs" / f"train.{side}").read_bytes() for side in ("de", "en")]
    assert abs(sum(map(len, sides)) - 3_000_000) < 1000
    assert sides[0].count(b"\n") == sides[1].count(b"\n")
    source, target = corpora.draw_lengths(5000)
    for side, mean in ((source, corpora.SOURCE_LENGTH), (target, corpora.TARGET_LENGTH)):
        assert side.mean() == pytest.approx(mean, abs=0.3)
        assert side.std() == pytest.approx(corpora.LENGTH_DEVIATION, abs=0.4)
    assert np.corrcoef(source, target)[0, 1] > 0.8
    assert len(set(corpora.make_words(500))) == 500


def test_worker_is_another_process_and_memory_is_tracked() -> None:
    assert run_in_process(Setting(Path(), separate_processes=True), os.getpid) != os.getpid()
    initial, size = anonymous_memory(), 40_000_000
    # a private mapping is new memory, while an array could reuse freed memory
    with mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS) as mapping, track_memory() as tracker:
        mapping.write(bytes(size))
    assert tracker.peak - initial > 0.9 * size


def test_time_to_first_line() -> None:
    slow = [sys.executable, "-c", "import time; time.sleep(0.3); print(input(), flush=True); time.sleep(3)"]
    assert 0.3 < starting.time_to_first_line(slow) < 3
    with pytest.raises(RuntimeError, match="no such thing"):
        starting.time_to_first_line([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_waiting_share_is_the_time_in_the_loader() -> None:
    timed = waiting.TimedLoader([], "cpu")
    timed.requested, timed.received = [0.0, 1.0, 2.0, 3.0, 4.0], [0.9, 1.9, 2.1, 3.3, 4.9]
    assert timed.waiting_share() == pytest.approx(0.2)  # 0.1 and 0.3 of the two seconds after the first batches


def test_cases_are_compared_if_they_differ_in_one_respect() -> None:
    single = Case("it", "float32", 5, 1, 6)
    batched, int8 = single._replace(batch=64, sentences=64), single._replace(precision="int8")
    cuda = single._replace(device="cuda")
    rates = {single: [2.0], batched: [6.0], int8: [4.0], cuda: [20.0]}
    measurements = decoding.measurements(rates, dict.fromkeys(rates, 10.0), dict.fromkeys(rates, 1))
    ratios = {(measurement.name, measurement.baseline): measurement.value.median for measurement in measurements}
    assert measurements[0].absolute == "6.0 sentences/s, 60 tokens/s"
    assert ratios == {
        ("translation, beam 5, 64 at once, float32", "one at a time"): 3.0,
        ("translation, beam 5, one at a time, int8", "float32"): 2.0,
        ("translation, beam 5, one at a time, float32, cuda", "a CPU"): 10.0,
    }
    all_cases = decoding.cases(Setting(Path(), device="cuda"), "it")
    assert all(case._replace(device="cpu") in all_cases for case in all_cases)
    assert typical_lengths(1)[0].item() == corpora.SOURCE_LENGTH + 1


def test_beam_table_has_all_settings(runs: Runs) -> None:
    translation = load_translation(runs.translator, device="cpu")
    source = (runs.corpus / "test.a").read_text(encoding="utf-8").splitlines()[:20]
    patience, threshold = beams.SETTINGS[0]
    reference = [
        hypotheses[0].text for hypotheses in translation.translate(source, Beam(patience=patience, threshold=threshold))
    ]
    results = beams.measure(translation, source, reference, 1)
    assert results[0].bleu == max(result.bleu for result in results) > 99
    assert all(result.seconds > 0 > result.score for result in results)
    assert len(beams.table(results).splitlines()) == len(beams.SETTINGS) + 2


def test_every_fast_path_can_be_left_out(runs: Runs) -> None:
    translation = load_translation(runs.translator, device="cpu", precision="int8")
    costs = fast_paths.translation_costs(translation, ["one two three"] * 3, 2, 2, list(fast_paths.FAST_PATHS), 2)
    assert list(costs) == [*fast_paths.FAST_PATHS, "all of them"]
    assert all(cost > 0 for cost in costs.values())


@pytest.mark.parametrize("part", ["training", "decoding", "sampling", "tokenizing", "waiting"])
def test_part_runs_and_writes_results(part: str, tmp_path: Path) -> None:
    suite.run([part], quick_setting(tmp_path), tmp_path / "results")
    (section,) = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["sections"]
    assert section["measurements"]
    assert all(measurement["value"]["median"] > 0 for measurement in section["measurements"])
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert all(
        f"| {measurement['name']} | {measurement['baseline']} |" in text for measurement in section["measurements"]
    )
    assert "TINY SIZES" in text


def test_growth_is_measured_at_all_values(tmp_path: Path) -> None:
    for series in growth_series.select_series(growth_series.TIME_SERIES[:3], quick_setting(tmp_path)):
        curve = growth.time_growth(series, quick_setting(tmp_path))
        assert [x for x, _ in curve.points] == [*map(float, series.values)]
        assert all(y > 0 for _, y in curve.points)
