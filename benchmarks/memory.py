"""`python -m benchmarks.memory`: which layers can copy after a delay, and which can recall what belongs to a key.

Every layer learns both tasks in the same small block; what has finished is not trained again.
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

from seq2seq.recurrence import (
    GRU,
    LSTM,
    MLSTM,
    RGLRU,
    RNN,
    RWKV,
    SLSTM,
    CausalAttention,
    LayerFactory,
    LayerNormGRU,
    LayerNormLSTM,
    Mamba,
    MinGRU,
    MinLSTM,
    MogrifierLSTM,
    Retention,
    Stack,
)
from seq2seq.state import flatten
from seq2seq.storage import atomic_write

SYMBOLS, COPIED, DELAY = 8, 5, 60
KEYS, VALUES, PAIRS, QUERIES = 32, 16, 12, 12
NOTHING = -100  # no answer is asked here, which is what cross_entropy ignores
WIDTH, DEPTH, ROWS, HELD_OUT = 32, 2, 32, 512
RATES = (0.01, 0.003)  # the second one is tried where the first one has not learned
LEARNED, WINDOW = 0.995, 10  # the share of right answers, over so many batches, that ends the training

LAYERS: dict[str, LayerFactory] = {
    "RNN": RNN,
    "RNN, relu, identity": partial(RNN, nonlinearity="relu", initialisation="identity"),
    "LSTM": LSTM,
    "LSTM, memory_span": partial(LSTM, memory_span=DELAY),
    "GRU": GRU,
    "GRU, memory_span": partial(GRU, memory_span=DELAY),
    "LayerNormLSTM": LayerNormLSTM,
    "LayerNormGRU": LayerNormGRU,
    "MogrifierLSTM": MogrifierLSTM,
    "SLSTM": SLSTM,
    "MinGRU": MinGRU,
    "MinGRU, memory_span": partial(MinGRU, memory_span=DELAY),
    "MinLSTM": MinLSTM,
    "MinLSTM, memory_span": partial(MinLSTM, memory_span=DELAY),
    "RGLRU": RGLRU,
    "Mamba": Mamba,
    "RWKV": RWKV,
    "Retention": Retention,
    "MLSTM": MLSTM,
    "CausalAttention": CausalAttention,
}


class Batch(NamedTuple):
    inputs: Int[Tensor, "batch time tokens"]  # the tokens of one step enter together, as the sum of their embeddings
    targets: Int[Tensor, "batch time"]


class Task(NamedTuple):
    """What is trained on: batches, and how many tokens go in and come out."""

    tokens: int
    answers: int
    batch: Callable[[int, torch.Generator], Batch]


class Cell(NamedTuple):
    """How one layer did at one task with one rate and one seed."""

    layer: str
    task: str
    rate: float
    seed: int
    steps: int  # of training, if it is not learned before
    accuracy: float  # on rows never seen
    learned: int | None  # steps of training until nearly all answers were right
    parameters: int
    state: int  # numbers for one row, at the end of the sequence
    seconds: float


def copying(rows: int, generator: torch.Generator) -> Batch:
    """Say symbols again, in order, after a delay (Hochreiter and Schmidhuber, 1997; Arjovsky et al., 2016)."""
    blank, go = SYMBOLS, SYMBOLS + 1
    symbols = torch.randint(SYMBOLS, (rows, COPIED), generator=generator)
    silence = torch.full((rows, DELAY), blank)
    inputs = torch.cat([symbols, silence, torch.full((rows, COPIED), go)], dim=1)
    targets = torch.cat([torch.full((rows, COPIED + DELAY), NOTHING), symbols], dim=1)
    return Batch(inputs[..., None], targets)


def recall(rows: int, generator: torch.Generator) -> Batch:
    """Say which value stood beside a key (Ba et al., 2016; Arora et al., 2024).

    Key and value enter in the same step, so that only storing and finding are tested, not joining neighbours. Every key
    comes once, and the queries are some of them in another order.
    """
    unknown = KEYS + VALUES
    keys = torch.rand(rows, KEYS, generator=generator).argsort(dim=1)[:, :PAIRS]
    values = torch.randint(VALUES, (rows, PAIRS), generator=generator)
    asked = torch.rand(rows, PAIRS, generator=generator).argsort(dim=1)[:, :QUERIES]
    told = torch.stack([keys, KEYS + values], dim=-1)
    questions = torch.stack([keys.gather(1, asked), torch.full((rows, QUERIES), unknown)], dim=-1)
    targets = torch.cat([torch.full((rows, PAIRS), NOTHING), values.gather(1, asked)], dim=1)
    return Batch(torch.cat([told, questions], dim=1), targets)


TASKS = {
    "copying": Task(SYMBOLS + 2, SYMBOLS, copying),
    "recall": Task(KEYS + VALUES + 1, VALUES, recall),
}


class Model(nn.Module):
    """An embedding, a normalised residual stack of one kind of layer, and an output."""

    def __init__(self, layer: LayerFactory, task: Task, width: int, depth: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(task.tokens, width)
        self.stack = Stack(width, width, [layer] * depth, norm=True, residual=True)
        self.output = nn.Linear(width, task.answers)

    def forward(self, inputs: Int[Tensor, "batch time tokens"]) -> Float[Tensor, "batch time answers"]:
        return self.output(self.stack(self.embedding(inputs).sum(dim=2))[0])


def train(layer: str, task: str, rate: float, seed: int, steps: int, width: int = WIDTH, depth: int = DEPTH) -> Cell:
    """Train one small model until it has learned, or for so many steps."""
    began = time.perf_counter()
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    asked = TASKS[task]
    model = Model(LAYERS[layer], asked, width, depth)
    optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 1, pct_start=0.05)
    recent: list[float] = []
    learned = None
    for step in range(1, steps + 1):
        inputs, targets = asked.batch(ROWS, generator)
        logits = model(inputs)
        optimizer.zero_grad()
        F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=NOTHING).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        recent = [*recent, accuracy(logits, targets)][-WINDOW:]
        if len(recent) == WINDOW and sum(recent) / WINDOW >= LEARNED:
            learned = step
            break
    inputs, targets = asked.batch(HELD_OUT, generator)
    with torch.no_grad():
        found = accuracy(model(inputs), targets)
        _, state = model.stack(model.embedding(inputs[:1]).sum(dim=2))
    parameters = sum(parameter.numel() for parameter in model.stack.parameters())
    numbers = sum(part.numel() for part in flatten(state))
    return Cell(layer, task, rate, seed, steps, found, learned, parameters, numbers, time.perf_counter() - began)


def accuracy(logits: Float[Tensor, "batch time answers"], targets: Int[Tensor, "batch time"]) -> float:
    """The share of right answers where one is asked."""
    asked = targets != NOTHING
    return float((logits.argmax(dim=-1) == targets)[asked].float().mean())


class Cells:
    """What has been trained, kept in a file that is whole after every one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        self.all = [Cell(**cell) for cell in known]

    def get(self, layer: str, task: str, rate: float, seed: int, steps: int) -> Cell:
        """The cell, trained now if it was not before."""
        wanted = (layer, task, rate, seed, steps)
        for cell in self.all:
            if cell[: len(wanted)] == wanted:
                return cell
        cell = train(*wanted)
        self.all.append(cell)
        with atomic_write(self.path) as file:
            file.write_text(json.dumps([cell._asdict() for cell in self.all], indent=1) + "\n", encoding="utf-8")
        return cell


