"""`seq2seq inspect`: how far back the gradient of a model reaches."""

import math
from collections.abc import Iterable, Sequence
from copy import copy
from itertools import tee
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seq2seq.errors import UserError
from seq2seq.ranges import Count, Seed, checked
from seq2seq.standard_streams import rank_zero_log
from seq2seq.storage import check_output, json_value, write_json

if TYPE_CHECKING:
    from seq2seq.inspection import Curve
    from seq2seq.tasks.task import Windows
    from seq2seq.tokenizers import Tokenizer

WARM_UP = 50  # tokens before the first state whose gradient is measured, which is then not the initial state
COLUMNS = (2, 5, 10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000)
UNITS = ("Characters", "Bytes", "Words", "Subwords")


class InspectedModel(NamedTuple):
    """A network, and the windows of text for measuring its gradients."""

    label: str
    source: str  # the checkpoint, run or configuration
    trained: bool
    network: Any
    tokenizer: "Tokenizer"
    windows: "Windows"


@checked
def inspect(
    models: list[str],
    text: str | None = None,
    steps: Count = 300,
    windows: Count = 32,
    untrained: bool = False,
    seed: Seed = 1,
    labels: str | None = None,
    output: str = "gradients",
    device: str = "auto",
    trust: str | None = None,
) -> None:
    """Show how far back the gradient of language models reaches: the norm of d loss(t) / d state(t-k) against k.

    The first argument must be the word gradients. Prints a table, a sentence for each model and a comparison; writes a
    picture to OUTPUT.png and all numbers to OUTPUT.json.

    examples:
      seq2seq inspect gradients runs/library-lstm/1 --untrained
      seq2seq inspect gradients runs/rnn/1 runs/lstm/1 --labels RNN,LSTM --text text.txt --output docs/gradients
      seq2seq inspect gradients configs/language/library-lstm.yaml --steps 200 --windows 64

    Args:
        models: The word gradients, then checkpoints, folders of runs, or configurations (.yaml) for untrained models.
        text: Text file for the models; by default the validation split of each model's own corpus.
        steps: Maximum number of steps back.
        windows: Number of windows of the text over which the norms are averaged.
        untrained: Also inspect the model of each checkpoint before training, with newly initialized weights.
        seed: Random seed of untrained models.
        labels: Names of the models in table and picture, separated by commas; by default the names of the runs.
        output: Path of the output files, without extension.
        device: Device that runs the models: auto, cpu, cuda, ...
        trust: Your own modules whose classes a checkpoint may use, separated by commas; they are imported.
    """
    subject, *paths = models
    if subject != "gradients":
        raise UserError(f"the first argument must be gradients, as in seq2seq inspect gradients MODEL, not {subject}")
    if not paths:
        raise UserError("a model is needed: a checkpoint, the folder of a run, or a configuration (.yaml)")
    names = default_labels(paths) if labels is None else [label.strip() for label in labels.split(",")]
    if len(names) != len(paths):
        raise UserError(f"each of the {len(paths)} models needs a label, and {len(names)} were given: {labels}")

    from seq2seq.commands import lines
    from seq2seq.data.text import read_blocks
    from seq2seq.inspection import Curve, gradient_norms
    from seq2seq.inspection.picture import draw
    from seq2seq.tasks.loading import resolve_device

    for extension in ("png", "json"):
        lines.check_other_file("--output", f"{output}.{extension}", [*paths, text])
        check_output(f"{output}.{extension}")
    target_device = resolve_device(device)
    blocks = None if text is None else tee(read_blocks(text), 1)[0]  # read once, since it may be a pipe
    curves, num_windows = [], 0
    with lines.progress("inspecting", lambda: len(paths)) as progress:
        for name, path in zip(names, paths, strict=True):
            text_blocks = None if blocks is None else copy(blocks)
            for inspected in load_models(path, name, text_blocks, windows, WARM_UP + steps, untrained, seed, trust):
                check_windows(inspected, windows, steps)
                label, source, trained, network, tokenizer, (inputs, targets, _) = inspected
                num_windows = max(num_windows, len(inputs))
                inputs, targets = inputs.to(target_device), targets.to(target_device)
                norms = gradient_norms(network.to(target_device), inputs, targets, steps).tolist()
                curves.append(Curve(label, source, trained, token_unit(tokenizer), norms))
            progress(1)
    print_curves(curves, num_windows)
    draw(curves, f"{output}.png")
    write_results(curves, text, num_windows, f"{output}.json")
    print(f"\nwritten: {output}.png (picture) and {output}.json (numbers)")


def default_labels(paths: Sequence[str]) -> list[str]:
    """Return the names of runs and configurations; the whole path for names that occur more than once."""
    names = [run_name(Path(path)) for path in paths]
    return [name if names.count(name) == 1 else path for name, path in zip(names, paths, strict=True)]


def run_name(path: Path) -> str:
    """Return the name of a run, as lstm for runs/lstm/1 and for its best checkpoint."""
    run = path.parent.parent if path.parent.name == "checkpoints" else path
    return run.parent.name if run.name.isdecimal() and run.parent.name else run.stem


