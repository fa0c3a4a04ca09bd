"""A checkpoint on disk, as a model with its tokenizers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from seq2seq import checkpoint as stored
from seq2seq.checkpoint import find, trusted_class
from seq2seq.data.output_lengths import OutputLengths
from seq2seq.data.pairs import Vocabularies
from seq2seq.data.vocabulary import data_of
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint_validation import check_data, check_model, check_weights, nbytes
from seq2seq.inference.vocabularies import vocabularies_of
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.hyperparameters import factories
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.nn.skip_init import SkipInit
from seq2seq.quantization.precision import Precision
from seq2seq.quantization.quantize import quantize

# what was trained as the one is used as the other, which needs no Lightning
NETWORKS: dict[str, type[EncoderDecoder | RecurrentLanguageModel]] = {
    "LanguageModel": RecurrentLanguageModel,
    "Translator": EncoderDecoder,
}

# how much more than is stored may be made on the way: rounded weights are built whole first, and tied ones twice
SPARE, SPARE_BYTES, SPARE_TENSORS = 16, 1 << 26, 1000


class LoadedModel(NamedTuple):
    model: RecurrentLanguageModel | EncoderDecoder
    vocabularies: Vocabularies
    corpus: dict[str, Any]  # where the training found its text: the arguments of its data
    precision: Precision
    output_lengths: OutputLengths | None  # None for a language model


def read(checkpoint: str | Path) -> dict[str, Any]:
    """Return what a checkpoint of a model holds; nothing in it is run."""
    path = find(checkpoint)
    held = stored.load(path)
    if "model" not in held or not data_of(held):
        raise UserError(f"{path} is no checkpoint of seq2seq: it holds no model with its tokenizers")
    with _using(path):
        check_model(held)
        check_data(data_of(held))
    return held


def read_trained(checkpoint: str | Path) -> dict[str, Any]:
    """The same of a model whose weights are as training left them, so that it can be trained or averaged."""
    held = read(checkpoint)
    if (saved := held.get("precision", "float32")) != "float32":
        raise UserError(
            f"{find(checkpoint)} was saved in {saved}: only translate, sample, evaluate and score can use it"
        )
    with _using(find(checkpoint)):
        vocabularies_of(held)
    return held


def open_checkpoint(
    checkpoint: str | Path, precision: Precision | None = None, trust: Sequence[str] = ()
) -> LoadedModel:
    """The model, ready for use, on the CPU.

    Args:
        checkpoint: A checkpoint, or the folder of a run.
        precision: How its weights are rounded; as they were saved by default.
        trust: Modules that may be imported, if the checkpoint names classes of theirs.
    """
    held = read(checkpoint)
    saved: Precision = held.get("precision", "float32")
    if saved != "float32" and precision not in (None, saved):
        raise UserError(f"{find(checkpoint)} was saved in {saved}, and cannot be used in {precision}")
    with _using(find(checkpoint)):
        vocabularies = vocabularies_of(held)
        weights = held["state_dict"]
        with SkipInit(SPARE_BYTES + SPARE * nbytes(weights), SPARE_TENSORS + SPARE * len(weights)):
            model = build(held["model"], trust)
        quantize(model, saved)
        check_weights(model, weights)
        model.load_state_dict(weights)
        translates = isinstance(model, EncoderDecoder)
        output_lengths = OutputLengths.from_state(data_of(held).get("output_lengths")) if translates else None
    model.eval().requires_grad_(False)
    if saved == "float32":
        quantize(model, precision or saved)
    return LoadedModel(model, vocabularies, data_of(held).get("corpus", {}), precision or saved, output_lengths)


def build(description: dict[str, Any], trust: Sequence[str] = ()) -> RecurrentLanguageModel | EncoderDecoder:
    """Return a model from its class and options, as `describe` names them."""
    where = description["class_path"]
    kind = NETWORKS.get(where) or trusted_class(where, trust)
    if not issubclass(kind, RecurrentLanguageModel | EncoderDecoder):
        raise UserError(f"it names {where}, which is neither a language model nor a translator")
    return kind(**factories(description["init_args"], trust))


@contextmanager
def _using(path: Path) -> Iterator[None]:
    """Raise a UserError for whatever a constructor raises for options that it was never meant to get, as forged."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split())[:400]
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        raise UserError(f"{path} cannot be used: {kind}{reason}") from error
