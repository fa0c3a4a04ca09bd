"""Training that starts from the weights of a checkpoint, with its vocabulary or with another one of the same kind."""

from argparse import Namespace
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor

from seq2seq import tokenizers
from seq2seq.data.vocabulary import data_of, from_checkpoint
from seq2seq.errors import UserError
from seq2seq.inference.checkpoint import read, read_trained
from seq2seq.inference.vocabularies import SIDES, Side, vocabularies_of
from seq2seq.models.trainable import describe
from seq2seq.rank_zero import rank_zero_log
from seq2seq.special_tokens import NUM_SPECIAL
from seq2seq.tokenizers import Tokenizer

Origin: TypeAlias = Literal["checkpoint", "data"]  # whose vocabulary training starts with
Rows: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]


def take_tokenizers(data: Any, checkpoint: str) -> None:
    """Let the options of data read their tokenizers from a checkpoint."""
    data.tokenizer = checkpoint
    if data.get("target_tokenizer") is not None:
        data.target_tokenizer = checkpoint


def check_same_tokenizers(data: Any, checkpoint: str) -> None:
    """Raise a UserError if the options of data name other tokenizers than those that a checkpoint carries.

    A class is another one if its name or its options differ, whatever it would learn; a file if what it holds differs.
    """
    states = data_of(read(checkpoint))["tokenizers"]
    for option, side in (("tokenizer", "source"), ("target_tokenizer", "target")):
        given, state = data.get(option), states.get(side, states["source"])
        if given is None:
            continue
        if isinstance(given, str):
            same = from_checkpoint(given, side) if given.endswith(".ckpt") else tokenizers.load(given)
            if same.state_dict() == state:
                continue
            name = given
        else:
            name = given.class_path.rpartition(".")[2]
            if name == state["kind"]:
                made: Tokenizer = getattr(tokenizers, name)(**vars(given.get("init_args") or Namespace()))
                if made.state_dict().get("options") == state.get("options"):
                    continue
        raise UserError(
            f"data.{option} is {name}, and {checkpoint} was trained with another tokenizer, {state['kind']}: "
            f"--init-vocabulary data takes the one and keeps the weights of tokens that both have, "
            f"--init-vocabulary checkpoint takes the other"
        )


def start_from(model: pl.LightningModule, mine: Mapping[str, Tokenizer], checkpoint: str) -> None:
    """Take the weights of a checkpoint, and nothing else.

    Where the vocabulary is another one, tokens that both have keep their rows of embeddings and of the output layer,
    new ones keep those that the model was made with, and the log says how many there are of each.

    Args:
        model: Has the sizes of its own vocabularies.
        mine: Its tokenizers, by side.
        checkpoint: Its weights are taken.

    Raises:
        UserError: if the checkpoint's other weights do not fit, or its tokenizers are of another kind.
    """
    held = read_trained(checkpoint)
    theirs = vocabularies_of(held)._asdict()
    weights = dict(held["state_dict"])
    sides = [side for option, side in SIDES.items() if option in describe(model)["init_args"] and side.name in mine]
    for side in sides:
        if type(mine[side.name]) is not type(theirs[side.name]):
            raise UserError(
                f"the {side.name} tokenizer of {checkpoint} is {type(theirs[side.name]).__name__} and the one of the "
                f"data {type(mine[side.name]).__name__}, so that no token is the same for both"
            )
    rows = {side.name: matched(mine[side.name], theirs[side.name]) for side in sides}
    move_rows(model.state_dict(), weights, sides, rows)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise UserError(f"the weights of {checkpoint} do not fit this model: {reason}") from error
    if any(mine[side.name] != theirs[side.name] for side in sides):
        report(model.state_dict(), sides, mine, theirs)


def keys_of(tokenizer: Tokenizer) -> list[int | str]:
    """Return what tells the ids of a vocabulary apart: what each stands for, and numbers for the special ones."""
    return [*range(NUM_SPECIAL), *tokenizer.units()[NUM_SPECIAL:]]


def matched(mine: Tokenizer, theirs: Tokenizer) -> Rows:
    """Return for each id of one vocabulary the id of the same token in another one, or -1 if it has none."""
    known = {key: i for i, key in enumerate(keys_of(theirs))}
    return np.array([known.get(key, -1) for key in keys_of(mine)])


def move_rows(
    fresh: Mapping[str, Tensor], weights: dict[str, Tensor], sides: list[Side], rows: Mapping[str, Rows]
) -> None:
    """Put rows of tokens where a model has them, and its own rows where the checkpoint lacks a token.

    Args:
        fresh: The weights that the model was made with. What layers share is one tensor, which the target side fills
            last.
        weights: Those of the checkpoint, which are replaced where they have a row for each token.
        sides: What the model has of its vocabularies.
        rows: For each side, the checkpoint's row of each token, or -1.
    """
    made: dict[int, Tensor] = {}
    for side in sides:
        places = torch.from_numpy(rows[side.name])
        for name, own in fresh.items():
            before = weights.get(name)
            if name.rpartition(".")[0] not in side.layers or before is None or before.shape[1:] != own.shape[1:]:
                continue
            table = made.setdefault(own.data_ptr(), own.clone())
            table[places >= 0] = before[places[places >= 0]].to(table)
            weights[name] = table


def report(
    weights: Mapping[str, Tensor], sides: list[Side], mine: Mapping[str, Tokenizer], theirs: Mapping[str, Tokenizer]
) -> None:
    """Say how many tokens kept their weights, how many are new and how many are dropped, once for a shared table."""
    tables: dict[int, list[str]] = {}
    for side in sides:
        tables.setdefault(weights[f"{side.layers[0]}.weight"].data_ptr(), []).append(side.name)
    for names in tables.values():
        now = set(keys_of(mine[names[0]]))
        before = set().union(*(keys_of(theirs[name]) for name in names))
        rank_zero_log(
            f"{f'{names[0]} ' if len(tables) > 1 else ''}vocabulary: {len(now & before):,} tokens keep their weights, "
            f"{len(now - before):,} are new, {len(before - now):,} are dropped"
        )
