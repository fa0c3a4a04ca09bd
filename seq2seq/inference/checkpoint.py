"""Loading of a checkpoint as a model with its tokenizers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from seq2seq import checkpoint as checkpoint_file
from seq2seq.checkpoint import find_checkpoint, resolve_trusted_class
from seq2seq.data.output_lengths import OutputLengths
from seq2seq.data.pairs import Vocabularies
from seq2seq.data.vocabulary import check_data_state, find_data_state
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint_validation import check_model, check_weights, nbytes
from seq2seq.inference.vocabularies import vocabularies_of
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.hyperparameters import deserialize_options
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.nn.skip_init import SkipInit
from seq2seq.quantization.precision import Precision
from seq2seq.quantization.quantize import quantize

# by the class of the training, which needs Lightning
NETWORKS: dict[str, type[EncoderDecoder | RecurrentLanguageModel]] = {
    "LanguageModel": RecurrentLanguageModel,
    "Translator": EncoderDecoder,
}

# limits of what building a model may allocate beyond its stored weights: quantized ones are built in float32 first, and
# tied ones twice
MAX_OVERHEAD, EXTRA_BYTES, EXTRA_TENSORS = 16, 1 << 26, 1000


class LoadedModel(NamedTuple):
    model: RecurrentLanguageModel | EncoderDecoder
    vocabularies: Vocabularies
    corpus: dict[str, Any]  # the training data's arguments: where its text is
    precision: Precision
    output_lengths: OutputLengths | None  # None for a language model


def read_checkpoint(checkpoint: str | Path) -> dict[str, Any]:
    """Return the content of a model's checkpoint, validated, without executing code from it."""
    path = find_checkpoint(checkpoint)
    content = checkpoint_file.load(path)
    if "model" not in content or not find_data_state(content):
        raise UserError(f"{path} is not a checkpoint of seq2seq: it contains no model with its tokenizers")
    with _user_errors(path):
        check_model(content)
        check_data_state(find_data_state(content))
    return content


def read_trained_checkpoint(checkpoint: str | Path) -> dict[str, Any]:
    """Return the content of a checkpoint that is not quantized, so that it can be trained or averaged."""
    content = read_checkpoint(checkpoint)
    if (saved := content.get("precision", "float32")) != "float32":
        raise UserError(
            f"{find_checkpoint(checkpoint)} was saved in {saved}: only translate, sample, evaluate and score can use it"
        )
    with _user_errors(find_checkpoint(checkpoint)):
        vocabularies_of(content)
    return content


def open_checkpoint(
    checkpoint: str | Path, precision: Precision | None = None, trust: Sequence[str] = ()
) -> LoadedModel:
    """Load a model for inference, on the CPU.

    Args:
        checkpoint: A checkpoint, or the folder of a run.
        precision: Precision of the weights; by default as they were saved.
        trust: Modules that may be imported, if the checkpoint names their classes.
    """
    content = read_checkpoint(checkpoint)
    saved: Precision = content.get("precision", "float32")
    if saved != "float32" and precision not in (None, saved):
        raise UserError(f"{find_checkpoint(checkpoint)} was saved in {saved}, and cannot be used in {precision}")
    with _user_errors(find_checkpoint(checkpoint)):
        vocabularies = vocabularies_of(content)
        weights = content["state_dict"]
        with SkipInit(EXTRA_BYTES + MAX_OVERHEAD * nbytes(weights), EXTRA_TENSORS + MAX_OVERHEAD * len(weights)):
            model = build_model(content["model"], trust)
        quantize(model, saved)
        check_weights(model, weights)
        model.load_state_dict(weights)
        is_translator = isinstance(model, EncoderDecoder)
        output_lengths = (
            OutputLengths.from_state(find_data_state(content).get("output_lengths")) if is_translator else None
        )
    model.eval().requires_grad_(False)
    if saved == "float32":
        quantize(model, precision or saved)
    return LoadedModel(
        model, vocabularies, find_data_state(content).get("corpus", {}), precision or saved, output_lengths
    )


def build_model(description: dict[str, Any], trust: Sequence[str] = ()) -> RecurrentLanguageModel | EncoderDecoder:
    """Return a new model from its class and options, as `describe` writes them."""
    class_path = description["class_path"]
    network = NETWORKS.get(class_path) or resolve_trusted_class(class_path, trust)
    if not issubclass(network, RecurrentLanguageModel | EncoderDecoder):
        raise UserError(f"it names {class_path}, which is neither a language model nor a translator")
    return network(**deserialize_options(description["init_args"], trust))


@contextmanager
def _user_errors(path: Path) -> Iterator[None]:
    """Raise a UserError for any exception, since forged options can make a constructor raise any."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:400]
        name = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        raise UserError(f"{path} cannot be used: {name}{reason}") from error
