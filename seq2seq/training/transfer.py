"""Transfer learning: start training from the weights of a checkpoint, with its vocabulary or a similar one."""

import pkgutil
from argparse import Namespace
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from seq2seq.class_paths import class_path
from seq2seq.data.vocabulary import find_data_state, load_given_tokenizer
from seq2seq.errors import UserError, prefix_errors
from seq2seq.inference.checkpoint import read_trained_checkpoint
from seq2seq.inference.checkpoint_validation import check_finite
from seq2seq.inference.vocabularies import check_token_rows, check_vocabulary_sizes, vocabularies_of
from seq2seq.models.network import Network
from seq2seq.special_tokens import NUM_SPECIAL
from seq2seq.standard_streams import rank_zero_log
from seq2seq.tokenizers import Tokenizer
from seq2seq.tokenizers.storage import imported_modules
from seq2seq.training.training_module import TrainingModule

VocabularyOrigin: TypeAlias = Literal["checkpoint", "data"]  # whose vocabulary is used
RowIndices: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]


def use_checkpoint_tokenizers(data: Any, checkpoint: str) -> None:
    """Set the tokenizer options of the data, if it has any, to a checkpoint, so that its tokenizers are used."""
    if "tokenizer" in data:
        data.tokenizer = checkpoint
    if data.get("target_tokenizer") is not None:
        data.target_tokenizer = checkpoint


def check_same_tokenizers(data: Any, checkpoint: str) -> None:
    """Raise a UserError if the tokenizers in the data options differ from those in a checkpoint.

    A tokenizer class is compared by its name and options, not by what it would learn; a file by its contents.
    """
    states = find_data_state(read_trained_checkpoint(checkpoint))["tokenizers"]
    for option, side in (("tokenizer", "source"), ("target_tokenizer", "target")):
        given, state = data.get(option), states.get(side, states["source"])
        if given is None:
            continue
        if isinstance(given, str):
            if load_given_tokenizer(given, side).state_dict() == state:
                continue
            name = given
        else:
            kind = pkgutil.resolve_name(given.class_path)
            name = class_path(kind)
            if name == state["kind"]:
                created: Tokenizer = kind(**vars(given.get("init_args") or Namespace()))
                if created.state_dict().get("options") == state.get("options"):
                    continue
        raise UserError(
            f"data.{option} is {name}, but {checkpoint} was trained with another tokenizer, {state['kind']}: "
            f"give --init-vocabulary data to use {name} and keep the weights of tokens in both vocabularies, "
            f"or --init-vocabulary checkpoint to use the tokenizer of the checkpoint"
        )


def initialize_from_checkpoint(model: TrainingModule, new_tokenizers: Mapping[str, Tokenizer], checkpoint: str) -> None:
    """Load the weights of a checkpoint into a model, and nothing else.

    If the vocabulary differs, tokens in both vocabularies get their rows of the embeddings and the output layer from
    the checkpoint, new tokens keep the model's initialization, and the number of each is logged.

    Args:
        model: The model, with the sizes of its own vocabularies.
        new_tokenizers: The tokenizers of the model, by side.
        checkpoint: Path of the checkpoint.

    Raises:
        UserError: if a weight is not finite or does not fit, or the checkpoint's tokenizers are of another kind or do
            not fit its own model.
    """
    contents = read_trained_checkpoint(checkpoint)
    vocabularies = vocabularies_of(contents, imported_modules())
    old_tokenizers = vocabularies._asdict()
    weights = dict(contents["state_dict"])
    with prefix_errors(f"cannot start from {checkpoint}"):
        check_vocabulary_sizes(type(model), contents["model"]["init_args"], vocabularies)
        check_finite(weights)
        check_token_rows(model, weights, vocabularies)
    changed = any(tokenizer != old_tokenizers[side] for side, tokenizer in new_tokenizers.items())
    sides = [side for side in vocabulary_sides(model, changed) if side.name in new_tokenizers]
    for side in sides:
        new, old = new_tokenizers[side.name], old_tokenizers[side.name]
        if type(new) is not type(old):
            raise UserError(
                f"the {side.name} tokenizer of {checkpoint} is {type(old).__name__} and the one of the data is "
                f"{type(new).__name__}; their vocabularies cannot be matched"
            )
    rows = {side.name: match_tokens(new_tokenizers[side.name], old_tokenizers[side.name]) for side in sides}
    copy_token_rows(model.state_dict(), weights, sides, rows)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise UserError(f"the weights of {checkpoint} do not fit this model: {reason}") from error
    if changed:
        log_vocabulary_changes(model.state_dict(), sides, new_tokenizers, old_tokenizers)


