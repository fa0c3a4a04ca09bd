"""`python -m benchmarks.memory`: which layers can copy after a delay, and which can recall the value of a key.

Every layer learns both tasks in the same small block; finished trainings are not repeated.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq.recurrence import GRU, LSTM, RNN, BlockConfig, LayerFactory, MinGRU, MinLSTM, Stack
from seq2seq.recurrence.registry import registered_layers
from seq2seq.state import flatten
from seq2seq.storage import atomic_write

SYMBOLS, COPIED_SYMBOLS, DELAY = 8, 5, 60
KEYS, VALUES, PAIRS, QUERIES = 32, 16, 12, 12
IGNORED = -100  # target of steps without a query, which cross_entropy ignores
WIDTH, DEPTH, BATCH_SIZE, TEST_ROWS = 32, 2, 32, 512
RATES = (0.01, 0.003)  # the second one is tried if the first one does not learn
LEARNED_ACCURACY, ACCURACY_WINDOW = 0.995, 10  # training ends at this mean accuracy over the last batches

VARIANTS: dict[str, LayerFactory] = {
    "RNN, relu, identity": partial(RNN, nonlinearity="relu", initialisation="identity"),
    "LSTM, memory_span": partial(LSTM, memory_span=DELAY),
    "GRU, memory_span": partial(GRU, memory_span=DELAY),
    "MinGRU, memory_span": partial(MinGRU, memory_span=DELAY),
    "MinLSTM, memory_span": partial(MinLSTM, memory_span=DELAY),
}
LAYERS: dict[str, LayerFactory] = dict(sorted({**registered_layers(), **VARIANTS}.items()))


class Batch(NamedTuple):
    """A batch of a task."""

    inputs: Int[Tensor, "batch time tokens"]  # the embeddings of the tokens of a step are added
    targets: Int[Tensor, "batch time"]


class Task(NamedTuple):
    """A task: its batches and the sizes of its input and output vocabularies."""

    tokens: int
    answers: int
    batch: Callable[[int, torch.Generator], Batch]


class TrainingResult(NamedTuple):
    """The result of one layer at one task with one learning rate and seed."""

    layer: str
    task: str
    rate: float
    seed: int
    steps: int  # the most training steps
    accuracy: float  # on held-out rows
    learned: int | None  # training steps until the accuracy reached the threshold
    parameters: int
    state: int  # values of one row's state at the end of the sequence
    seconds: float


def copying_batch(rows: int, generator: torch.Generator) -> Batch:
    """Repeat symbols in order after a delay (Hochreiter and Schmidhuber, 1997; Arjovsky et al., 2016)."""
    blank, go = SYMBOLS, SYMBOLS + 1
    symbols = torch.randint(SYMBOLS, (rows, COPIED_SYMBOLS), generator=generator)
    blanks = torch.full((rows, DELAY), blank)
    inputs = torch.cat([symbols, blanks, torch.full((rows, COPIED_SYMBOLS), go)], dim=1)
    targets = torch.cat([torch.full((rows, COPIED_SYMBOLS + DELAY), IGNORED), symbols], dim=1)
    return Batch(inputs[..., None], targets)


def recall_batch(rows: int, generator: torch.Generator) -> Batch:
    """Recall the value of a key: associative recall (Ba et al., 2016; Arora et al., 2024).

    Key and value enter in the same step, so that only storage and retrieval are tested, not combining adjacent steps.
    Every key occurs once, and the queries are some of the keys in another order.
    """
    no_value = KEYS + VALUES
    keys = torch.rand(rows, KEYS, generator=generator).argsort(dim=1)[:, :PAIRS]
    values = torch.randint(VALUES, (rows, PAIRS), generator=generator)
    queried = torch.rand(rows, PAIRS, generator=generator).argsort(dim=1)[:, :QUERIES]
    pairs = torch.stack([keys, KEYS + values], dim=-1)
    queries = torch.stack([keys.gather(1, queried), torch.full((rows, QUERIES), no_value)], dim=-1)
    targets = torch.cat([torch.full((rows, PAIRS), IGNORED), values.gather(1, queried)], dim=1)
    return Batch(torch.cat([pairs, queries], dim=1), targets)


TASKS = {
    "copying": Task(SYMBOLS + 2, SYMBOLS, copying_batch),
    "recall": Task(KEYS + VALUES + 1, VALUES, recall_batch),
}


class Model(nn.Module):
    """An embedding, a residual stack of one layer type with normalization, and an output projection."""

    def __init__(self, layer: LayerFactory, task: Task, width: int, depth: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(task.tokens, width)
        self.stack = Stack(width, width, [layer] * depth, block=BlockConfig(norm=True, residual=True))
        self.output = nn.Linear(width, task.answers)

    def forward(self, inputs: Int[Tensor, "batch time tokens"]) -> Float[Tensor, "batch time answers"]:
        return self.output(self.stack(self.embedding(inputs).sum(dim=2))[0])


def train(
    layer: str, task: str, rate: float, seed: int, steps: int, width: int = WIDTH, depth: int = DEPTH
) -> TrainingResult:
    """Train one small model until it has learned the task, for at most `steps` steps."""
    start = time.perf_counter()
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    task_spec = TASKS[task]
    model = Model(LAYERS[layer], task_spec, width, depth)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1, pct_start=0.05)
    recent: list[float] = []
    learned = None
    for step in range(1, steps + 1):
        inputs, targets = task_spec.batch(BATCH_SIZE, generator)
        logits = model(inputs)
        optimizer.zero_grad()
        F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        recent = [*recent, accuracy(logits, targets)][-ACCURACY_WINDOW:]
        if len(recent) == ACCURACY_WINDOW and sum(recent) / ACCURACY_WINDOW >= LEARNED_ACCURACY:
            learned = step
            break
    inputs, targets = task_spec.batch(TEST_ROWS, generator)
    with torch.no_grad():
        test_accuracy = accuracy(model(inputs), targets)
        _, state = model.stack(model.embedding(inputs[:1]).sum(dim=2))
    parameters = sum(parameter.numel() for parameter in model.stack.parameters())
    state_size = sum(part.numel() for part in flatten(state))
    return TrainingResult(
        layer, task, rate, seed, steps, test_accuracy, learned, parameters, state_size, time.perf_counter() - start
    )


def accuracy(logits: Float[Tensor, "batch time answers"], targets: Int[Tensor, "batch time"]) -> float:
    """Return the share of correct answers to queries."""
    queried = targets != IGNORED
    return float((logits.argmax(dim=-1) == targets)[queried].float().mean())


class ResultStore:
    """Results of finished trainings, saved to a file after each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        saved = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        self.results = [TrainingResult(**result) for result in saved]

    def get(self, layer: str, task: str, rate: float, seed: int, steps: int) -> TrainingResult:
        """Return a result, from the file or from a new training."""
        key = (layer, task, rate, seed, steps)
        for result in self.results:
            if result[: len(key)] == key:
                return result
        result = train(*key)
        self.results.append(result)
        with atomic_write(self.path) as file:
            file.write_text(
                json.dumps([result._asdict() for result in self.results], indent=1) + "\n", encoding="utf-8"
            )
        return result


