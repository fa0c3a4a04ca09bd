"""`seq2seq fit|validate|test|predict`: LightningCLI, with folders of runs, exact resuming and short names."""

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, ReduceLROnPlateau
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from torch.optim import Optimizer

import seq2seq.data.language
import seq2seq.data.translation

# short names of classes in configurations are those that were imported
import seq2seq.nn.attention
import seq2seq.recurrence
import seq2seq.training  # noqa: F401
from seq2seq.checkpoint import find, last_checkpoint
from seq2seq.commands.arguments import check_unicode, prepared
from seq2seq.commands.configuration import check_configuration
from seq2seq.commands.library_errors import LIGHTNING, refused_options, refused_training
from seq2seq.commands.options import Parser, add_options
from seq2seq.commands.parser import arity, check_ranges
from seq2seq.construction import constructors_errors
from seq2seq.data.vocabulary import data_of
from seq2seq.errors import UserError, system_errors
from seq2seq.inference import TranslationPipeline
from seq2seq.inference.checkpoint import read, read_trained
from seq2seq.inference.checkpoint_validation import check_finite
from seq2seq.models import LanguageModel, Translator
from seq2seq.ranges import Count
from seq2seq.rank_zero import rank_zero_log
from seq2seq.storage import path_inside
from seq2seq.training import runs
from seq2seq.training.allocator import keep_freed_memory
from seq2seq.training.checkpoints import AtomicCheckpointIO, ResumeCheckpoint, check_naming
from seq2seq.training.metrics_log import logging_to
from seq2seq.training.nan_guard import NanGuard
from seq2seq.training.preflight import (
    check_monitors,
    check_precision,
    check_same_model,
    check_same_processes,
    precision_here,
)
from seq2seq.training.previews import Bleu, TextPreview, TranslationPreview
from seq2seq.training.progress import ProgressLine, said
from seq2seq.training.resume_validation import check_training
from seq2seq.training.run_lock import run_lock
from seq2seq.training.run_summary import complete, ending_together, spent
from seq2seq.training.schedules import check_end
from seq2seq.training.step_seeding import StepSeeding
from seq2seq.training.throughput import ThroughputMonitor
from seq2seq.training.transfer import check_same_tokenizers, start_from, take_tokenizers

TOKENIZER = re.compile(r"--data\.(init_args\.)?(target_)?tokenizer\b")
RUN = "SEQ2SEQ_RUN"  # tells processes that Lightning starts which folder the first one chose

OWN_CONFIG = "the config.yaml in the folder of its run describes it"


