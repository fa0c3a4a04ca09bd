"""`seq2seq fit|validate|test|predict`: LightningCLI, with folders of runs, exact resuming and short names."""

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.cli import ArgsType, LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

# short names of classes in configurations are those that were imported
import seq2seq.attention
import seq2seq.data.language
import seq2seq.data.translation
import seq2seq.recurrence
import seq2seq.training  # noqa: F401
from seq2seq.commands.parser import OneLineErrors, underscored
from seq2seq.inference.checkpoint import find, read
from seq2seq.models import LanguageModel, Translator
from seq2seq.models.hyperparameters import describe
from seq2seq.report import say
from seq2seq.training import runs
from seq2seq.training.checkpoints import Continuation, WholeCheckpoints
from seq2seq.training.finite import FiniteLoss
from seq2seq.training.progress import ProgressLine
from seq2seq.training.samples import TextSample
from seq2seq.training.seeds import Seeds
from seq2seq.training.speed import Speed

RUN = "SEQ2SEQ_RUN"  # tells processes that Lightning starts which folder the first one chose

LINKS = (
    ("data.vocab_size", "model.init_args.vocab_size"),
    ("data.source_vocab_size", "model.init_args.source_vocab_size"),
    ("data.target_vocab_size", "model.init_args.target_vocab_size"),
    ("data.shared_vocabulary", "model.init_args.shared_vocabulary"),
)


class Parser(OneLineErrors, LightningArgumentParser):
    """LightningCLI's parser with errors of one line."""