def best(cells: Cells, layer: str, task: str, seed: int, steps: int) -> Cell:
    """With the first rate that learns, or else the one that ends higher."""
    tried = []
    for rate in RATES:
        cell = cells.get(layer, task, rate, seed, steps)
        print(f"{layer}, {task}, seed {seed}, rate {rate}: {describe([cell])}, {cell.seconds:.0f} s", flush=True)
        if cell.learned is not None:
            return cell
        tried.append(cell)
    return max(tried, key=lambda cell: cell.accuracy)


def describe(cells: Sequence[Cell]) -> str:
    """Accuracy, the mean over the seeds, and after how many steps the slowest of them had learned."""
    share = 100 * sum(cell.accuracy for cell in cells) / len(cells)
    learned = [cell.learned for cell in cells if cell.learned is not None]
    return f"{share:.1f} % ({max(learned)})" if len(learned) == len(cells) else f"{share:.1f} %"


def table(found: Mapping[str, Mapping[str, Sequence[Cell]]]) -> str:
    """A row for each layer."""
    rows = [
        "| layer | parameters | state, numbers | copying (steps until learned) | recall (steps until learned) |",
        "|---|---|---|---|---|",
    ]
    for layer, tasks in found.items():
        of_copying, of_recall = tasks["copying"], tasks["recall"]
        low, high = of_recall[0].state, of_copying[0].state  # which differ where the state grows
        state = f"{low:,}" if low == high else f"grows: {low:,} in recall, {high:,} in copying"
        rows.append(
            f"| {layer} | {of_copying[0].parameters:,} | {state} | {describe(of_copying)} | {describe(of_recall)} |"
        )
    return "\n".join(rows)


def draw(found: Mapping[str, Mapping[str, Sequence[Cell]]], path: Path) -> None:
    """A panel for each task, a bar for each layer, and beside it how many steps it took."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    names = list(found)
    size = (9.5, 0.3 * len(names) + 1.2)
    figure, panels = pyplot.subplots(1, len(TASKS), sharey=True, figsize=size, dpi=150, layout="constrained")
    for axes, (task, asked) in zip(panels, TASKS.items(), strict=True):
        cells = [found[name][task] for name in names]
        shares = [100 * sum(cell.accuracy for cell in some) / len(some) for some in cells]
        learned = [all(cell.learned is not None for cell in some) for some in cells]
        bars = axes.barh(names, shares, color=["#0072B2" if done else "#E69F00" for done in learned])
        axes.bar_label(bars, [describe(some) for some in cells], padding=3, fontsize=8)
        axes.axvline(100 / asked.answers, color="gray", linewidth=0.8, linestyle=":")
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


def measure(layers: Sequence[str], seeds: int, steps: int, cells: Cells) -> dict[str, dict[str, list[Cell]]]:
    """Every layer at every task, with its better rate, for every seed."""
    return {
        layer: {task: [best(cells, layer, task, seed, steps) for seed in range(1, seeds + 1)] for task in TASKS}
        for layer in layers
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", nargs="+", choices=LAYERS, default=list(LAYERS), metavar="LAYER")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    parser.add_argument("--steps", type=int, default=600, help="of training, where a task is not learned before")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results.memory.md"))
    parser.add_argument("--picture", type=Path, default=Path("docs/memory.png"))
    given = parser.parse_args()
    found = measure(given.layers, given.seeds, given.steps, Cells(given.output.with_suffix(".json")))
    print(table(found))
    with atomic_write(given.output) as file:
        file.write_text(table(found) + "\n", encoding="utf-8")
    draw(found, given.picture)
    print(f"the table is {given.output} and the picture {given.picture}")


if __name__ == "__main__":
    main()