class Experiment(LightningCLI):
    """A training or an evaluation, from a configuration."""

    def __init__(self, args: list[str]) -> None:
        self.asked = args[0]
        self.run_folder = Path()
        self.text = ""  # of the configuration, before anything of ours is put into it
        self.named: set[str] = set()  # options at the command line
        super().__init__(
            model_class=pl.LightningModule,
            datamodule_class=pl.LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=None,  # the configuration is written with the run's folder
            parser_class=Parser,
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

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Only the one that is asked for, since the parser of each takes a while to make."""
        return {name: skipped for name, skipped in LightningCLI.subcommands().items() if name == self.asked}

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse what the command line and the configurations say, and refuse what cannot be before anything is read."""
        own = self._parser(self.asked)
        check_unicode(args, "what a run is made of is kept in its configuration")
        given = prepared(args, partial(arity, own))
        for path in configurations(given):
            check_configuration(path)
        self.named = {argument.partition("=")[0] for argument in given}
        super().parse_arguments(parser, given)
        check_ranges(own, self.config[self.asked])

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        add_options(parser)
        if self.asked == "predict":
            parser.add_argument(
                "--max_length",
                type=Count | None,
                default=None,
                help="Most tokens of a translation; by default one and a half times the longest in training of sources "
                "as long, and 10 more.",
            )

    def _parse_ckpt_path(self) -> None:
        """The configuration says what the model is; a checkpoint only brings its weights."""

    @property
    def options(self) -> Any:
        return self.config[self.subcommand]

    def before_instantiate_classes(self) -> None:
        options = self.options
        weights = options.init_from
        if options.lr_scheduler is not None and "steps" in options.lr_scheduler.get("init_args", {}):
            check_end(options.lr_scheduler.init_args.steps)
        if self.subcommand == "fit":
            if options.name is None:
                options.name = name_of(options.config)
            check_naming(options.checkpoint, Path(options.runs))
            self.choose_vocabulary()
            self.text = self.configuration()
            self.choose_run()
            options.checkpoint.dirpath = str(self.run_folder / "checkpoints")
            if weights is not None and options.resume:
                weights = last_checkpoint(self.run_folder)  # which carries the tokenizer that it started with
        elif options.ckpt_path is None:
            raise UserError(f"{self.subcommand} needs a trained model: name its run or checkpoint with --ckpt-path")
        else:
            weights = options.ckpt_path
            if given := self.named_tokenizers():
                raise UserError(f"{self.subcommand} takes the tokenizer of its checkpoint and has no {given[0]}")
        if options.ckpt_path is not None:
            options.ckpt_path = str(find(options.ckpt_path))
        if weights is not None and options.init_vocabulary != "data":
            take_tokenizers(options.data.init_args, str(find(weights)))
        options.trainer.precision = precision_here(options.trainer.precision, options.trainer.accelerator)
        if self.subcommand == "predict":
            options.trainer.devices = options.trainer.num_nodes = 1  # or the order of the lines would be lost

    def named_tokenizers(self) -> list[str]:
        """The options at the command line that name a tokenizer, or an option of one."""
        return sorted(name for name in self.named if TOKENIZER.match(name))

    def choose_vocabulary(self) -> None:
        """Whose vocabulary a training has that starts from a checkpoint: a tokenizer that is named by hand is used."""
        options = self.options
        if options.init_from is None:
            if options.init_vocabulary is not None:
                raise UserError("init_vocabulary says whose vocabulary training starts with, and needs --init-from")
        elif options.init_vocabulary is None:
            options.init_vocabulary = "data" if self.named_tokenizers() else "checkpoint"
            if options.init_vocabulary == "checkpoint" and not options.resume:
                check_same_tokenizers(options.data.init_args, str(find(options.init_from)))

    def choose_run(self) -> None:
        """The folder of this run: a new one, or with --resume the newest of this name."""
        options = self.options
        folder = path_inside(Path(options.runs), options.name, "--name")
        with system_errors(f"cannot read {folder}"):
            folder.exists()  # nothing is looked for under a name that no file can have
        if RUN in os.environ:
            self.run_folder = Path(os.environ[RUN])
        elif options.resume:
            self.run_folder = runs.newest(folder)
        elif not options.again and (done := runs.finished_like(folder, self.text)):
            print(f"{done} has finished this very configuration; --again (AGAIN=1) trains it anew")
            raise SystemExit(0)
        else:
            self.run_folder = runs.next_run(folder)

    def configuration(self) -> str:
        """All that decides what this run does, defaults included; given back as --config, it does the same."""
        options = self.options.clone()
        for key in ("config", "resume", "again", "runs"):
            options.pop(key, None)
        options.checkpoint.dirpath = None
        # with every null, since a null may stand where the default is something, as in attention: null
        return str(self._parser("fit").dump(options, skip_validation=True, skip_none=False))

    def instantiate_classes(self) -> None:
        with refused_options("trainer", LIGHTNING), constructors_errors():
            super().instantiate_classes()

    def _add_configure_optimizers_method_to_model(self, subcommand: str | None) -> None:
        with refused_options("optimizer or lr_scheduler"):
            super()._add_configure_optimizers_method_to_model(subcommand)

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        options = self.options
        trainer = self.config_init[self.subcommand].trainer
        kwargs["plugins"] = [*listed(trainer.plugins), AtomicCheckpointIO()]
        if self.subcommand == "fit":
            given = listed(trainer.callbacks)
            check_monitors([*given, self.config_init[self.subcommand].checkpoint])
            logs = self.run_folder / "logs"
            with system_errors(f"cannot read {logs}"):
                version = len(list(logs.glob("*")))  # every time a run goes on, it writes logs of its own
            if trainer.logger is None:
                kwargs["logger"] = [kind(self.run_folder, "logs", version) for kind in (TensorBoardLogger, CSVLogger)]
            kwargs["callbacks"] = [
                ProgressLine(),
                StepSeeding(int(options.seed_everything)),
                NanGuard(),
                ThroughputMonitor(),
                *given,
                *samples(self.model, given),
            ]
            # behind the one that keeps the best, so that what it decided is in the checkpoint
            continuation = ResumeCheckpoint(
                self.run_folder / "checkpoints", options.keep.minutes, options.keep.every_n_steps
            )
            self.trainer_defaults["callbacks"] = [continuation]
        else:
            kwargs["logger"] = False
        with refused_options("trainer"):
            return super().instantiate_trainer(**kwargs)

    def fit(self, model: Any, datamodule: Any, ckpt_path: str | None = None, **_: Any) -> None:
        with ExitStack() as stack:
            if self.options.resume and is_first(self.trainer):
                stack.enter_context(run_lock(self.run_folder))
            self.train(model, datamodule, ckpt_path, stack)

    def train(self, model: Any, datamodule: Any, ckpt_path: str | None, stack: ExitStack) -> None:
        options, trainer, run = self.options, self.trainer, self.run_folder
        check_precision(model, options.trainer.precision)
        starts = not options.resume and RUN not in os.environ and is_first(trainer)
        if options.resume:
            ckpt_path = str(last_checkpoint(run))
        if ckpt_path is not None:
            held = read(ckpt_path)
            datamodule.load_state_dict(data_of(held))  # or the sizes of the weights would be complained of first
            check_same_model(
                model, read_trained(ckpt_path), ckpt_path, "give --init-from to start anew from its weights"
            )
            check_training(held, trainer, model, ckpt_path)
            check_same_processes(held, trainer.num_devices * trainer.num_nodes)
            if 0 <= trainer.max_steps <= held["global_step"]:
                if options.resume and is_first(trainer) and not (run / runs.FINISHED).exists():
                    complete(run, held)
                print(f"{run} has done its {held['global_step']:,} steps; a larger --trainer.max_steps goes on")
                return
        elif options.init_from is not None:
            start_from(model, datamodule.tokenizers, options.init_from)
        datamodule.train_dataloader()  # what is wrong with the corpus is said before anything is written
        if trainer.limit_val_batches:
            datamodule.val_dataloader()
        if starts:
            runs.begin(run, self.text)
            stack.enter_context(run_lock(run))
        elif options.resume and is_first(trainer):
            runs.go_on(run, self.text)
        os.environ[RUN] = str(run)
        keep_freed_memory()
        rank_zero_log(f"run {run}")
        with logging_to(run), ending_together():
            trainer.fit(model, datamodule=datamodule, ckpt_path=ckpt_path, weights_only=True)
        if trainer.is_global_zero:
            metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
            runs.finish(run, {"steps": trainer.global_step, **metrics, **spent(trainer)})
            print(f"finished {run} after {trainer.global_step:,} steps", flush=True)

    def validate(self, model: Any, datamodule: Any, ckpt_path: str, **_: Any) -> None:
        """Print the loss on the validation split, and BLEU if the configuration names it."""
        self.take_checkpoint(model, datamodule, ckpt_path)
        self.trainer.validate(model, datamodule=datamodule, verbose=False)
        if self.trainer.is_global_zero:
            print(said(self.trainer, "val_loss", "val_bleu"), flush=True)

    def test(self, model: Any, datamodule: Any, ckpt_path: str, **_: Any) -> None:
        """Print the loss on the test split."""
        self.take_checkpoint(model, datamodule, ckpt_path)
        self.trainer.test(model, datamodule=datamodule, verbose=False)
        if self.trainer.is_global_zero:
            print(said(self.trainer, "test_loss"), flush=True)

    def predict(self, model: Any, datamodule: Any, ckpt_path: str, **_: Any) -> None:
        """Print what the model says of the test split: a translation a line, or the nats of a token a line."""
        self.take_checkpoint(model, datamodule, ckpt_path)
        if isinstance(model, Translator):
            model.max_length = self.options.max_length
        elif self.options.max_length is not None:
            raise UserError("a language model predicts the test split as it is, without --max-length")
        found = self.trainer.predict(model, datamodule=datamodule)
        rows = [row for batch in found or [] for row in batch]
        if not isinstance(model, Translator):
            for nats in rows:
                print(f"{nats:.6f}")
            return
        translation = TranslationPipeline([model], datamodule.vocabularies, [datamodule.output_lengths])
        for hypothesis in rows:
            print(translation.text(hypothesis.ids))
        if limited := sum(hypothesis.limited for hypothesis in rows):
            rank_zero_log(
                f"translations cut short by the limit of their length: {limited:,} of {len(rows):,}; "
                f"--max-length N lets each have N tokens"
            )

    @staticmethod
    def take_checkpoint(model: Any, datamodule: Any, checkpoint: str) -> None:
        """Give a model the weights of a checkpoint, whose training or average does not matter."""
        held = read_trained(checkpoint)
        check_same_model(model, held, checkpoint, OWN_CONFIG)
        try:
            check_finite(held["state_dict"])
        except UserError as error:
            raise UserError(f"{checkpoint} cannot be used: {error}") from error
        datamodule.load_state_dict(data_of(held))
        model.load_state_dict(held["state_dict"])

    @staticmethod
    def configure_optimizers(
        lightning_module: pl.LightningModule, optimizer: Optimizer, lr_scheduler: Any = None
    ) -> Any:
        """Schedules go by step."""
        if lr_scheduler is None:
            return optimizer
        schedule = {"scheduler": lr_scheduler, "interval": "step"}
        if isinstance(lr_scheduler, ReduceLROnPlateau):
            schedule = {"scheduler": lr_scheduler, "interval": "epoch", "monitor": lr_scheduler.monitor}
        return {"optimizer": optimizer, "lr_scheduler": schedule}


def configurations(arguments: list[str]) -> Iterator[str]:
    """Yield the configurations that arguments name."""
    for place, argument in enumerate(arguments):
        option, equals, value = argument.partition("=")
        if option in ("-c", "--config"):
            yield from [value] if equals else arguments[place + 1 : place + 2]


def name_of(configs: Any) -> str:
    """A run is called after its last configuration."""
    return Path(str(configs[-1])).stem if configs else "run"


def listed(given: Any) -> list[Any]:
    """What may be nothing, one or several, as a list."""
    return given if isinstance(given, list) else [] if given is None else [given]


def samples(model: Any, given: list[Any]) -> list[pl.Callback]:
    """What shows some text at each validation, unless the configuration has it already."""
    if any(isinstance(callback, Bleu | TextPreview | TranslationPreview) for callback in given):
        return []
    return [TextPreview()] if isinstance(model, LanguageModel) else [TranslationPreview()]


def is_first(trainer: pl.Trainer) -> bool:
    """Whether this is the first process of all, before they know of each other."""
    return trainer.node_rank == 0 and trainer.local_rank == 0


def quiet() -> None:
    """Leave out what Lightning says of itself."""
    warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric|jsonargparse")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)


def run(args: list[str]) -> None:
    """Run `fit`, `validate`, `test` or `predict` with its options."""
    quiet()
    try:
        with refused_training():
            Experiment(args)
    finally:
        os.environ.pop(RUN, None)