class Experiment(LightningCLI):
    """A training or an evaluation, from a configuration."""

    def __init__(self, args: ArgsType = None) -> None:
        self.run_folder = Path()
        self.starts = False
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

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument("--name", type=str | None, default=None, help="Name of the run; that of the configuration.")
        parser.add_argument("--runs", type=str, default="runs", help="Folder of all runs.")
        parser.add_argument("--resume", action="store_true", help="Go on with the newest run of this name.")
        parser.add_argument("--again", action="store_true", help="Train anew although the same run has finished.")
        parser.add_argument(
            "--init_from",
            type=str | None,
            default=None,
            help="Checkpoint whose weights and tokenizer training starts with.",
        )
        parser.add_argument("--keep.minutes", type=float, default=5.0, help="Minutes between two checkpoints.")
        parser.add_argument(
            "--keep.every_n_steps", type=int | None, default=None, help="Steps between two checkpoints."
        )
        parser.add_lightning_class_args(ModelCheckpoint, "checkpoint")
        parser.set_defaults({"checkpoint.monitor": "val_loss", "checkpoint.enable_version_counter": False})
        parser.add_optimizer_args((Optimizer,))
        parser.add_lr_scheduler_args((LRScheduler,))
        parser.set_defaults({"optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 1e-3}}})
        parser.link_arguments("trainer.max_steps", "lr_scheduler.init_args.steps")
        parser.link_arguments("seed_everything", "data.init_args.seed", compute_fn=int)
        for source, target in LINKS:
            parser.link_arguments(source, target, apply_on="instantiate")

    def _parse_ckpt_path(self) -> None:
        """The configuration says what the model is; a checkpoint only brings its weights."""

    @property
    def options(self) -> Any:
        return self.config[self.subcommand]

    def before_instantiate_classes(self) -> None:
        options = self.options
        if options.init_from is not None:
            options.data.init_args.tokenizer = str(find(options.init_from))
        if self.subcommand == "fit":
            self.choose_run()
            options.checkpoint.dirpath = str(self.run_folder / "checkpoints")
        elif options.ckpt_path is not None:
            options.ckpt_path = str(find(options.ckpt_path))

    def choose_run(self) -> None:
        """The folder of this run: a new one, or with --resume the newest of this name."""
        options = self.options
        text = self.configuration()
        folder = Path(options.runs) / (options.name or name_of(options.config))
        if RUN in os.environ:
            self.run_folder = Path(os.environ[RUN])
        elif options.resume:
            self.run_folder = runs.newest(folder)
        elif not options.again and (done := runs.finished_like(folder, text)):
            print(f"{done} has finished this very configuration; --again (AGAIN=1) trains it anew")
            raise SystemExit(0)
        else:
            self.run_folder = runs.next_run(folder)
        self.starts = RUN not in os.environ and not options.resume
        os.environ[RUN] = str(self.run_folder)

    def configuration(self) -> str:
        """All that decides what this run does, defaults included."""
        options = self.options.clone()
        for key in ("config", "resume", "again", "runs", "name"):
            options.pop(key, None)
        return str(self._parser("fit").dump(options, skip_validation=True))

    def instantiate_trainer(self, **kwargs: Any) -> pl.Trainer:
        options = self.options
        trainer = options.trainer
        if self.subcommand == "fit":
            logs = self.run_folder / "logs"
            version = len(list(logs.glob("*")))  # every time a run goes on, it writes logs of its own
            if trainer.logger is None:
                kwargs["logger"] = [kind(self.run_folder, "logs", version) for kind in (TensorBoardLogger, CSVLogger)]
            kwargs["plugins"] = [*(trainer.plugins or []), WholeCheckpoints()]
            kwargs["callbacks"] = [
                ProgressLine(),
                Seeds(int(options.seed_everything)),
                FiniteLoss(),
                Speed(),
                *(self.config_init[self.subcommand].trainer.callbacks or []),
                *([TextSample()] if isinstance(self.model, LanguageModel) else []),
            ]
            # behind the one that keeps the best, so that what it decided is in the checkpoint
            continuation = Continuation(
                self.run_folder / "checkpoints", options.keep.minutes, options.keep.every_n_steps
            )
            self.trainer_defaults["callbacks"] = [continuation]
        else:
            kwargs["logger"] = False
        return super().instantiate_trainer(**kwargs)

    def fit(self, model: Any, datamodule: Any, ckpt_path: str | None = None, **_: Any) -> None:
        options = self.options
        if options.resume:
            ckpt_path = str(runs.last_checkpoint(self.run_folder))
            check_same_model(model, ckpt_path)
        if options.init_from is not None:
            start_from(model, options.init_from)
        datamodule.train_dataloader()  # what is wrong with the corpus is said before anything is written
        datamodule.val_dataloader()
        if self.starts and self.trainer.is_global_zero:
            runs.begin(self.run_folder, self.configuration())
        say(f"run {self.run_folder}")
        self.trainer.fit(model, datamodule=datamodule, ckpt_path=ckpt_path, weights_only=True)
        if self.trainer.is_global_zero:
            metrics = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
            runs.finish(self.run_folder, {"steps": self.trainer.global_step, **metrics})
            print(f"finished {self.run_folder} after {self.trainer.global_step:,} steps", flush=True)

    def predict(self, model: Any, datamodule: Any, ckpt_path: str | None = None, **_: Any) -> None:
        """Print what the model says of the test split: a translation a line, or the nats of a token a line."""
        found = self.trainer.predict(model, datamodule=datamodule, ckpt_path=ckpt_path, weights_only=True)
        for batch in found or []:
            for row in batch:
                print(datamodule.vocabularies.target.decode(row) if isinstance(model, Translator) else f"{row:.6f}")

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


def name_of(configs: Any) -> str:
    """A run is called after its last configuration."""
    return Path(str(configs[-1])).stem if configs else "run"


def check_same_model(model: Any, checkpoint: str) -> None:
    """Raise a ValueError if training cannot go on because the configuration describes another model."""
    before, now = read(checkpoint)["model"], describe(model)
    keys = {**before["init_args"], **now["init_args"]}
    changed = [key for key in keys if before["init_args"].get(key) != now["init_args"].get(key)]
    if before["class_path"] != now["class_path"]:
        changed.insert(0, "class_path")
    if changed:
        raise ValueError(
            f"{checkpoint} holds another model than the configuration describes (changed: {', '.join(changed)}), so it "
            f"cannot be resumed; train a new one without --resume, or start from its weights with --init-from"
        )


def start_from(model: pl.LightningModule, checkpoint: str) -> None:
    """Take the weights of a checkpoint, and nothing else."""
    try:
        model.load_state_dict(read(checkpoint)["state_dict"])
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise ValueError(f"the weights of {checkpoint} do not fit this model: {reason}") from error


def run(args: list[str]) -> None:
    """Run `fit`, `validate`, `test` or `predict` with its options."""
    warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric|jsonargparse")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    for name in ("pytorch_lightning", "lightning_fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    Experiment([underscored(argument) for argument in args])