def best_result(store: ResultStore, layer: str, task: str, seed: int, steps: int) -> TrainingResult:
    """Return the result of the first rate that learns the task, or else that with the highest accuracy."""
    results = []
    for rate in RATES:
        result = store.get(layer, task, rate, seed, steps)
        print(
            f"{layer}, {task}, seed {seed}, rate {rate}: {format_results([result])}, {result.seconds:.0f} s", flush=True
        )
        if result.learned is not None:
            return result
        results.append(result)
    return max(results, key=lambda result: result.accuracy)


def format_results(results: Sequence[TrainingResult]) -> str:
    """Format the mean accuracy over seeds, and the steps after which the slowest seed had learned."""
    mean_accuracy = 100 * sum(result.accuracy for result in results) / len(results)
    learned = [result.learned for result in results if result.learned is not None]
    return f"{mean_accuracy:.1f} % ({max(learned)})" if len(learned) == len(results) else f"{mean_accuracy:.1f} %"


def table(results_by_layer: Mapping[str, Mapping[str, Sequence[TrainingResult]]]) -> str:
    """Return a table with a row per layer."""
    rows = [
        "| layer | parameters | state, numbers | copying (steps until learned) | recall (steps until learned) |",
        "|---|---|---|---|---|",
    ]
    for layer, tasks in results_by_layer.items():
        copying, recall = tasks["copying"], tasks["recall"]
        low, high = recall[0].state, copying[0].state  # different if the state grows
        state = f"{low:,}" if low == high else f"grows: {low:,} in recall, {high:,} in copying"
        rows.append(
            f"| {layer} | {copying[0].parameters:,} | {state} | {format_results(copying)} | {format_results(recall)} |"
        )
    return "\n".join(rows)


