"""Every numeric option states its range, and is held to it before anything is read."""

import inspect
import math
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NamedTuple, get_args, get_type_hints

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning import callbacks
from torch import nn
from torch.optim import lr_scheduler

import seq2seq.data
import seq2seq.models
import seq2seq.nn.attention
import seq2seq.recurrence
import seq2seq.tokenizers
import seq2seq.training
from seq2seq.__main__ import COMMANDS, EXPERIMENTS, main
from seq2seq.commands.experiment import Experiment
from seq2seq.commands.library_ranges import OPTIONS, option_types
from seq2seq.errors import UserError
from seq2seq.ranges import Range, broken, out_of_range, range_of, ranges
from seq2seq.tokenizers import Tokenizer


def classes_of(module: Any, base: type) -> list[type]:
    """Return our classes of a kind that a module has under their names."""
    found = [kind for kind in vars(module).values() if inspect.isclass(kind) and issubclass(kind, base)]
    return [kind for kind in found if kind.__module__.startswith("seq2seq.")]


OURS = [
    *(getattr(seq2seq.models, name) for name in ("LanguageModel", "Translator")),
    *(getattr(seq2seq.data, name) for name in ("LanguageData", "TranslationData")),
    *classes_of(seq2seq.recurrence, nn.Module),
    *classes_of(seq2seq.nn.attention, nn.Module),
    *classes_of(seq2seq.tokenizers, Tokenizer),
    *classes_of(seq2seq.training, object),
]
LIBRARIES = [
    *(kind for kind in vars(torch.optim).values() if inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer)),
    *(kind for kind in vars(lr_scheduler).values() if inspect.isclass(kind) and hasattr(kind, "step")),
    *(getattr(callbacks, name) for name in callbacks.__all__),
    pl.Trainer,
]
NO_OPTIONS = {"batch_size_fn", "length_fn", "optimizer", "params", "schedulers", "lr_lambda", "scale_fn"}  # functions


def command(name: str) -> Callable[..., None]:
    found: Callable[..., None] = getattr(import_module(f"seq2seq.commands.{name}"), name)
    return found


def is_bare(annotation: Any) -> bool:
    """Whether a type has a number in it that names no range."""
    if range_of(annotation) is not None:
        return False
    return annotation in (int, float) or any(map(is_bare, get_args(annotation)))


def hints(function: Any) -> dict[str, Any]:
    target = inspect.unwrap(function.__init__ if inspect.isclass(function) else function)
    return get_type_hints(target, include_extras=True)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in EXPERIMENTS])
def test_every_numeric_option_of_a_command_states_its_range(name: str) -> None:
    assert [option for option, annotation in hints(command(name)).items() if is_bare(annotation)] == []


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_numeric_option_of_our_classes_states_its_range(kind: type) -> None:
    assert [option for option, annotation in hints(kind).items() if is_bare(annotation)] == []


@pytest.mark.parametrize("kind", LIBRARIES, ids=lambda kind: kind.__name__)
def test_every_numeric_option_of_the_libraries_has_its_range_in_the_table(kind: type) -> None:
    try:
        annotations = get_type_hints(kind.__init__)  # type: ignore[misc]
    except NameError:  # of a name that is imported for type checkers alone
        annotations = {}
    parameters = inspect.signature(kind).parameters.values()
    numeric = {
        p.name
        for p in parameters
        if is_bare(annotations.get(p.name)) or (isinstance(p.default, int | float) and not isinstance(p.default, bool))
    }
    assert numeric - NO_OPTIONS - set(OPTIONS) == set()
    assert all(out_of_range(OPTIONS, {p.name: p.default}) for p in parameters)
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    assert list(out_of_range(option_types(kind), defaults)) == []


@pytest.mark.parametrize("kind", [*OURS, *map(command, (c for c in COMMANDS if c not in EXPERIMENTS))])
def test_every_default_lies_within_its_range(kind: Any) -> None:
    defaults = {p.name: p.default for p in inspect.signature(kind).parameters.values()}
    assert list(out_of_range(ranges(kind), defaults)) == []


def outside(annotation: Any) -> Iterator[str]:
    """Yield values, as a command line writes them, that lie outside the ranges of a type."""
    numbers: list[float] = [-1, 0, 2, 2**63, -(2**63), 1e308, -1e308, math.nan, math.inf, -math.inf]
    whole = any(range_of(part) and part.__origin__ is int for part in (annotation, *get_args(annotation)))
    for number in numbers:
        if whole and isinstance(number, float) and math.isfinite(number):
            number = int(number)
        if broken(annotation, number) is not None:
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
        if name not in EXPERIMENTS:
            for option, annotation in ranges(command(name)).items():
                for value in outside(annotation):
                    yield Case(option, [name, *needed.get(name, ["c"]), f"--{option.replace('_', '-')}={value}"])


