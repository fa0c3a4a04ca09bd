"""Tokenizers of a checkpoint, and the checks that its weights were trained with them."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from seq2seq import tokenizers
from seq2seq.data.pairs import Vocabularies
from seq2seq.data.vocabulary import find_data_state
from seq2seq.errors import UserError
from seq2seq.models.network import SHARED_VOCABULARY, Network
from seq2seq.tokenizers import fingerprint


def vocabularies_of(checkpoint: dict[str, Any], trust: Sequence[str] = ()) -> Vocabularies:
    """Return the tokenizers of a checkpoint; if it has one only, it is used for source and target.

    Args:
        checkpoint: Content of the checkpoint.
        trust: Modules that may be imported, if the checkpoint names their classes.

    Raises:
        UserError: if the class of a tokenizer is not trusted, or if the weights were trained with other tokenizers.
    """
    states = find_data_state(checkpoint)["tokenizers"]
    sides = {"source": states["source"], "target": states.get("target", states["source"])}
    fingerprints = checkpoint["model"].get("fingerprints", {})
    for side, state in sides.items():
        if side in fingerprints and fingerprints[side] != fingerprint(state):
            raise UserError(f"its weights were trained with another {side} tokenizer")
    source = tokenizers.restore(sides["source"], trust)
    target = source if sides["target"] == sides["source"] else tokenizers.restore(sides["target"], trust)
    return Vocabularies(source, target)


def check_vocabulary_sizes(network: type[Network], options: Mapping[str, Any], vocabularies: Vocabularies) -> None:
    """Raise a UserError if the options of a network, which is not built yet, are for vocabularies of other sizes."""
    for option, (side, _) in network.vocabularies.items():
        size = getattr(vocabularies, side).vocab_size
        if option in options and options[option] != size:
            raise UserError(f"its option {option} is for {options[option]} tokens, and its {side} tokenizer has {size}")
    if options.get(SHARED_VOCABULARY) and vocabularies.source is not vocabularies.target:
        raise UserError("its model has one vocabulary, and its two tokenizers differ")


def check_token_rows(network: Network, weights: Mapping[str, Tensor], vocabularies: Vocabularies) -> None:
    """Raise a UserError if the weights of a checkpoint, quantized or not, have another number of rows than tokens.

    Args:
        network: The network, which names the weights with one row per token.
        weights: The weights of the checkpoint.
        vocabularies: The tokenizers of the checkpoint.
    """
    for side, names in network.token_weights().items():
        layers, size = {name.rpartition(".")[0] for name in names}, getattr(vocabularies, side).vocab_size
        for weight, tensor in weights.items():
            layer, _, part = weight.rpartition(".")
            rows = len(tensor) if tensor.ndim else 1
            if layer in layers and rows != size:
                raise UserError(f"its {part} of {layer} is for {rows} tokens, and its {side} tokenizer has {size}")
