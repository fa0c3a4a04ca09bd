"""Pipelines from text to text: the only package that decodes ids to text."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from seq2seq.checkpoint import find_checkpoint
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint import open_checkpoint
from seq2seq.inference.search_options import SearchOptions
from seq2seq.inference.text_generator import ScoredToken, TextGenerator
from seq2seq.inference.translation_pipeline import NO_TRANSLATION, Alignment, TranslationPipeline, TranslationResult
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.quantization.precision import Precision
from seq2seq.ranges import shorten

__all__ = [
    "NO_TRANSLATION",
    "Alignment",
    "ScoredToken",
    "SearchOptions",
    "TextGenerator",
    "TranslationPipeline",
    "TranslationResult",
    "find_checkpoint",
    "load",
    "load_text_generator",
    "load_translation",
]


def load(
    *checkpoints: str | Path, device: str = "auto", precision: Precision | None = None, trust: Sequence[str] = ()
) -> TextGenerator | TranslationPipeline:
    """Load a trained model: a language model as a `TextGenerator`, translators as a `TranslationPipeline`.

    Args:
        checkpoints: A checkpoint, or the folder of a run, whose best one is used; several translators make an ensemble.
        device: Device to run on: auto, cpu, cuda, ...
        precision: Precision of the weights: float32, bf16 or int8, which is for CPUs; by default as they were saved.
        trust: Modules or packages of yours whose layers a checkpoint may name, such as "my_layers"; they are imported.
    """
    if not checkpoints:
        raise UserError("there must be at least one checkpoint")
    torch_device = resolve_device(device)
    loaded = [open_checkpoint(path, precision, trust) for path in checkpoints]
    if torch_device.type != "cpu" and any(each.precision == "int8" for each in loaded):
        raise UserError(f"int8 is for CPUs, and the device is {torch_device.type}: take bf16 there")
    first = loaded[0]
    if isinstance(first.model, RecurrentLanguageModel):
        if len(loaded) > 1:
            raise UserError(
                f"only translators make an ensemble, and {find_checkpoint(checkpoints[0])} is a language model"
            )
        return TextGenerator(first.model.to(torch_device), first.vocabularies.source, first.corpus)
    models, output_lengths = [], []
    for path, each in zip(checkpoints, loaded, strict=True):
        if not isinstance(each.model, EncoderDecoder) or each.output_lengths is None:
            raise UserError(f"only translators make an ensemble, and {find_checkpoint(path)} is a language model")
        if each.vocabularies != first.vocabularies:
            both = f"{find_checkpoint(checkpoints[0])} and {find_checkpoint(path)}"
            raise UserError(f"cannot make an ensemble of {both}: their vocabularies differ")
        models.append(each.model.to(torch_device))
        output_lengths.append(each.output_lengths)
    return TranslationPipeline(models, first.vocabularies, output_lengths, first.corpus)


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
) -> TextGenerator:
    """Load a language model; raise a UserError for a translator."""
    loaded = load(checkpoint, device=device, precision=precision, trust=trust)
    if not isinstance(loaded, TextGenerator):
        raise UserError(f"a language model is needed here, and {find_checkpoint(checkpoint)} is a translator")
    return loaded


def load_translation(
    *checkpoints: str | Path, device: str = "auto", precision: Precision | None = None, trust: Sequence[str] = ()
) -> TranslationPipeline:
    """Load translators; raise a UserError for a language model."""
    loaded = load(*checkpoints, device=device, precision=precision, trust=trust)
    if not isinstance(loaded, TranslationPipeline):
        raise UserError(f"a translator is needed here, and {find_checkpoint(checkpoints[0])} is a language model")
    return loaded
