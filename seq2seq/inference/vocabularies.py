"""Tokenizers of a checkpoint, and the check that its weights were trained with them."""

from collections.abc import Sequence
from typing import Any

from seq2seq import tokenizers
from seq2seq.data.pairs import Vocabularies
from seq2seq.data.vocabulary import find_data_state
from seq2seq.errors import UserError
from seq2seq.tokenizers import fingerprint

# the tokenizer of a vocabulary, by the model's option for its size
SIDES = {"vocab_size": "source", "source_vocab_size": "source", "target_vocab_size": "target"}
# the built-in networks' layers whose weights have one row per token, checked before a network is built
TOKEN_LAYERS = {
    "vocab_size": ("embedding", "output.linear"),
    "source_vocab_size": ("source_embedding",),
    "target_vocab_size": ("target_embedding", "output.linear"),
}


def vocabularies_of(checkpoint: dict[str, Any], trust: Sequence[str] = ()) -> Vocabularies:
    """Return the tokenizers of a checkpoint; if it has one only, it is used for source and target.

    Args:
        checkpoint: Content of the checkpoint.
        trust: Modules that may be imported, if the checkpoint names their classes.

    Raises:
        UserError: if the class of a tokenizer is not trusted, if the model's options or weights have other vocabulary
            sizes, or if the weights were trained with other tokenizers.
    """
    states = find_data_state(checkpoint)["tokenizers"]
    sides = {"source": states["source"], "target": states.get("target", states["source"])}
    fingerprints = checkpoint["model"].get("fingerprints", {})
    for side, state in sides.items():
        if side in fingerprints and fingerprints[side] != fingerprint(state):
            raise UserError(f"its weights were trained with another {side} tokenizer")
    source = tokenizers.restore(sides["source"], trust)
    target = source if sides["target"] == sides["source"] else tokenizers.restore(sides["target"], trust)
    vocabularies = Vocabularies(source, target)
    _check_sizes(checkpoint, vocabularies)
    return vocabularies


def _check_sizes(checkpoint: dict[str, Any], vocabularies: Vocabularies) -> None:
    options = checkpoint["model"].get("init_args", {})
    for option, side in SIDES.items():
        if option not in options:
            continue
        size = getattr(vocabularies, side).vocab_size
        sizes = {f"its option {option}": options[option]}
        for weight, tensor in checkpoint.get("state_dict", {}).items():
            layer, _, part = weight.rpartition(".")
            if layer in TOKEN_LAYERS[option]:
                sizes[f"its {part} of {layer}"] = len(tensor) if tensor.ndim else 1
        for name, tokens in sizes.items():
            if tokens != size:
                raise UserError(f"{name} is for {tokens} tokens, and its {side} tokenizer has {size}")
    if options.get("shared_vocabulary") and vocabularies.source is not vocabularies.target:
        raise UserError("its model has one vocabulary, and its two tokenizers differ")
