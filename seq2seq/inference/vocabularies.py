"""Whether the tokenizers that a checkpoint carries are those that its weights were trained with."""

from typing import Any, NamedTuple

from seq2seq import tokenizers
from seq2seq.data.pairs import Vocabularies
from seq2seq.data.vocabulary import data_of
from seq2seq.errors import UserError
from seq2seq.tokenizers import fingerprint


class Side(NamedTuple):
    """What a model has of the vocabulary of one side: a row for each token in all of these layers' weights."""

    name: str  # of the tokenizer: "source" or "target"
    layers: tuple[str, ...]


# by the model's option that holds the size
SIDES = {
    "vocab_size": Side("source", ("embedding", "output")),
    "source_vocab_size": Side("source", ("source_embedding",)),
    "target_vocab_size": Side("target", ("target_embedding", "output")),
}


def vocabularies_of(checkpoint: dict[str, Any]) -> Vocabularies:
    """Return the tokenizers of a checkpoint, whose one tokenizer serves both sides.

    Args:
        checkpoint: What it holds.

    Raises:
        UserError: if the model's options or the weights are of other numbers of tokens, or if the weights were trained
            with other tokenizers.
    """
    states = data_of(checkpoint)["tokenizers"]
    sides = {"source": states["source"], "target": states.get("target", states["source"])}
    known = checkpoint["model"].get("fingerprints", {})
    for side, state in sides.items():
        if side in known and known[side] != fingerprint(state):
            raise UserError(f"its weights were trained with another {side} tokenizer")
    source = tokenizers.restore(sides["source"])
    target = source if sides["target"] == sides["source"] else tokenizers.restore(sides["target"])
    vocabularies = Vocabularies(source, target)
    _check_sizes(checkpoint, vocabularies)
    return vocabularies


def _check_sizes(checkpoint: dict[str, Any], vocabularies: Vocabularies) -> None:
    options = checkpoint["model"].get("init_args", {})
    for option, side in SIDES.items():
        if option not in options:
            continue
        size = getattr(vocabularies, side.name).vocab_size
        found = {f"its option {option}": options[option]}
        for weight, tensor in checkpoint.get("state_dict", {}).items():
            layer, _, part = weight.rpartition(".")
            if layer in side.layers:
                found[f"its {part} of {layer}"] = len(tensor) if tensor.ndim else 1
        for what, tokens in found.items():
            if tokens != size:
                raise UserError(f"{what} is for {tokens} tokens, and its {side.name} tokenizer has {size}")
    if options.get("shared_vocabulary") and vocabularies.source is not vocabularies.target:
        raise UserError("its model has one vocabulary, and its two tokenizers differ")
