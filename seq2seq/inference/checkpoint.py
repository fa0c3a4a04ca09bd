"""A checkpoint on disk, as a model with its tokenizers."""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import torch

from seq2seq import tokenizers
from seq2seq.data.pairs import Vocabularies
from seq2seq.data.vocabulary import data_of
from seq2seq.models import LanguageModel, Translator


class Opened(NamedTuple):
    model: LanguageModel | Translator
    vocabularies: Vocabularies
    corpus: dict[str, Any]  # where the training found its text: the arguments of its data


def find(checkpoint: str | Path) -> Path:
    """The file that is meant: itself, or the best checkpoint of a run's folder."""
    path = Path(checkpoint)
    if not path.exists():
        raise FileNotFoundError(f"there is no checkpoint at {path}")
    if path.is_file():
        return path
    for candidate in (path / "checkpoints" / "best.ckpt", path / "checkpoints" / "last.ckpt"):
        if candidate.exists():
            return candidate
    raise FileNotFoundError(
        f"{path} is a folder without checkpoints/best.ckpt, so it is no run that wrote a checkpoint"
    )


def read(checkpoint: str | Path) -> dict[str, Any]:
    """What a checkpoint holds; nothing in it is run."""
    path = find(checkpoint)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises many kinds for files that are not its own
        raise ValueError(f"{path} cannot be read as a checkpoint: {str(error).splitlines()[0]}") from error
    if not isinstance(held, dict) or "model" not in held or not data_of(held):
        raise ValueError(f"{path} is no checkpoint of seq2seq: it holds no model with its tokenizers")
    return held


def open_checkpoint(checkpoint: str | Path) -> Opened:
    """The model, ready for use, on the CPU."""
    held = read(checkpoint)
    model = build(held["model"])
    model.load_state_dict(held["state_dict"])
    data = data_of(held)
    source = tokenizers.restore(data["tokenizers"]["source"])
    target = tokenizers.restore(data["tokenizers"].get("target", data["tokenizers"]["source"]))
    model.eval().requires_grad_(False)
    return Opened(model, Vocabularies(source, target), data["corpus"])


def build(description: dict[str, Any]) -> LanguageModel | Translator:
    """A model from its class and options, as a configuration names them."""
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments((LanguageModel, Translator), "model", required=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model = parser.instantiate_classes(parser.parse_object({"model": description})).model
    assert isinstance(model, LanguageModel | Translator)
    return model
