"""Loading of trained models: a checkpoint names the class that was trained, and the class its task."""

import inspect
import warnings
from collections.abc import Sequence, Set
from functools import cache
from itertools import chain, product
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import torch

from seq2seq.checkpoint import find_checkpoint
from seq2seq.class_paths import resolve_trusted_class
from seq2seq.data.vocabulary import find_data_state
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint import read_checkpoint, user_errors
from seq2seq.inference.checkpoint_validation import check_weights, nbytes
from seq2seq.inference.vocabularies import check_token_rows, check_vocabulary_sizes, vocabularies_of
from seq2seq.models.hyperparameters import deserialize_options
from seq2seq.models.network import Network
from seq2seq.nn.skip_init import SkipInit
from seq2seq.quantization import Precision
from seq2seq.quantization.quantize import quantize
from seq2seq.ranges import shorten
from seq2seq.tasks.task import LoadedModel, Task

if TYPE_CHECKING:
    from seq2seq.inference import TextGenerator, TranslationPipeline

# import paths, by the class of the training, which needs Lightning; any other class names its task itself
TASKS = {
    "LanguageModel": "seq2seq.tasks.language_modeling.LanguageModeling",
    "Translator": "seq2seq.tasks.translation.Translation",
}

# limits of what building a model may allocate beyond its stored weights: quantized ones are built in float32 first, and
# tied ones twice
MAX_OVERHEAD, EXTRA_BYTES, EXTRA_TENSORS = 16, 1 << 26, 1000


def load(
    *checkpoints: str | Path, device: str = "auto", precision: Precision | None = None, trust: Sequence[str] = ()
) -> Any:
    """Load a trained model: a language model as a `TextGenerator`, translators as a `TranslationPipeline`.

    Args:
        checkpoints: A checkpoint, or the folder of a run, whose best one is used; several translators make an ensemble.
        device: Device to run on: auto, cpu, cuda, ...
        precision: Precision of the weights: float32, bf16 or int8, which is for CPUs; by default as they were saved.
        trust: Modules or packages of yours whose classes a checkpoint may name, such as "my_layers"; they are imported.
    """
    return load_pipeline(checkpoints, device, precision, trust)[1]


def load_pipeline(
    checkpoints: Sequence[str | Path],
    device: str = "auto",
    precision: Precision | None = None,
    trust: Sequence[str] = (),
    command: str | None = None,
) -> tuple[Task[Any, Any], Any]:
    """Load trained models as `load` does; return their task, too.

    Args:
        checkpoints: Checkpoints, or folders of runs.
        device: Device to run on.
        precision: Precision of the weights.
        trust: Modules whose classes a checkpoint may name.
        command: A command that the task must serve.
    """
    if not checkpoints:
        raise UserError("there must be at least one checkpoint")
    torch_device = resolve_device(device)
    loaded = [open_checkpoint(path, precision, trust) for path in checkpoints]
    if torch_device.type != "cpu" and any(model.precision == "int8" for model in loaded):
        raise UserError(f"int8 is for CPUs, and the device is {torch_device.type}: take bf16 there")
    if command is not None:
        check_command(loaded[0].task, command, loaded[0].path)
    check_ensemble(loaded)
    task: Task[Any, Any] = loaded[0].task
    return task, task.pipeline([model._replace(network=model.network.to(torch_device)) for model in loaded])


@cache
def known_task(name: str) -> Task[Any, Any]:
    """Return the task of a class in TASKS; its module is imported only now, as it takes time."""
    task: Task[Any, Any] = resolve_name(TASKS[name])()
    return task


def known_tasks() -> list[Task[Any, Any]]:
    """Return all tasks of this package."""
    return [known_task(name) for name in TASKS]


def check_ensemble(models: Sequence[LoadedModel[Any]]) -> None:
    """Raise a UserError if there are several models that cannot be combined."""
    first = models[0]
    for model in models if len(models) > 1 else ():
        if not model.task.makes_ensembles:
            nouns = [task.noun for task in known_tasks() if task.makes_ensembles]
            raise UserError(f"only {' or '.join(nouns)} can be in an ensemble, and {model.path} is {model.task.noun}")
        if type(model.task) is not type(first.task):
            raise UserError(
                f"cannot make an ensemble of {first.path} and {model.path}: {first.task.noun} and {model.task.noun}"
            )


def check_command(task: Task[Any, Any], command: str, path: str | Path) -> None:
    """Raise a UserError unless a command can use a model of this task."""
    if command not in task.commands:
        raise UserError(f"{nouns_of(command)} is needed here, and {path} is {task.noun}")


def nouns_of(command: str) -> str:
    """Return the models that a command can use, such as "a translator"."""
    return " or ".join(task.noun for task in known_tasks() if command in task.commands)


