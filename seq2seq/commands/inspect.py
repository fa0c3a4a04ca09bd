"""`seq2seq inspect`: what goes on inside a model; how far back its gradient reaches."""

import math
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seq2seq.errors import UserError
from seq2seq.ranges import Count, Seed, checked
from seq2seq.rank_zero import rank_zero_log
from seq2seq.storage import check_output, plain, write_json

if TYPE_CHECKING:
    from torch import Tensor

    from seq2seq.inspection import Curve
    from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
    from seq2seq.tokenizers import Tokenizer

WARM_UP = 50  # tokens that are read before the gradient is looked at, so that no state is still the initial one
MOST = 1_000_000  # tokens of a text that places are taken from
COLUMNS = (2, 5, 10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000)
UNITS = ("Characters", "Bytes", "Words", "Subwords")


class Subject(NamedTuple):
    """A model that is looked at, and the text it is looked at with."""

    label: str
    given: str
    trained: bool
    model: "RecurrentLanguageModel"
    tokenizer: "Tokenizer"
    text: Iterable[str]  # in blocks


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

    The first word says what is inspected, and "gradients" is what there is. A table, a sentence for each model and one
    that compares them are printed; OUTPUT.png is a picture of all models, and OUTPUT.json has every number.

    examples:
      seq2seq inspect gradients runs/library-lstm/1 --untrained
      seq2seq inspect gradients runs/rnn/1 runs/lstm/1 --labels RNN,LSTM --text text.txt --output docs/gradients
      seq2seq inspect gradients configs/language/library-lstm.yaml --steps 200 --windows 64

    Args:
        models: The word gradients, then checkpoints, folders of runs or configurations (.yaml), which are untrained.
        text: File that the models read; by default the validation split of each one's own corpus.
        steps: The furthest step back that is looked at.
        windows: Places of the text over which the norms are averaged.
        untrained: Look at each checkpoint's model as it was before training too, drawn anew.
        seed: What untrained models are drawn with.
        labels: Names of the models in table and picture, with commas between them; those of the runs by default.
        output: Path of the picture and the numbers, without its ending.
        device: Where the models run: auto, cpu, cuda, ...
        trust: Modules of yours that a checkpoint may name layers of, with commas between them; they are imported.
    """
    subject, *paths = models
    if subject != "gradients":
        raise UserError(f"only gradients can be inspected, as in seq2seq inspect gradients MODEL, and not {subject}")
    if not paths:
        raise UserError("a model is needed: a checkpoint, the folder of a run, or a configuration (.yaml)")
    names = default_labels(paths) if labels is None else [label.strip() for label in labels.split(",")]
    if len(names) != len(paths):
        raise UserError(f"each of the {len(paths)} models needs a label, and {len(names)} were given: {labels}")

    from seq2seq.commands import lines
    from seq2seq.inference import usable
    from seq2seq.inspection import Curve, reach
    from seq2seq.inspection.picture import draw

    for ending in ("png", "json"):
        check_output(f"{output}.{ending}")
    place = usable(device)
    curves, used = [], 0
    with lines.progress("inspecting", lambda: len(paths)) as progress:
        for name, path in zip(names, paths, strict=True):
            for one in subjects(path, name, text, untrained, seed, trust or ()):
                ids = places(one, windows, WARM_UP + steps + 1).to(place)
                used = max(used, len(ids))
                norms = reach(one.model.to(place), ids, steps).tolist()
                curves.append(Curve(one.label, one.given, one.trained, unit(one.tokenizer), norms))
            progress(1)
    print_curves(curves, used)
    draw(curves, f"{output}.png")
    write_numbers(curves, text, used, f"{output}.json")
    print(f"\n{output}.png is the picture, {output}.json has the numbers")


def default_labels(paths: Sequence[str]) -> list[str]:
    """The names of runs and configurations, or the whole paths where two would be called the same."""
    names = [short(Path(path)) for path in paths]
    return [name if names.count(name) == 1 else path for name, path in zip(names, paths, strict=True)]


def short(path: Path) -> str:
    """runs/lstm/1, and its best checkpoint, as lstm."""
    run = path.parent.parent if path.parent.name == "checkpoints" else path
    return run.parent.name if run.name.isdecimal() and run.parent.name else run.stem


def subjects(
    path: str, label: str, text: str | None, untrained: bool, seed: int, trust: Sequence[str]
) -> Iterable[Subject]:
    """The model at a path, after the same before training if it is asked for."""
    from seq2seq.data.text import read_blocks
    from seq2seq.inference import TextGenerator
    from seq2seq.inference.checkpoint import build, open_checkpoint, read
    from seq2seq.inference.checkpoint_validation import check_finite

    if path.endswith((".yaml", ".yml")):
        yield configured(path, label, text, seed)
        return
    opened = open_checkpoint(path, trust=trust)
    model = language_model(opened.model, path)
    if opened.precision != "float32":
        raise UserError(f"gradients are those of a model in float32, and {path} was saved in {opened.precision}")
    try:
        check_finite(model.state_dict())
    except UserError as error:
        rank_zero_log(f"{path}: {error}")  # which is worth a look, and may not reach the gradients
    tokenizer = opened.vocabularies.source

    def blocks() -> Iterable[str]:
        from seq2seq.commands.language_scores import corpus_text

        if text is not None:
            return read_blocks(text)
        return corpus_text(TextGenerator(model, tokenizer, opened.corpus), None, "validation")

    if untrained:
        import torch

        torch.manual_seed(seed)
        anew = language_model(build(read(path)["model"], trust), path)
        yield Subject(label, path, False, anew, tokenizer, blocks())
    yield Subject(label, path, True, model, tokenizer, blocks())


def configured(path: str, label: str, text: str | None, seed: int) -> Subject:
    """The model that a training with this configuration would start with."""
    from seq2seq.commands.untrained import blueprint
    from seq2seq.data.text import read_blocks

    if not Path(path).is_file():
        raise UserError(f"there is no configuration {path}")
    made = blueprint(path, seed)
    model, data = language_model(made.model, path), made.datamodule
    blocks = read_blocks(text) if text is not None else data.text("validation")
    return Subject(label, path, False, model, data.tokenizer, blocks)


def language_model(model: Any, path: str) -> "RecurrentLanguageModel":
    from seq2seq.models.encoder_decoder import EncoderDecoder
    from seq2seq.models.recurrent_language_model import RecurrentLanguageModel

    if not isinstance(model, RecurrentLanguageModel):
        kind = "Translator" if isinstance(model, EncoderDecoder) else type(model).__name__
        raise UserError(f"gradients are inspected in language models, and {path} is a {kind}")
    return model


def places(subject: Subject, windows: int, width: int) -> "Tensor":
    """Windows of ids, [windows, width], at even distances; fewer, which is said, where the text has fewer."""
    import torch

    encoded = subject.tokenizer.encode_blocks(subject.text)
    ids = torch.tensor(list(islice(chain.from_iterable(encoded), MOST)), dtype=torch.long)
    if len(ids) < width:
        raise UserError(
            f"{width - WARM_UP - 1} steps need a text of at least {width:,} {unit(subject.tokenizer)}, and the one for "
            f"{subject.given} has {len(ids):,}; give fewer --steps or another --text"
        )
    every = ids.unfold(0, width, 1)
    if len(every) < windows:
        rank_zero_log(f"the text for {subject.given} has only {len(every):,} of {windows:,} places")
    return every[torch.linspace(0, len(every) - 1, min(windows, len(every))).long()]


def unit(tokenizer: "Tokenizer") -> str:
    name = type(tokenizer).__name__
    return name.lower() if name in UNITS else "tokens"


def print_curves(curves: "Sequence[Curve]", windows: int) -> None:
    """A table with a row for each model and layer, and the sentences."""
    from seq2seq.inspection import comparison, sentence

    most = max(curve.steps for curve in curves)
    columns = [k for k in COLUMNS if k < most] + ([most] if most > 1 else [])
    rows = [row for curve in curves for row in rows_of(curve)]
    width = max(len(name) for name, _ in rows)
    print("the norm of d loss(t) / d state(t-k): at k = 1, and at larger k relative to that")
    print(f"(before or after training; the mean over {windows} places of the text)\n")
    print(f"{'k':<{width}}  {'1':>8} " + "".join(f"{k:>7}" for k in columns))
    for name, norms in rows:
        cells = [share(norms[k - 1], norms[0]) for k in columns if k <= len(norms)]
        print(f"{name:<{width}}  {norms[0]:>8.2g} " + "".join(f"{cell:>7}" for cell in cells))
    print()
    for curve in curves:
        print(f"{curve.name}: {sentence(curve)}")
    if (compared := comparison(curves)) is not None:
        print(f"\n{compared}")


def rows_of(curve: "Curve") -> list[tuple[str, list[float]]]:
    name = f"{curve.label}, {'after' if curve.trained else 'before'}"
    if len(curve.norms) == 1:
        return [(name, curve.norms[0])]
    return [(f"{name}, layer {number}", norms) for number, norms in enumerate(curve.norms, start=1)]


def share(norm: float, first: float) -> str:
    """A norm relative to the first, in six characters."""
    if not math.isfinite(norm) or not 0.0 < first < math.inf:
        return "-"
    value = norm / first
    return f"{value:.2g}" if value == 0.0 or 0.001 <= value < 100 else f"{value:.0e}"


def write_numbers(curves: "Sequence[Curve]", text: str | None, windows: int, path: str) -> None:
    """Everything that is printed and drawn, and every norm; a number that is none or has no end is null."""
    from seq2seq.inspection import comparison, fading, sentence

    written = {
        "text": text,  # null: the validation split of each model's own corpus
        "windows": windows,
        "k": list(range(1, max(curve.steps for curve in curves) + 1)),
        "models": [
            {
                "label": curve.label,
                "model": curve.given,
                "trained": curve.trained,
                "unit": curve.unit,
                "layers": [fading(norms)._asdict() | {"norms": norms} for norms in curve.norms],
                "sentence": sentence(curve),
            }
            for curve in curves
        ],
        "comparison": comparison(curves),
    }
    write_json(path, plain(written))
