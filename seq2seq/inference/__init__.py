"""Text in, text out: the only room that turns ids back into text."""

from collections.abc import Sequence
from pathlib import Path

import torch

from seq2seq.checkpoint import find
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint import open_checkpoint
from seq2seq.inference.search_options import SearchOptions
from seq2seq.inference.text_generator import Scored, TextGenerator
from seq2seq.inference.translation_pipeline import ABSENT, Alignment, Translated, TranslationPipeline
from seq2seq.models.encoder_decoder import EncoderDecoder
from seq2seq.models.recurrent_language_model import RecurrentLanguageModel
from seq2seq.quantization.precision import Precision
from seq2seq.ranges import brief

__all__ = [
    "ABSENT",
    "Alignment",
    "Scored",
    "SearchOptions",
    "TextGenerator",
    "Translated",
    "TranslationPipeline",
    "find",
    "load",
    "load_translation",
    "load_writer",
]


def load(
    *checkpoints: str | Path, device: str = "auto", precision: Precision | None = None, trust: Sequence[str] = ()
) -> TextGenerator | TranslationPipeline:
    """Load a trained model: a language model as a `TextGenerator`, translators as a `TranslationPipeline`.

    Args:
        checkpoints: A checkpoint, or the folder of a run, whose best one is taken; translators make an ensemble.
        device: Where it runs: auto, cpu, cuda, ...
        precision: How weights are rounded: float32, bf16 or int8, which is for CPUs; by default as they were saved.
        trust: Modules of yours, or packages, that a checkpoint may name layers of, as "my_layers"; they are imported.
    """
    if not checkpoints:
        raise UserError("there must be at least one checkpoint")
    place = usable(device)
    opened = [open_checkpoint(path, precision, trust) for path in checkpoints]
    if place.type != "cpu" and any(one.precision == "int8" for one in opened):
        raise UserError(f"int8 is for CPUs, and the device is {place.type}: take bf16 there")
    first = opened[0]
    if isinstance(first.model, RecurrentLanguageModel):
        if len(opened) > 1:
            raise UserError(f"only translators make an ensemble, and {find(checkpoints[0])} is a language model")
        return TextGenerator(first.model.to(place), first.vocabularies.source, first.corpus)
    models, lengths = [], []
    for path, one in zip(checkpoints, opened, strict=True):
        if not isinstance(one.model, EncoderDecoder) or one.output_lengths is None:
            raise UserError(f"only translators make an ensemble, and {find(path)} is a language model")
        if one.vocabularies != first.vocabularies:
            raise UserError(f"{find(path)} has other vocabularies than {find(checkpoints[0])}, so they are no ensemble")
        models.append(one.model.to(place))
        lengths.append(one.output_lengths)
    return TranslationPipeline(models, first.vocabularies, lengths, first.corpus)


def usable(device: str) -> torch.device:
    """Return the device of this name, if numbers can be written there and read back."""
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        number = torch.zeros(1, device=name)
        number.item()  # which meta, whose tensors hold nothing, refuses
    except (RuntimeError, AssertionError, ImportError) as error:  # torch raises all of them for what it does not have
        reason = str(error).splitlines()[0][:200]
        raise UserError(f"the device {brief(device)} cannot be used here: {reason}") from error
    return number.device


def load_text_generator(
    checkpoint: str | Path, device: str = "auto", precision: Precision | None = None, trust: Sequence[str] = ()
) -> TextGenerator:
    """The same for what must be a language model."""
    loaded = load(checkpoint, device=device, precision=precision, trust=trust)
    if not isinstance(loaded, TextGenerator):
        raise UserError(f"a language model is needed here, and {find(checkpoint)} is a translator")
    return loaded


def load_translation(
    *checkpoints: str | Path, device: str = "auto", precision: Precision | None = None, trust: Sequence[str] = ()
) -> TranslationPipeline:
    """The same for what must be translators."""
    loaded = load(*checkpoints, device=device, precision=precision, trust=trust)
    if not isinstance(loaded, TranslationPipeline):
        raise UserError(f"a translator is needed here, and {find(checkpoints[0])} is a language model")
    return loaded