def options_from_data() -> list[str]:
    """Return the options of models that are set to the attributes of that name of the data module, of all tasks."""
    return list(dict.fromkeys(chain.from_iterable(task.network.data_options() for task in known_tasks())))


def data_options(model: Any) -> list[str]:
    """Return the options of a model that the data provides: those that it names itself, or those of all tasks."""
    if hasattr(model, "data_options"):
        return list(model.data_options())
    return [name for name in options_from_data() if name in inspect.signature(model).parameters]


def check_evaluation_options(given: Set[str]) -> None:
    """Raise a UserError for two options of `seq2seq evaluate` of which no task of this package has both.

    Args:
        given: The options that are given, without those that apply to every task.
    """
    for task in known_tasks():
        shared = {option for other in known_tasks() if other is not task for option in other.evaluation_options}
        own = given & task.evaluation_options - shared
        for option, other_option in product(sorted(own), sorted(given - task.evaluation_options)):
            message = f"--{option} is for {task.noun}, and --{other_option} is not"
            raise UserError(message.replace("_", "-"))


def find_task(class_path: str, trust: Sequence[str] = ()) -> tuple[Task[Any, Any], type[Network]]:
    """Return the task and the network of the class that a checkpoint names."""
    if class_path in TASKS:
        known = known_task(class_path)
        return known, known.network
    network = resolve_trusted_class(class_path, trust)
    task = getattr(network, "task", None)
    if not (isinstance(task, Task) and issubclass(network, task.network)):
        raise UserError(f"it names {class_path}, which is not the network of any task")
    return task, network


def build_network(description: dict[str, Any], trust: Sequence[str] = ()) -> Network:
    """Return a new network from its class and options, as `describe` of seq2seq.training writes them."""
    _, network = find_task(description["class_path"], trust)
    return network(**deserialize_options(description["init_args"], network, trust))


def open_checkpoint(
    checkpoint: str | Path, precision: Precision | None = None, trust: Sequence[str] = ()
) -> LoadedModel[Any]:
    """Load a model for inference, on the CPU.

    Args:
        checkpoint: A checkpoint, or the folder of a run.
        precision: Precision of the weights; by default as they were saved.
        trust: Modules that may be imported, if the checkpoint names their classes.
    """
    path = find_checkpoint(checkpoint)
    content = read_checkpoint(path)
    saved: Precision = content.get("precision", "float32")
    if saved != "float32" and precision not in (None, saved):
        raise UserError(f"{path} was saved in {saved}, and cannot be used in {precision}")
    with user_errors(path):
        vocabularies = vocabularies_of(content, trust)
        weights = content["state_dict"]
        task, kind = find_task(content["model"]["class_path"], trust)
        check_vocabulary_sizes(kind, content["model"]["init_args"], vocabularies)
        with SkipInit(EXTRA_BYTES + MAX_OVERHEAD * nbytes(weights), EXTRA_TENSORS + MAX_OVERHEAD * len(weights)):
            network = build_network(content["model"], trust)
        quantize(network, saved)
        check_token_rows(network, weights, vocabularies)
        check_weights(network, weights)
        network.load_state_dict(weights)
    network.eval().requires_grad_(False)
    if saved == "float32":
        quantize(network, precision or saved)
    return LoadedModel(path, task, network, vocabularies, find_data_state(content), precision or saved)


def resolve_device(device: str) -> torch.device:
    """Return the torch device of this name; raise a UserError if tensors cannot be created on it and read back."""
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        with warnings.catch_warnings(action="ignore"):  # about types of devices that are deprecated
            probe = torch.zeros(1, device=name)
            probe.item()  # fails on the meta device, whose tensors have no data
    except (RuntimeError, AssertionError, ImportError) as error:  # torch raises all of them for devices that it lacks
        reason = str(error).splitlines()[0][:200]
        if reason.startswith("Could not run") or "INTERNAL ASSERT" in reason:  # of backends that this torch lacks
            reason = "torch has no tensors there"
        raise UserError(f"the device {shorten(device)} cannot be used here: {reason}") from error
    return probe.device


def load_text_generator(
    checkpoint: str | Path, device: str = "auto", precision: Precision | None = None, trust: Sequence[str] = ()
) -> "TextGenerator":
    """Load a language model; raise a UserError for any other model."""
    generator: TextGenerator = load_pipeline([checkpoint], device, precision, trust, "sample")[1]
    return generator


def load_translation(
    *checkpoints: str | Path, device: str = "auto", precision: Precision | None = None, trust: Sequence[str] = ()
) -> "TranslationPipeline":
    """Load translators; raise a UserError for any other model."""
    pipeline: TranslationPipeline = load_pipeline(checkpoints, device, precision, trust, "translate")[1]
    return pipeline
