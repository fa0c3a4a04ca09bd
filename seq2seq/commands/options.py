"""Options that `fit`, `validate`, `test` and `predict` add to those of LightningCLI, and links between options."""

import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from inspect import Parameter
from typing import Annotated, Any

from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from seq2seq.commands.dataclass_options import (
    Omit,
    OptionGroup,
    changed_options,
    find_class,
    option_groups,
    reject_options,
)
from seq2seq.commands.parser import OneLineErrorParser
from seq2seq.data.translation_limits import TranslationLimits
from seq2seq.errors import UserError
from seq2seq.models.network import Network
from seq2seq.ranges import Count, NonNegative
from seq2seq.search import Beam, Search
from seq2seq.tasks.loading import options_from_data
from seq2seq.training.transfer import VocabularyOrigin

# of `predict`: attributes of the model that `predict_options` names; the data module sets the sizes of its batches
PREDICT_PARAMETERS = {
    "search": Parameter("search", Parameter.KEYWORD_ONLY, default=Beam(), annotation=Search),
    "limits": Parameter(
        "limits",
        Parameter.KEYWORD_ONLY,
        default=TranslationLimits(),
        annotation=Annotated[TranslationLimits, Omit(("max_source_length", "batch_tokens"))],
    ),
}


class ExperimentParser(OneLineErrorParser, LightningArgumentParser):
    """LightningCLI's parser with one-line errors."""


def add_options(parser: LightningArgumentParser) -> None:
    """Add the options of a run, its checkpoints, its optimizer and its schedule, and link options that must agree."""
    parser.add_argument(
        "--name", type=str | None, default=None, help="Name of the run; by default that of the configuration."
    )
    parser.add_argument("--runs", type=str, default="runs", help="Folder of all runs.")
    parser.add_argument("--resume", action="store_true", help="Resume the newest run of this name.")
    parser.add_argument(
        "--again", action="store_true", help="Train again even if a run with the same configuration has finished."
    )
    parser.add_argument(
        "--init_from",
        type=str | None,
        default=None,
        help="Checkpoint with the initial weights and the tokenizer.",
    )
    parser.add_argument(
        "--init_vocabulary",
        type=VocabularyOrigin | None,
        default=None,
        help="Vocabulary with --init-from: checkpoint for that of the checkpoint, or data for that of data.tokenizer, "
        "where tokens in both vocabularies keep their weights; by default data if a tokenizer is given on the command "
        "line, and checkpoint otherwise.",
    )
    parser.add_argument(
        "--trust",
        type=str | None,
        default=None,
        help="Your own modules whose tokenizers a file or a checkpoint may use, separated by commas; they are "
        "imported. Not needed for a class that the configuration names.",
    )
    parser.add_argument("--keep.minutes", type=NonNegative, default=5.0, help="Minutes between two checkpoints.")
    parser.add_argument("--keep.every_n_steps", type=Count | None, default=None, help="Steps between two checkpoints.")
    parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
    parser.set_defaults({"checkpoint.monitor": "val_loss", "checkpoint.enable_version_counter": False})
    parser.add_optimizer_args((Optimizer,))
    parser.add_lr_scheduler_args((LRScheduler,))
    parser.set_defaults({"optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 1e-3, "fused": True}}})
    parser.link_arguments("trainer.max_steps", "lr_scheduler.init_args.steps")
    parser.link_arguments("seed_everything", "data.init_args.seed", compute_fn=int)
    link_data_options(parser, options_from_data())


def link_data_options(parser: LightningArgumentParser, options: Iterable[str]) -> None:
    """Link options of the model to the attributes of that name of the data module."""
    for option in options:
        parser.link_arguments(f"data.{option}", f"model.init_args.{option}", apply_on="instantiate")


def link_named_models(
    parser: LightningArgumentParser, arguments: Sequence[str], configurations: Iterable[Mapping[str, Any]]
) -> None:
    """Link the data's options of the models that are named by an import path, beyond those of this package's tasks.

    Args:
        parser: The parser of the command's options.
        arguments: The arguments of the command line.
        configurations: The contents of the configurations.
    """
    models = [options.get("model") for options in configurations]
    names = [model.get("class_path") if isinstance(model, dict) else model for model in models]
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, equals, value = argument.partition("=")
        if option in ("--model", "--model.class_path"):
            names.append(value if equals else following)
    linked = dict.fromkeys(options_from_data())
    for name in names:
        kind = None
        if isinstance(name, str) and "." in name:
            with suppress(Exception):  # the parser reports a class that cannot be imported
                kind = pkgutil.resolve_name(name)
        if isinstance(kind, type) and issubclass(kind, Network):
            options = [option for option in kind.data_options() if option not in linked]
            link_data_options(parser, options)
            linked |= dict.fromkeys(options)


def add_predict_options(parser: LightningArgumentParser, arguments: Sequence[str]) -> list[OptionGroup]:
    """Add the options of `predict`, given the arguments of the command line; return them."""
    groups = option_groups(list(PREDICT_PARAMETERS.values()), arguments)
    for group in groups:
        group.add_to(
            parser,
            "How a translator searches: beam, greedy, sampling, or a class of your own, such as my_module.MySearch, "
            "which is imported; its options are those of the command.",
        )
    return groups


def check_search(groups: Sequence[OptionGroup], options: Any) -> None:
    """Raise a UserError if a configuration names another search than the command line, whose options are known."""
    for group in groups:
        if group.name in options and find_class(options[group.name], group.base, group.name) is not group.kind:
            raise UserError(f"{group.name} must be given on the command line, as --{group.name} {options[group.name]}")


def set_predict_options(model: Any, groups: Sequence[OptionGroup], options: Any) -> None:
    """Set the options of `predict` as attributes of a model; raise a UserError for one that does not apply to it."""
    for group in groups:
        value = group.take_from({name: options[name] for name in (group.name, *group.options) if name in options})
        if group.name in model.predict_options:
            setattr(model, group.name, value)
        else:
            parameters = {group.name: PREDICT_PARAMETERS[group.name]}
            reject_options(changed_options(parameters, {group.name: value}), model.task.noun)
