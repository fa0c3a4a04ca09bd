"""What the benchmark asks of every system that it compares."""

from pathlib import Path
from typing import Protocol

from benchmarks.peers.child import Command
from benchmarks.peers.corpus import Corpus


class System(Protocol):
    """A toolkit with a command line. A folder holds what it wrote of one training."""

    @property
    def name(self) -> str: ...

    @property
    def batches(self) -> tuple[int, ...]:
        """Sizes of a batch in translation worth trying: the documented one and a larger one, in its own unit."""

    @property
    def training_batches(self) -> tuple[int, ...]:
        """The same in training, around the documented one."""

    @property
    def single(self) -> int:
        """The size of a batch that holds one sentence."""

    def speed_run(self, corpus: Corpus, folder: Path, batch: int, steps: int, every: int) -> Command:
        """Train on the text of shared pieces in batches of this size, and log the speed every so many steps."""

    def rates(self, folder: Path, log: str) -> list[float]:
        """Target tokens a second, end marks counted and padding not, as logged."""

    def vocabulary(self, corpus: Corpus, folder: Path) -> list[Command]:
        """From raw text to a vocabulary, its own way."""

    def training(self, corpus: Corpus, folder: Path, steps: int, every: int) -> Command:
        """Train on raw text with that vocabulary, and keep a checkpoint every so many steps."""

    def checkpoints(self, folder: Path) -> dict[int, Path]:
        """Those that are there, by their steps."""

    def validating(self, log: str) -> float:
        """Seconds that the training has spent on validation so far."""

    def translation(self, checkpoint: Path, source: Path, output: Path, beams: int, batch: int) -> Command:
        """Raw text to raw text, with what `training` kept."""
