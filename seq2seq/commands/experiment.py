"""`seq2seq fit|validate|test|predict`: LightningCLI with run folders, exact resuming and short class names."""

import logging
import os
import pkgutil
import re
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import LightningArgumentParser, ReduceLROnPlateau
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from torch.optim import Optimizer

import seq2seq.data.language
import seq2seq.data.translation

# configurations may use the short names of imported classes
import seq2seq.nn.attention
import seq2seq.recurrence
import seq2seq.training  # noqa: F401
from seq2seq import runs
from seq2seq.checkpoint import find_checkpoint, last_checkpoint
from seq2seq.class_paths import import_trusted
from seq2seq.commands.arguments import check_unicode, prepare_arguments
from seq2seq.commands.configuration import read_configuration
from seq2seq.commands.dataclass_options import OptionGroup
from seq2seq.commands.library_errors import LIGHTNING, option_errors, training_errors
from seq2seq.commands.lightning_cli import SingleCommandCLI
from seq2seq.commands.options import (
    ExperimentParser,
    add_options,
    add_predict_options,
    check_search,
    link_named_models,
    set_predict_options,
)
from seq2seq.commands.parser import check_groups, check_ranges, option_arity
from seq2seq.errors import UserError, system_errors
from seq2seq.jsonargparse_internals.messages import constructor_errors
from seq2seq.storage import path_inside
from seq2seq.training import evaluation
from seq2seq.training.checkpoints import AtomicCheckpointIO, ResumeCheckpoint
from seq2seq.training.fit import RUN_VARIABLE, fit
from seq2seq.training.metrics_log import log_versions
from seq2seq.training.nan_guard import NanGuard
from seq2seq.training.preflight import (
    check_checkpoint_filename,
    check_checkpoint_paths,
    check_data,
    check_monitors,
    check_precision,
    supported_precision,
)
from seq2seq.training.previews import Preview
from seq2seq.training.progress import ProgressLine
from seq2seq.training.schedules import check_schedule_length, check_total_steps
from seq2seq.training.step_seeding import StepSeeding
from seq2seq.training.throughput import ThroughputMonitor
from seq2seq.training.training_module import TrainingModule
from seq2seq.training.transfer import check_same_tokenizers, use_checkpoint_tokenizers

TOKENIZER_OPTION = re.compile(r"--data\.(init_args\.)?(target_)?tokenizer\b")


