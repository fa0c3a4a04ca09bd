"""A checkpoint on disk, as a model with its tokenizers."""

from pathlib import Path
from typing import Any, NamedTuple

import torch

from seq2seq import tokenizers
from seq2seq.data.pairs import Vocabularies
from seq2seq.data.vocabulary import data_of
from seq2seq.errors import UserError
from seq2seq.inference.precision import lower
from seq2seq.inference.undrawn import Undrawn
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.hyperparameters import factories, layer_class
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.precision import Precision

# what was trained as the one is used as the other, which needs no Lightning
NETWORKS: dict[str, type[EncoderDecoder | RecurrentLanguageModel]] = {
    "seq2seq.models.language_model.LanguageModel": RecurrentLanguageModel,
    "seq2seq.models.translator.Translator": EncoderDecoder,
}


class Opened(NamedTuple):
    model: RecurrentLanguageModel | EncoderDecoder
    vocabularies: Vocabularies
    corpus: dict[str, Any]  # where the training found its text: the arguments of its data
    precision: Precision


def find(checkpoint: str | Path) -> Path:
    """The file that is meant: itself, or the best checkpoint of a run's folder."""
    path = Path(checkpoint)
    if not path.exists():
        raise UserError(f"there is no checkpoint at {path}")
    if path.is_file():
        return path
    for candidate in (path / "checkpoints" / "best.ckpt", path / "checkpoints" / "last.ckpt"):
        if candidate.exists():
            return candidate
    raise UserError(f"{path} is a folder without checkpoints/best.ckpt, so it is no run that wrote a checkpoint")


def read(checkpoint: str | Path) -> dict[str, Any]:
    """What a checkpoint holds; nothing in it is run."""
    path = find(checkpoint)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except PermissionError:
        raise
    except Exception as error:  # torch raises many kinds for files that are not its own
        raise UserError(
            f"{path} cannot be read as a checkpoint: it is cut off, or another kind of file, "
            f"or holds more than plain data"
        ) from error
    if not isinstance(held, dict) or "model" not in held or not data_of(held):
        raise UserError(f"{path} is no checkpoint of seq2seq: it holds no model with its tokenizers")
    return held


def read_trained(checkpoint: str | Path) -> dict[str, Any]:
    """The same of a model whose weights are as training left them, so that it can be trained or averaged."""
    held = read(checkpoint)
    if (saved := held.get("precision", "float32")) != "float32":
        raise UserError(
            f"{find(checkpoint)} was saved in {saved}: only translate, sample, evaluate and score can use it"
        )
    return held


def open_checkpoint(checkpoint: str | Path, precision: Precision | None = None) -> Opened:
    """The model, ready for use, on the CPU.

    Args:
        checkpoint: A checkpoint, or the folder of a run.
        precision: How its weights are rounded; as they were saved by default.
    """
    held = read(checkpoint)
    data = data_of(held)
    saved: Precision = held.get("precision", "float32")
    if saved != "float32" and precision not in (None, saved):
        raise UserError(f"{find(checkpoint)} was saved in {saved}, and cannot be used in {precision}")
    try:
        with Undrawn():
            model = build(held["model"])
        lower(model, saved)
        model.load_state_dict(held["state_dict"])
        source = tokenizers.restore(data["tokenizers"]["source"])
        target = tokenizers.restore(data["tokenizers"].get("target", data["tokenizers"]["source"]))
    except (AttributeError, ImportError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:400]
        raise UserError(f"{find(checkpoint)} holds a model that this version cannot build: {reason}") from error
    model.eval().requires_grad_(False)
    if saved == "float32":
        lower(model, precision or saved)
    return Opened(model, Vocabularies(source, target), data.get("corpus", {}), precision or saved)


def build(description: dict[str, Any]) -> RecurrentLanguageModel | EncoderDecoder:
    """A model from its class and options, as `describe` names them."""
    where = description["class_path"]
    kind = NETWORKS.get(where) or layer_class(where)
    if not issubclass(kind, RecurrentLanguageModel | EncoderDecoder):
        raise UserError(f"{where} is neither a language model nor a translator")
    return kind(**factories(description["init_args"]))