def load_models(
    path: str,
    label: str,
    text: Iterable[str] | None,
    windows: int,
    width: int,
    untrained: bool,
    seed: int,
    trust: str | None,
) -> Iterable[InspectedModel]:
    """Yield the model of a checkpoint or configuration, after its untrained version if that is requested."""
    from seq2seq.inference.checkpoint import read_checkpoint
    from seq2seq.inference.checkpoint_validation import check_finite
    from seq2seq.tasks.loading import build_network, check_command, open_checkpoint

    if path.endswith((".yaml", ".yml")):
        yield untrained_model(path, label, text, windows, width, seed, trust)
        return
    loaded = open_checkpoint(path, trust=trust or ())
    check_command(loaded.task, "inspect", path)
    if loaded.precision != "float32":
        raise UserError(f"gradients need a model in float32, and {path} was saved in {loaded.precision}")
    try:
        check_finite(loaded.network.state_dict())
    except UserError as error:
        rank_zero_log(f"{path}: {error}")  # only a warning: the gradients may still be finite
    text_windows = loaded.task.inspection_windows(loaded.vocabularies, loaded.corpus, text, windows, width)
    tokenizer = loaded.vocabularies.source
    if untrained:
        import torch

        torch.manual_seed(seed)
        initial = build_network(read_checkpoint(path)["model"], trust or ())
        yield InspectedModel(label, path, False, initial, tokenizer, text_windows)
    yield InspectedModel(label, path, True, loaded.network, tokenizer, text_windows)


def untrained_model(
    path: str, label: str, text: Iterable[str] | None, windows: int, width: int, seed: int, trust: str | None
) -> InspectedModel:
    """Return the untrained model of a configuration."""
    from seq2seq.commands.untrained import build_untrained
    from seq2seq.data.pairs import Vocabularies
    from seq2seq.tasks.loading import check_command

    if not Path(path).is_file():
        raise UserError(f"there is no configuration {path}")
    experiment = build_untrained(path, seed, trust)
    model, data = experiment.model, experiment.datamodule
    check_command(model.task, "inspect", path)
    source = data.tokenizers["source"]
    vocabularies = Vocabularies(source, data.tokenizers.get("target", source))
    text_windows = model.task.inspection_windows(vocabularies, data.state_dict()["corpus"], text, windows, width)
    return InspectedModel(label, path, False, model, source, text_windows)


def check_windows(inspected: InspectedModel, windows: int, steps: int) -> None:
    """Raise a UserError if there is no window of text, and say if there are fewer than wanted."""
    found, unit = len(inspected.windows.inputs), token_unit(inspected.tokenizer)
    if not found:
        raise UserError(
            f"{steps} steps need a text of at least {WARM_UP + steps + 1:,} {unit}, and the text for "
            f"{inspected.source} has {inspected.windows.text_tokens:,}; give fewer --steps or another --text"
        )
    if found < windows:
        rank_zero_log(f"the text for {inspected.source} has only {found:,} of {windows:,} windows")


def token_unit(tokenizer: "Tokenizer") -> str:
    name = type(tokenizer).__name__
    return name.lower() if name in UNITS else "tokens"


def print_curves(curves: "Sequence[Curve]", windows: int) -> None:
    """Print a table with a row for each model and layer, and the sentences about the models."""
    from seq2seq.inspection import compare_curves, describe_curve

    max_steps = max(curve.steps for curve in curves)
    columns = [k for k in COLUMNS if k < max_steps] + ([max_steps] if max_steps > 1 else [])
    rows = [row for curve in curves for row in table_rows(curve)]
    width = max(len(name) for name, _ in rows)
    print("the norm of d loss(t) / d state(t-k): at k = 1, and at larger k relative to that")
    print(f"(before or after training; the mean over {windows} windows of the text)\n")
    print(f"{'k':<{width}}  {'1':>8} " + "".join(f"{k:>7}" for k in columns))
    for name, norms in rows:
        cells = [format_ratio(norms[k - 1], norms[0]) for k in columns if k <= len(norms)]
        print(f"{name:<{width}}  {norms[0]:>8.2g} " + "".join(f"{cell:>7}" for cell in cells))
    print()
    for curve in curves:
        print(f"{curve.name}: {describe_curve(curve)}")
    if (comparison := compare_curves(curves)) is not None:
        print(f"\n{comparison}")


def table_rows(curve: "Curve") -> list[tuple[str, list[float]]]:
    name = f"{curve.label}, {'after' if curve.trained else 'before'}"
    if len(curve.norms) == 1:
        return [(name, curve.norms[0])]
    return [(f"{name}, layer {number}", norms) for number, norms in enumerate(curve.norms, start=1)]


def format_ratio(norm: float, first: float) -> str:
    """Return a norm relative to the first, in at most six characters."""
    if not math.isfinite(norm) or not 0.0 < first < math.inf:
        return "-"
    value = norm / first
    return f"{value:.2g}" if value == 0.0 or 0.001 <= value < 100 else f"{value:.0e}"


def write_results(curves: "Sequence[Curve]", text: str | None, windows: int, path: str) -> None:
    """Write all results and every norm as JSON; NaN and infinity become null."""
    from seq2seq.inspection import compare_curves, describe_curve, summarize_norms

    results = {
        "text": text,  # null: the validation split of each model's own corpus
        "windows": windows,
        "k": list(range(1, max(curve.steps for curve in curves) + 1)),
        "models": [
            {
                "label": curve.label,
                "model": curve.source,
                "trained": curve.trained,
                "unit": curve.unit,
                "layers": [summarize_norms(norms)._asdict() | {"norms": norms} for norms in curve.norms],
                "sentence": describe_curve(curve),
            }
            for curve in curves
        ],
        "comparison": compare_curves(curves),
    }
    write_json(path, json_value(results))