class Experiment(SingleCommandCLI):
    """One command that trains or evaluates the model of a configuration."""

    def __init__(self, args: list[str]) -> None:
        self.command = args[0]
        self.arguments = args
        self.search_groups: list[OptionGroup] = []
        self.run_folder = Path()
        self.config_text = ""  # the configuration of the run, without the run's folder
        self.given_options: set[str] = set()  # names of the options on the command line
        super().__init__(
            model_class=pl.LightningModule,
            datamodule_class=pl.LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=None,  # the configuration is written with the run's folder
            parser_class=ExperimentParser,
            seed_everything_default=1,
            trainer_defaults={
                "gradient_clip_val": 1.0,
                "log_every_n_steps": 20,
                "enable_progress_bar": False,
                "enable_model_summary": False,
                "num_sanity_val_steps": 0,
                "use_distributed_sampler": False,
            },
            args=args,
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse the command line and the configurations, and check them before any data is read."""
        command_parser = self.command_parser
        check_unicode(args, "the configuration of the run records it")
        arguments = prepare_arguments(args, partial(option_arity, command_parser))
        configurations = {path: read_configuration(path) for path in config_paths(arguments)}
        for path, options in configurations.items():
            check_groups(command_parser, options, path)
        link_named_models(command_parser, arguments, configurations.values())
        self.given_options = {argument.partition("=")[0] for argument in arguments}
        super().parse_arguments(parser, arguments)
        check_search(self.search_groups, self.config[self.command])
        check_ranges(command_parser, self.config[self.command])

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        add_options(parser)
        if self.command == "predict":
            self.search_groups = add_predict_options(parser, self.arguments)

    @property
    def options(self) -> Any:
        return self.config[self.subcommand]

    def before_instantiate_classes(self) -> None:
        options = self.options
        weights = options.init_from
        import_trusted(options.trust or ())
        check_data(*(pkgutil.resolve_name(part.class_path) for part in (options.model, options.data)))
        if options.lr_scheduler is not None and "steps" in options.lr_scheduler.get("init_args", {}):
            check_total_steps(options.lr_scheduler.init_args.steps)
        if self.subcommand == "fit":
            if options.name is None:
                options.name = run_name(options.config)
            check_checkpoint_paths(options.checkpoint, Path(options.runs))
            check_schedule_length(options.lr_scheduler, options.trainer.max_steps)
            self.choose_vocabulary()
            self.config_text = self.config_yaml()
            self.choose_run()
            options.checkpoint.dirpath = str(self.run_folder / "checkpoints")
            if weights is not None and options.resume:
                weights = last_checkpoint(self.run_folder)  # contains the tokenizer of the initial checkpoint
        elif options.ckpt_path is None:
            raise UserError(f"{self.subcommand} needs a trained model: name its run or checkpoint with --ckpt-path")
        else:
            weights = options.ckpt_path
            if given := self.tokenizer_options():
                raise UserError(f"{self.subcommand} uses the tokenizer of the checkpoint: remove {given[0]}")
        if options.ckpt_path is not None:
            options.ckpt_path = str(find_checkpoint(options.ckpt_path))
        if weights is not None and options.init_vocabulary != "data":
            use_checkpoint_tokenizers(options.data.init_args, str(find_checkpoint(weights)))
        options.trainer.precision = supported_precision(options.trainer.precision, options.trainer.accelerator)
        if self.subcommand == "predict":
            options.trainer.devices = options.trainer.num_nodes = 1  # to keep the order of the lines

    def tokenizer_options(self) -> list[str]:
        """Return the options on the command line that set a tokenizer or an option of one."""
        return sorted(name for name in self.given_options if TOKENIZER_OPTION.match(name))

    def choose_vocabulary(self) -> None:
        """Set the default of init_vocabulary: data if a tokenizer is given on the command line, else checkpoint."""
        options = self.options
        if options.init_from is None:
            if options.init_vocabulary is not None:
                raise UserError("--init-vocabulary needs --init-from")
        elif options.init_vocabulary is None:
            options.init_vocabulary = "data" if self.tokenizer_options() else "checkpoint"
            if options.init_vocabulary == "checkpoint" and not options.resume:
                check_same_tokenizers(options.data.init_args, str(find_checkpoint(options.init_from)))

    def choose_run(self) -> None:
        """Set the folder of this run: a new one, or the newest of this name with --resume."""
        options = self.options
        folder = path_inside(Path(options.runs), options.name, "--name")
        with system_errors(f"cannot read {folder}"):
            folder.exists()  # raises an error for an invalid name
        if RUN_VARIABLE in os.environ:
            self.run_folder = Path(os.environ[RUN_VARIABLE])
        elif options.resume:
            self.run_folder = runs.newest_resumable_run(folder)
        elif not options.again and (done := runs.find_finished(folder, self.config_text)):
            print(f"{done} has already finished with this configuration; --again (AGAIN=1) trains it again")
            raise SystemExit(0)
        else:
            self.run_folder = runs.next_run(folder)

    def config_yaml(self) -> str:
        """Return the configuration of this run with all defaults; used as --config, it gives the same run."""
        options = self.options.clone()
        for key in ("config", "resume", "again", "runs"):
            options.pop(key, None)
        options.checkpoint.dirpath = None
        # nulls are kept, since the default may be another value, as in attention: null
        return str(self.command_parser.dump(options, skip_validation=True, skip_none=False))

    def instantiate_classes(self) -> None:
        with option_errors("trainer", LIGHTNING), constructor_errors():
            super().instantiate_classes()

    def build_optimizer(self) -> None:
        with option_errors("optimizer or lr_scheduler"):
            super().build_optimizer()

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        options = self.options
        trainer = self.config_init[self.subcommand].trainer
        kwargs["plugins"] = [*as_list(trainer.plugins), AtomicCheckpointIO()]
        if self.subcommand == "fit":
            callbacks = as_list(trainer.callbacks)
            check_monitors([*callbacks, self.config_init[self.subcommand].checkpoint], self.model, options.lr_scheduler)
            for callback in callbacks:
                if isinstance(callback, ModelCheckpoint) and callback.filename is not None:
                    check_checkpoint_filename(callback.filename, "filename of ModelCheckpoint")
            version = max(log_versions(self.run_folder), default=-1) + 1  # every resumed training writes its own logs
            if trainer.logger is None:
                kwargs["logger"] = [
                    logger(self.run_folder, "logs", version) for logger in (TensorBoardLogger, CSVLogger)
                ]
            kwargs["callbacks"] = [
                ProgressLine(),
                StepSeeding(int(options.seed_everything)),
                NanGuard(),
                ThroughputMonitor(),
                *callbacks,
                *default_previews(self.model, callbacks),
            ]
            # after the callback that keeps the best checkpoints, so that its state is up to date in this checkpoint
            resume_checkpoint = ResumeCheckpoint(
                self.run_folder / "checkpoints", options.keep.minutes, options.keep.every_n_steps
            )
            self.trainer_defaults["callbacks"] = [resume_checkpoint]
        else:
            kwargs["logger"] = False
        with option_errors("trainer"):
            return super().instantiate_trainer(**kwargs)

    def fit(self, model: Any, datamodule: Any, ckpt_path: str | None = None, **_: Any) -> None:
        options = self.options
        check_precision(model, options.trainer.precision)
        fit(
            self.trainer,
            model,
            datamodule,
            self.run_folder,
            self.config_text,
            resume=options.resume,
            checkpoint=ckpt_path,
            init_from=options.init_from,
        )

    def validate(self, model: Any, datamodule: Any, ckpt_path: str, **_: Any) -> None:
        evaluation.validate(self.trainer, model, datamodule, ckpt_path)

    def test(self, model: Any, datamodule: Any, ckpt_path: str, **_: Any) -> None:
        evaluation.test(self.trainer, model, datamodule, ckpt_path)

    def predict(self, model: Any, datamodule: Any, ckpt_path: str, **_: Any) -> None:
        set_predict_options(model, self.search_groups, self.options)
        evaluation.predict(self.trainer, model, datamodule, ckpt_path)

    @staticmethod
    def configure_optimizers(
        lightning_module: pl.LightningModule, optimizer: Optimizer, lr_scheduler: Any = None
    ) -> Any:
        """Return the optimizer, with a schedule that is updated every step; ReduceLROnPlateau, every epoch."""
        if lr_scheduler is None:
            return optimizer
        schedule = {"scheduler": lr_scheduler, "interval": "step"}
        if isinstance(lr_scheduler, ReduceLROnPlateau):
            schedule = {"scheduler": lr_scheduler, "interval": "epoch", "monitor": lr_scheduler.monitor}
        return {"optimizer": optimizer, "lr_scheduler": schedule}


def config_paths(arguments: list[str]) -> Iterator[str]:
    """Yield the values of --config in the arguments."""
    for index, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option in ("-c", "--config"):
            yield from [value] if equals else arguments[index + 1 : index + 2]


def run_name(configs: Any) -> str:
    """Return the default name of a run: the file name of its last configuration."""
    return Path(str(configs[-1])).stem if configs else "run"


def as_list(value: Any) -> list[Any]:
    """Return a value that may be None, one item or a list as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def default_previews(model: Any, callbacks: list[Any]) -> list[pl.Callback]:
    """Return the callback that prints sample output at each validation, unless the configuration already has one."""
    path = model.task.preview if isinstance(model, TrainingModule) else None
    if path is None or any(isinstance(callback, Preview) for callback in callbacks):
        return []
    return [pkgutil.resolve_name(path)()]


def silence_lightning() -> None:
    """Hide warnings and notices of Lightning and jsonargparse."""
    warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric|jsonargparse")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)


def run(args: list[str]) -> None:
    """Run `fit`, `validate`, `test` or `predict` with its options."""
    silence_lightning()
    try:
        with training_errors():
            Experiment(args)
    finally:
        os.environ.pop(RUN_VARIABLE, None)