class Side(NamedTuple):
    """One vocabulary of a model."""

    name: str  # of its tokenizer: source or target
    weights: tuple[str, ...]  # those with one row per token, the embedding's first


def vocabulary_sides(model: Network, must_match: bool) -> list[Side]:
    """Return the vocabularies of a model.

    Args:
        model: The model.
        must_match: Raise a UserError if the model does not name the weights whose rows must be matched.
    """
    sides = [Side(name, weights) for name, weights in model.token_weights().items()]
    if must_match and not (sides and any(name.startswith("output.") for name in sides[-1].weights)):
        kind = type(model.output if sides else model).__name__
        raise UserError(
            f"the weights of {kind} cannot be matched to another vocabulary, since it does not name those with one row "
            f"per token: give --init-vocabulary checkpoint to keep the checkpoint's tokenizer"
        )
    return sides


def token_keys(tokenizer: Tokenizer) -> list[int | str]:
    """Return a unique key for each id of a vocabulary: its text, or an integer for a special token."""
    return [*range(NUM_SPECIAL), *tokenizer.units()[NUM_SPECIAL:]]


def match_tokens(new: Tokenizer, old: Tokenizer) -> RowIndices:
    """Return for each id of the model's vocabulary the id of the same token in the checkpoint's, or -1."""
    ids = {key: i for i, key in enumerate(token_keys(old))}
    return np.array([ids.get(key, -1) for key in token_keys(new)])


def copy_token_rows(
    initial: Mapping[str, Tensor], weights: dict[str, Tensor], sides: list[Side], rows: Mapping[str, RowIndices]
) -> None:
    """Replace each embedding and output table in `weights` by one with the rows in the order of the model's vocabulary.

    Args:
        initial: The initialized weights of the model, which provide the rows of new tokens. Tied layers share one
            tensor, to which the rows of the target side are written last.
        weights: The weights of the checkpoint, changed in place.
        sides: The vocabularies of the model.
        rows: For each side, the checkpoint's row of each token, or -1 for a new token.
    """
    tables: dict[int, Tensor] = {}
    for side in sides:
        indices = torch.from_numpy(rows[side.name])
        for name, weight in initial.items():
            saved = weights.get(name)
            if name not in side.weights or saved is None or saved.shape[1:] != weight.shape[1:]:
                continue
            table = tables.setdefault(weight.data_ptr(), weight.clone())
            table[indices >= 0] = saved[indices[indices >= 0]].to(table)
            weights[name] = table


def log_vocabulary_changes(
    weights: Mapping[str, Tensor],
    sides: list[Side],
    new_tokenizers: Mapping[str, Tokenizer],
    old_tokenizers: Mapping[str, Tokenizer],
) -> None:
    """Log how many tokens keep their weights, are new and are dropped, once for each table of embeddings."""
    tables: dict[int, list[str]] = {}
    for side in sides:
        tables.setdefault(weights[side.weights[0]].data_ptr(), []).append(side.name)
    for names in tables.values():
        new = set(token_keys(new_tokenizers[names[0]]))
        old = set().union(*(token_keys(old_tokenizers[name]) for name in names))
        rank_zero_log(
            f"{f'{names[0]} ' if len(tables) > 1 else ''}vocabulary: {len(new & old):,} tokens keep their weights, "
            f"{len(new - old):,} are new, {len(old - new):,} are dropped"
        )
