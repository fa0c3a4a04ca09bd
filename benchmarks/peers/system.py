"""The interface of a compared system."""

from pathlib import Path
from typing import Protocol

from benchmarks.peers.child import Command
from benchmarks.peers.corpus import Corpus


class System(Protocol):
    """A toolkit with a command line. A `folder` contains the files of one training."""

    @property
    def name(self) -> str: ...

    @property
    def translation_batches(self) -> tuple[int, ...]:
        """Batch sizes in translation to try: the documented one and a larger one, in the unit of the system."""

    @property
    def training_batches(self) -> tuple[int, ...]:
        """Batch sizes in training to try, around the documented one."""

    @property
    def single_sentence_batch(self) -> int:
        """The batch size with which batches have one sentence."""

    def speed_command(self, corpus: Corpus, folder: Path, batch: int, steps: int, interval: int) -> Command:
        """Return the command that trains on tokenized text and logs the speed every `interval` steps."""

    def logged_rates(self, folder: Path, log: str) -> list[float]:
        """Return the logged target tokens per second, including EOS and excluding padding."""

    def vocabulary_commands(self, corpus: Corpus, folder: Path) -> list[Command]:
        """Return the commands that learn a vocabulary from raw text."""

    def training_command(self, corpus: Corpus, folder: Path, steps: int, interval: int) -> Command:
        """Return the command that trains on raw text and saves a checkpoint every `interval` steps."""

    def checkpoints(self, folder: Path) -> dict[int, Path]:
        """Return the saved checkpoints by step."""

    def validation_seconds(self, log: str) -> float:
        """Return the logged seconds of validation."""

    def translation_command(self, checkpoint: Path, source: Path, output: Path, beams: int, batch: int) -> Command:
        """Return the command that translates raw text with a checkpoint."""