@pytest.mark.parametrize("case", cases_of_commands(), ids=lambda case: " ".join(case.arguments))
def test_a_number_outside_its_range_is_refused_in_one_sentence(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read: none of the files is there."""
    assert main(case.arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"seq2seq: {case.option} must be ")
    assert said.err.count("\n") == 1
    assert len(said.err) < 200


class Parsed(Experiment):
    """A configuration that is parsed and held to its ranges, and of which nothing is made."""

    def before_instantiate_classes(self) -> None:
        """Nothing is read."""

    def instantiate_classes(self) -> None:
        """Nothing is made."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Nothing is run."""


MODEL = ["--model", "Translator", "--data", "TranslationData", "--data.corpus", "c", "--data.source", "a"]
MODEL += ["--data.target", "b"]
LANGUAGE = ["--model", "LanguageModel", "--data", "LanguageData", "--data.corpus", "c"]


def cases_of_classes() -> Iterator[Case]:
    def some(place: str, chosen: list[str], annotations: dict[str, Any]) -> Iterator[Case]:
        for option, annotation in annotations.items():
            for value in list(outside(annotation))[:2]:  # the rest is the range's own concern
                yield Case(f"{place}{option}", [*chosen, f"--{place}{option}={value}"])

    def own(kind: type) -> dict[str, Any]:
        """The options of a class that nothing else decides."""
        linked = {"vocab_size", "source_vocab_size", "target_vocab_size", "seed", "input_size", "steps"}
        if issubclass(kind, pl.LightningDataModule):
            linked.remove("steps")
        if not issubclass(kind, pl.LightningModule) and issubclass(kind, nn.Module):
            linked.add("size")
        return {option: annotation for option, annotation in ranges(kind).items() if option not in linked}

    def table(kind: type, *names: str) -> dict[str, Any]:
        parameters = inspect.signature(kind).parameters
        return {name: OPTIONS[name] for name in names or OPTIONS if name in parameters}

    yield from some("trainer.", LANGUAGE, table(pl.Trainer))
    yield from some("model.", LANGUAGE, own(seq2seq.models.LanguageModel))
    yield from some("model.", MODEL, own(seq2seq.models.Translator))
    yield from some("data.", LANGUAGE, own(seq2seq.data.LanguageData))
    yield from some("data.", MODEL, own(seq2seq.data.TranslationData))
    for name in ("LSTM", "GRU", "MinLSTM", "RGLRU", "Mamba", "RWKV", "MogrifierLSTM", "CausalAttention"):
        yield from some("model.layer.", [*LANGUAGE, "--model.layer", name], own(getattr(seq2seq.recurrence, name)))
    yield from some("data.tokenizer.", [*MODEL, "--data.tokenizer", "Subwords"], own(seq2seq.tokenizers.Subwords))
    for name in ("AdamW", "SGD", "Adafactor", "Rprop"):
        numbers = table(getattr(torch.optim, name), "lr", "weight_decay", "momentum")
        yield from some("optimizer.", [*LANGUAGE, "--optimizer", name], numbers)
    for name in ("WarmupCosine", "WarmupInverseSquareRoot"):
        numbers = own(getattr(seq2seq.training, name))
        yield from some("lr_scheduler.", [*LANGUAGE, "--lr_scheduler", name], numbers)
    yield Case("optimizer.betas", [*LANGUAGE, "--optimizer.betas=[0.9,1.0]"])
    yield Case("lr_scheduler.milestones", [*LANGUAGE, "--lr_scheduler=MultiStepLR", "--lr_scheduler.milestones=[1,-1]"])
    yield Case("keep.minutes", [*LANGUAGE, "--keep.minutes=-1"])
    yield Case("keep.every_n_steps", [*LANGUAGE, "--keep.every_n_steps=0"])
    yield Case("seed_everything", [*LANGUAGE, f"--seed_everything={2**64}"])
    yield Case("checkpoint.save_top_k", [*LANGUAGE, "--checkpoint.save_top_k=-2"])
    stopping = ["--trainer.callbacks=EarlyStopping", "--trainer.callbacks.monitor=val_loss"]
    yield Case("trainer.callbacks.patience", [*LANGUAGE, *stopping, "--trainer.callbacks.patience=-1"])


@pytest.mark.parametrize("case", cases_of_classes(), ids=lambda case: " ".join(case.arguments[-2:]))
def test_a_number_of_a_class_outside_its_range_is_refused_in_one_sentence(case: Case) -> None:
    with pytest.raises(UserError) as raised:
        Parsed(["fit", *case.arguments])
    assert str(raised.value).startswith(f"{case.option} must be ")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("arguments", [LANGUAGE, MODEL])
def test_numbers_within_their_ranges_are_accepted(arguments: list[str]) -> None:
    Parsed(["fit", *arguments, "--model.size=8", "--optimizer.lr=0.1", "--trainer.max_steps=3", "--keep.minutes=0.5"])


def test_ranges_stand_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["translate", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "(type: int at least 1, default: 4000)" in said
    assert "Range(" not in said
    assert "2,147,483,647" not in said


def test_a_range_is_said_short_where_its_end_only_stops_mistakes() -> None:
    assert Range(1, 2**31 - 1).short == "at least 1"
    assert Range(0, 1, below=True).short == "at least 0 and below 1"
    assert Range(0, math.inf, above=True, below=True).short == "above 0"
