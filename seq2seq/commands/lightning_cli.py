"""Adapter of LightningCLI: the private methods that this package calls or overrides, under public names.

`tests/commands/test_lightning_cli.py` fails if a new version of Lightning changes one of them.
"""

from pytorch_lightning.cli import LightningArgumentParser, LightningCLI


class SingleCommandCLI(LightningCLI):
    """LightningCLI for one command, whose model is described by the configuration alone, not by a checkpoint."""

    command: str

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Return only the given command, since building the parser of each takes a while."""
        return {name: skipped for name, skipped in LightningCLI.subcommands().items() if name == self.command}

    @property
    def command_parser(self) -> LightningArgumentParser:
        """The parser of the command's options."""
        return self._parser(self.command)

    def build_optimizer(self) -> None:
        """Build the optimizer and the schedule of the configuration, and let the model return them."""
        super()._add_configure_optimizers_method_to_model(self.command)

    def run_command(self) -> None:
        """Call the method of this class that has the name of the command."""
        super()._run_subcommand(self.command)

    def _parse_ckpt_path(self) -> None:
        """Skip LightningCLI's reading of model options from the checkpoint."""

    def _add_configure_optimizers_method_to_model(self, subcommand: str | None) -> None:
        self.build_optimizer()

    def _run_subcommand(self, subcommand: str) -> None:
        self.run_command()
