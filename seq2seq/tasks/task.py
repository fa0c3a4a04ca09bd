"""What a task is: the text pipeline, the scores and the inspection of the models that are trained for it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from jaxtyping import Int
from torch import Tensor

from seq2seq.data.pairs import Vocabularies
from seq2seq.errors import UserError
from seq2seq.models.network import Network
from seq2seq.quantization import Precision
from seq2seq.tasks.evaluation import Evaluation, EvaluationOptions, ScoredPieces, ScoringInput

N = TypeVar("N", bound=Network)
P = TypeVar("P")


class LoadedModel(NamedTuple, Generic[N]):
    """A trained network with its tokenizers, for inference."""

    path: Path  # of the checkpoint
    task: "Task[N, Any]"
    network: N
    vocabularies: Vocabularies
    data: dict[str, Any]  # the state of the training's data module
    precision: Precision

    @property
    def corpus(self) -> dict[str, Any]:
        """The training data's arguments: where its text is."""
        corpus: dict[str, Any] = self.data.get("corpus", {})
        return corpus


class Windows(NamedTuple):
    """Evenly spaced parts of a text, and the target of each one's last step."""

    inputs: Int[Tensor, "windows tokens"]
    targets: Int[Tensor, " windows"]
    text_tokens: int  # in the whole text


class Task(ABC, Generic[N, P]):
    """A kind of problem on text, such as language modeling or translation.

    The Lightning module that trains a network for it names the task as its attribute `task`. A subclass says how a
    trained network is used; a task needs no change to any command.
    """

    noun: ClassVar[str]  # a trained model in an error message, such as "a translator"
    # import paths of classes that need Lightning, which the use of a trained model does not
    data_module: ClassVar[str]  # of its batches
    preview: ClassVar[str | None] = None  # the callback that prints sample output at each validation, by default
    commands: ClassVar[frozenset[str]] = frozenset()  # commands that its pipeline serves
    evaluation_options: ClassVar[frozenset[str]] = frozenset({"corpus", "split"})  # of `evaluate` that apply to it
    makes_ensembles: ClassVar[bool] = False  # whether a pipeline combines several models

    @property
    @abstractmethod
    def network(self) -> type[N]:
        """The class of its networks, imported when it is needed."""

    @abstractmethod
    def pipeline(self, models: Sequence[LoadedModel[N]]) -> P:
        """Return the pipeline from text to text of a model, or of several that make an ensemble."""

    def inspection_windows(
        self, vocabularies: Vocabularies, corpus: dict[str, Any], text: Iterable[str] | None, windows: int, width: int
    ) -> Windows:
        """Return windows of a text, for `seq2seq inspect`; fewer if the text has fewer.

        Args:
            vocabularies: The tokenizers.
            corpus: The training data's arguments: where its text is.
            text: The text in blocks; None for the validation split of the corpus.
            windows: Number of windows.
            width: Number of tokens of a window.
        """
        raise UserError(f"the gradients of {self.noun} cannot be inspected")

    def evaluate(self, pipeline: P, options: EvaluationOptions) -> Evaluation:
        """Return the scores of a model, for `seq2seq evaluate`."""
        raise UserError(f"{self.noun} has no scores")

    def score(self, pipeline: P, inputs: ScoringInput) -> Iterator[tuple[str, ScoredPieces]]:
        """Yield each line and the log-probabilities of its pieces, for `seq2seq score`."""
        raise UserError(f"{self.noun} gives no log-probabilities")

    @abstractmethod
    def training_pipeline(self, network: N, data: Any) -> P:
        """Return the pipeline of a network that is being trained, for previews and scores at validation.

        Args:
            network: The network.
            data: The data module of the training.
        """
