"""The private methods of LightningCLI that this package overrides are still called by it."""

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI

from seq2seq.commands.lightning_cli import SingleCommandCLI

pytestmark = pytest.mark.filterwarnings("ignore")  # of Lightning about jsonargparse, as in the commands

OPTIONS: dict[str, Any] = {
    "trainer_defaults": {"accelerator": "cpu", "logger": False, "enable_checkpointing": False},
    "save_config_callback": None,
    "seed_everything_default": False,
}


class Model(pl.LightningModule):
    def __init__(self, size: int = 1) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(size, size)


class CommandLine(SingleCommandCLI):
    command = "fit"
    calls: list[str]

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        self.calls = []
        parser.add_optimizer_args((torch.optim.Optimizer,))
        parser.set_defaults({"optimizer": {"class_path": "torch.optim.SGD", "init_args": {"lr": 0.25}}})

    def build_optimizer(self) -> None:
        self.calls.append("build_optimizer")
        super().build_optimizer()

    def run_command(self) -> None:
        self.calls.append("run_command")
        super().run_command()

    def fit(self, model: pl.LightningModule, ckpt_path: str | None = None, **_: Any) -> None:
        self.calls.append("fit")


def test_methods_are_called_in_order() -> None:
    cli = CommandLine(Model, args=["fit"], **OPTIONS)
    assert cli.calls == ["build_optimizer", "run_command", "fit"]
    optimizer = cli.model.configure_optimizers()
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_parser_has_the_options_of_the_one_command() -> None:
    cli = CommandLine(Model, args=["fit", "--model.size", "3"], **OPTIONS)
    assert cli.subcommands().keys() == {"fit"} < LightningCLI.subcommands().keys()
    assert cli.command_parser.parse_args(["--model.size", "4"]).model.size == 4


def test_model_options_are_not_read_from_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "model.ckpt"
    torch.save({"hyper_parameters": {"size": 7}}, path)
    assert CommandLine(Model, args=["fit", "--ckpt_path", str(path)], **OPTIONS).model.layer.in_features == 1
