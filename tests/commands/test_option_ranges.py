"""Every numeric option has a range, which is checked before anything is read."""

import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_type_hints

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning import callbacks
from torch import nn
from torch.optim import lr_scheduler

import seq2seq.data
import seq2seq.nn.attention
import seq2seq.recurrence
import seq2seq.search
import seq2seq.tokenizers
import seq2seq.training
from seq2seq.__main__ import COMMANDS, TRAINER_COMMANDS, main
from seq2seq.commands.experiment import Experiment
from seq2seq.commands.library_ranges import OPTIONS, option_ranges
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.ranges import Range, out_of_range, range_of, ranges, violated_range
from seq2seq.tokenizers import Tokenizer


def classes_of(module: Any, base: type) -> list[type]:
    """Return the classes of this package in a module that derive from a base class."""
    found = [kind for kind in vars(module).values() if inspect.isclass(kind) and issubclass(kind, base)]
    return [kind for kind in found if kind.__module__.startswith("seq2seq.")]


PACKAGE_CLASSES = [
    *(getattr(seq2seq.training, name) for name in ("LanguageModel", "Translator")),
    *(getattr(seq2seq.data, name) for name in ("LanguageData", "TranslationData")),
    *classes_of(seq2seq.recurrence, nn.Module),
    *classes_of(seq2seq.nn.attention, nn.Module),
    *classes_of(seq2seq.tokenizers, Tokenizer),
    *classes_of(seq2seq.training, object),
    *classes_of(seq2seq.search, seq2seq.search.Constraints),
    TranslationLimits,
]
LIBRARY_CLASSES = [
    *(kind for kind in vars(torch.optim).values() if inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer)),
    *(kind for kind in vars(lr_scheduler).values() if inspect.isclass(kind) and hasattr(kind, "step")),
    *(getattr(callbacks, name) for name in callbacks.__all__),
    pl.Trainer,
]
FUNCTION_PARAMETERS = {
    "batch_size_fn",
    "length_fn",
    "optimizer",
    "params",
    "schedulers",
    "lr_lambda",
    "scale_fn",
}  # functions


def command(name: str) -> Callable[..., None]:
    found: Callable[..., None] = getattr(import_module(f"seq2seq.commands.{name}"), name)
    return found


def command_ranges(name: str) -> dict[str, Any]:
    """Return the types of those options of a command that have a range, including the fields of its dataclasses."""
    found = dict(ranges(command(name)))
    for parameter in inspect.signature(command(name)).parameters.values():
        if is_dataclass(parameter.default):
            found |= ranges(type(parameter.default))
    if name == "sample":
        del found["min_length"]
    return found


def has_unbounded_number(annotation: Any) -> bool:
    """Whether a type contains a number without a range."""
    if range_of(annotation) is not None:
        return False
    return annotation in (int, float) or any(map(has_unbounded_number, get_args(annotation)))


def type_hints(function: Any) -> dict[str, Any]:
    target = inspect.unwrap(function.__init__ if inspect.isclass(function) else function)
    return get_type_hints(target, include_extras=True)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in TRAINER_COMMANDS])
def test_every_numeric_option_of_a_command_has_a_range(name: str) -> None:
    assert [
        option for option, annotation in type_hints(command(name)).items() if has_unbounded_number(annotation)
    ] == []


@pytest.mark.parametrize("kind", PACKAGE_CLASSES, ids=lambda kind: kind.__name__)
def test_every_numeric_option_of_package_classes_has_a_range(kind: type) -> None:
    assert [option for option, annotation in type_hints(kind).items() if has_unbounded_number(annotation)] == []


@pytest.mark.parametrize("kind", LIBRARY_CLASSES, ids=lambda kind: kind.__name__)
def test_every_numeric_option_of_the_libraries_is_in_the_table(kind: type) -> None:
    try:
        annotations = get_type_hints(kind.__init__)  # type: ignore[misc]
    except NameError:  # an annotation with a name that is imported only for type checkers
        annotations = {}
    parameters = inspect.signature(kind).parameters.values()
    numeric = {
        p.name
        for p in parameters
        if has_unbounded_number(annotations.get(p.name))
        or (isinstance(p.default, int | float) and not isinstance(p.default, bool))
    }
    assert numeric - FUNCTION_PARAMETERS - set(OPTIONS) == set()
    assert all(out_of_range(OPTIONS, {p.name: p.default}) for p in parameters)
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    assert list(out_of_range(option_ranges(kind), defaults)) == []


@pytest.mark.parametrize("kind", [*PACKAGE_CLASSES, *map(command, (c for c in COMMANDS if c not in TRAINER_COMMANDS))])
def test_every_default_is_in_its_range(kind: Any) -> None:
    defaults = {p.name: p.default for p in inspect.signature(kind).parameters.values()}
    assert list(out_of_range(ranges(kind), defaults)) == []