def draw(results_by_layer: Mapping[str, Mapping[str, Sequence[TrainingResult]]], path: Path) -> None:
    """Draw a panel per task with the accuracy of each layer and the steps until it was learned."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    names = list(results_by_layer)
    size = (9.5, 0.3 * len(names) + 1.2)
    figure, panels = pyplot.subplots(1, len(TASKS), sharey=True, figsize=size, dpi=150, layout="constrained")
    for axes, (task, task_spec) in zip(panels, TASKS.items(), strict=True):
        layer_results = [results_by_layer[name][task] for name in names]
        shares = [
            100 * sum(result.accuracy for result in results_of_layer) / len(results_of_layer)
            for results_of_layer in layer_results
        ]
        learned = [all(result.learned is not None for result in results_of_layer) for results_of_layer in layer_results]
        bars = axes.barh(names, shares, color=["#0072B2" if is_learned else "#E69F00" for is_learned in learned])
        axes.bar_label(
            bars, [format_results(results_of_layer) for results_of_layer in layer_results], padding=3, fontsize=8
        )
        axes.axvline(100 / task_spec.answers, color="gray", linewidth=0.8, linestyle=":")
        axes.margins(y=0.01)
        axes.set_xlim(0, 130)
        axes.set_xticks(range(0, 101, 25))
        axes.set_xlabel("right answers, % (steps until learned); dotted: chance", fontsize=9)
        axes.set_title(task)
        axes.tick_params(labelsize=9)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].invert_yaxis()
    with atomic_write(path) as file:
        figure.savefig(file, format="png")
    pyplot.close(figure)


def measure(
    layers: Sequence[str], seeds: int, steps: int, store: ResultStore
) -> dict[str, dict[str, list[TrainingResult]]]:
    """Train every layer on every task with every seed, each with its better learning rate."""
    return {
        layer: {task: [best_result(store, layer, task, seed, steps) for seed in range(1, seeds + 1)] for task in TASKS}
        for layer in layers
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=list(LAYERS), metavar="LAYER")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds")
    parser.add_argument("--steps", type=int, default=600, help="the most training steps of a task")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results.memory.md"))
    parser.add_argument("--picture", type=Path, default=Path("docs/memory.png"))
    options = parser.parse_args()
    results_by_layer = measure(
        options.layers, options.seeds, options.steps, ResultStore(options.output.with_suffix(".json"))
    )
    print(table(results_by_layer))
    with atomic_write(options.output) as file:
        file.write_text(table(results_by_layer) + "\n", encoding="utf-8")
    draw(results_by_layer, options.picture)
    print(f"the table is {options.output} and the picture {options.picture}")


if __name__ == "__main__":
    main()