def values_outside(annotation: Any) -> Iterator[str]:
    """Yield values outside the ranges of a type, as text for a command line."""
    numbers: list[float] = [-1, 0, 2, 2**63, -(2**63), 1e308, -1e308, math.nan, math.inf, -math.inf]
    complete = any(range_of(part) and part.__origin__ is int for part in (annotation, *get_args(annotation)))
    for number in numbers:
        if complete and isinstance(number, float) and math.isfinite(number):
            number = int(number)
        if violated_range(annotation, number) is not None:
            yield {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}.get(str(number), str(number))


class Case(NamedTuple):
    option: str
    arguments: list[str]


def cases_of_commands() -> Iterator[Case]:
    needed = {
        "sample": ["c"],
        "average": ["c", "--output", "o"],
        "shortlist": ["c", "--output", "o"],
        "compare": ["--config", "c", "--layers", "LSTM"],
    }
    for name in COMMANDS:
        if name not in TRAINER_COMMANDS:
            for option, annotation in command_ranges(name).items():
                for value in values_outside(annotation):
                    yield Case(option, [name, *needed.get(name, ["c"]), f"--{option.replace('_', '-')}={value}"])


@pytest.mark.parametrize("case", cases_of_commands(), ids=lambda case: " ".join(case.arguments))
def test_command_option_out_of_range_is_one_line_error(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read: none of the files exists."""
    assert main(case.arguments) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"seq2seq: {case.option} must be ")
    assert captured.err.count("\n") == 1
    assert len(captured.err) < 200


@pytest.mark.parametrize("command", ["translate", "evaluate"])
@pytest.mark.parametrize(("search", "option"), [("greedy", "min_length"), ("sampling", "temperature")])
def test_option_of_another_search_out_of_range_is_one_line_error(
    command: str, search: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [command, "nowhere", f"--{option.replace('_', '-')}=-1", "--search", search]
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(f"seq2seq: {option} must be at least 0")


class ParseOnly(Experiment):
    """Parses a configuration and checks its ranges, and builds nothing."""

    def before_instantiate_classes(self) -> None:
        """Read nothing."""

    def instantiate_classes(self) -> None:
        """Build nothing."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Run nothing."""


MODEL = ["--model", "Translator", "--data", "TranslationData", "--data.corpus", "c", "--data.source", "a"]
MODEL += ["--data.target", "b"]
LANGUAGE = ["--model", "LanguageModel", "--data", "LanguageData", "--data.corpus", "c"]


def cases_of_classes() -> Iterator[Case]:
    def option_cases(place: str, chosen: list[str], annotations: dict[str, Any]) -> Iterator[Case]:
        for option, annotation in annotations.items():
            for value in list(values_outside(annotation))[:2]:  # two per option are enough here
                yield Case(f"{place}{option}", [*chosen, f"--{place}{option}={value}"])

    def own_options(kind: type) -> dict[str, Any]:
        """Return the numeric options of a class that are not linked to others."""
        linked = {"vocab_size", "source_vocab_size", "target_vocab_size", "seed", "input_size", "steps"}
        if issubclass(kind, pl.LightningDataModule):
            linked.remove("steps")
        if not issubclass(kind, pl.LightningModule) and issubclass(kind, nn.Module):
            linked.add("size")
        return {option: annotation for option, annotation in ranges(kind).items() if option not in linked}

    def table_options(kind: type, *names: str) -> dict[str, Any]:
        parameters = inspect.signature(kind).parameters
        return {name: OPTIONS[name] for name in names or OPTIONS if name in parameters}

    yield from option_cases("trainer.", LANGUAGE, table_options(pl.Trainer))
    yield from option_cases("model.", LANGUAGE, own_options(seq2seq.training.LanguageModel))
    yield from option_cases("model.", MODEL, own_options(seq2seq.training.Translator))
    yield from option_cases("data.", LANGUAGE, own_options(seq2seq.data.LanguageData))
    yield from option_cases("data.", MODEL, own_options(seq2seq.data.TranslationData))
    for name in ("LSTM", "GRU", "MinLSTM", "RGLRU", "Mamba", "RWKV", "MogrifierLSTM", "CausalAttention"):
        yield from option_cases(
            "model.layer.", [*LANGUAGE, "--model.layer", name], own_options(getattr(seq2seq.recurrence, name))
        )
    yield from option_cases(
        "data.tokenizer.", [*MODEL, "--data.tokenizer", "Subwords"], own_options(seq2seq.tokenizers.Subwords)
    )
    for name in ("AdamW", "SGD", "Adafactor", "Rprop"):
        numbers = table_options(getattr(torch.optim, name), "lr", "weight_decay", "momentum")
        yield from option_cases("optimizer.", [*LANGUAGE, "--optimizer", name], numbers)
    for name in ("WarmupCosine", "WarmupInverseSquareRoot"):
        numbers = own_options(getattr(seq2seq.training, name))
        yield from option_cases("lr_scheduler.", [*LANGUAGE, "--lr_scheduler", name], numbers)
    yield Case("optimizer.betas", [*LANGUAGE, "--optimizer.betas=[0.9,1.0]"])
    yield Case("lr_scheduler.milestones", [*LANGUAGE, "--lr_scheduler=MultiStepLR", "--lr_scheduler.milestones=[1,-1]"])
    yield Case("keep.minutes", [*LANGUAGE, "--keep.minutes=-1"])
    yield Case("keep.every_n_steps", [*LANGUAGE, "--keep.every_n_steps=0"])
    yield Case("seed_everything", [*LANGUAGE, f"--seed_everything={2**64}"])
    yield Case("checkpoint.save_top_k", [*LANGUAGE, "--checkpoint.save_top_k=-2"])
    stopping = ["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=val_loss"]
    yield Case("trainer.callbacks.patience", [*LANGUAGE, *stopping, "--trainer.callbacks.patience=-1"])


@pytest.mark.parametrize("case", cases_of_classes(), ids=lambda case: " ".join(case.arguments[-2:]))
def test_class_option_out_of_range_is_one_line_error(case: Case) -> None:
    with pytest.raises(UserError) as raised:
        ParseOnly(["fit", *case.arguments])
    assert str(raised.value).startswith(f"{case.option} must be ")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("arguments", [LANGUAGE, MODEL])
def test_options_in_range_are_accepted(arguments: list[str]) -> None:
    ParseOnly(
        ["fit", *arguments, "--model.size=8", "--optimizer.lr=0.1", "--trainer.max_steps=3", "--keep.minutes=0.5"]
    )


def test_help_shows_ranges(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["translate", "--help"])
    output = " ".join(capsys.readouterr().out.split())
    assert "(type: int at least 1, default: 4000)" in output
    assert "Range(" not in output
    assert "2,147,483,647" not in output


def test_short_range_omits_technical_bounds() -> None:
    assert Range(1, 2**31 - 1).short == "at least 1"
    assert Range(0, 1, exclusive_maximum=True).short == "at least 0 and below 1"
    assert Range(0, math.inf, exclusive_minimum=True, exclusive_maximum=True).short == "above 0"


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("optimizer.alpha", ["RMSprop", "2"]),
        ("optimizer.alpha", ["RMSprop", "1"]),
        ("optimizer.alpha", ["ASGD", "-1"]),
        ("optimizer.rho", ["Adadelta", "1"]),
        ("optimizer.momentum", ["SGD", "1"]),
        ("optimizer.momentum", ["RMSprop", "2"]),
        ("optimizer.momentum", ["Muon", "1.5"]),
        ("optimizer.dampening", ["SGD", "2"]),
        ("optimizer.dampening", ["SGD", "-1"]),
        ("optimizer.eps", ["Adafactor", "[-1, 0.1]"]),
        ("optimizer.betas", ["Adamax", "[0.9, 1]"]),
        ("optimizer.etas", ["Rprop", "[0.5, 0.9]"]),
        ("optimizer.lambd", ["ASGD", "-1"]),
        ("optimizer.lr_decay", ["Adagrad", "-1"]),
        ("lr_scheduler.factor", ["pytorch_lightning.cli.ReduceLROnPlateau", "1"]),
        ("lr_scheduler.max_momentum", ["CyclicLR", "1"]),
    ],
)
def test_range_belongs_to_the_class(option: str, values: list[str]) -> None:
    group, _, name = option.partition(".")
    kind, value = values
    needed = ["--lr_scheduler.monitor=val_loss"] if kind.endswith("ReduceLROnPlateau") else []
    needed += ["--lr_scheduler.base_lr=0.1", "--lr_scheduler.max_lr=0.2"] if kind == "CyclicLR" else []
    with pytest.raises(UserError, match=f"^{option} must be .* was given$"):
        ParseOnly(["fit", *LANGUAGE, f"--{group}={kind}", *needed, f"--{group}.{name}={value}"])


@pytest.mark.parametrize(
    ("kind", "options"),
    [("ASGD", {"alpha": 2.0}), ("Adafactor", {"eps": (None, 0.1)}), ("RMSprop", {"alpha": 0.0, "momentum": 0.9})],
)
def test_values_in_the_range_of_the_class_are_accepted(kind: str, options: dict[str, Any]) -> None:
    assert list(out_of_range(option_ranges(getattr(torch.optim, kind)), options)) == []


@pytest.mark.parametrize("text", ["inf", "Inf", "infinity", "+inf", ".inf"])
@pytest.mark.parametrize("option", ["patience", "threshold"])
def test_infinity_is_accepted_where_the_range_has_it(
    option: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["translate", "nowhere", f"--{option}", text]) == 1
    assert capsys.readouterr().err == "seq2seq: there is no checkpoint at nowhere\n"


@pytest.mark.parametrize("text", ["inf", "-inf", "nan", "NaN", ".nan", "-Infinity"])
def test_other_infinities_and_nan_are_out_of_range(text: str, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"optimizer: {{class_path: SGD, init_args: {{lr: {text}}}}}\n")
    for arguments in ([f"--optimizer.lr={text}"], ["--config", str(config)]):
        with pytest.raises(UserError, match=r"^optimizer\.lr must be at least 0 and finite, and .* was given$"):
            ParseOnly(["fit", *LANGUAGE, *arguments])


def test_a_name_may_be_spelled_like_a_number() -> None:
    for name in ("inf", "nan"):
        assert ParseOnly(["fit", *LANGUAGE, "--name", name]).options.name == name
