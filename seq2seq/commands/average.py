"""`seq2seq average`: the mean of the weights of several checkpoints."""

import os
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from seq2seq.class_paths import import_trusted
from seq2seq.commands.lines import check_other_file
from seq2seq.errors import UserError, prefix_errors, system_errors
from seq2seq.ranges import LARGEST, Range, checked
from seq2seq.storage import check_output

if TYPE_CHECKING:
    from torch import Tensor


@checked
def average(
    checkpoints: list[str],
    output: str,
    of: Literal["best", "last"] | None = None,
    count: Annotated[int, Range(2, LARGEST)] | None = None,
    trust: str | None = None,
) -> None:
    """Average the weights of several checkpoints of one training (Junczys-Dowmunt et al., 2016).

    Given the folder of a run, its best or last checkpoints are averaged; --checkpoint.save_top_k of `seq2seq fit` is
    the number of checkpoints that a run keeps.

    examples:
      seq2seq average runs/multi30k-lstm/1 --output average.ckpt --count 5
      seq2seq average a.ckpt b.ckpt c.ckpt --output average.ckpt

    Args:
        checkpoints: Checkpoints, or the folder of one run; runs/NAME is the newest run of a name.
        output: File to write.
        of: Which checkpoints of a run: the best by its monitored metric, which is the default, or the last.
        count: Maximum number of checkpoints of a run, by default 5.
        trust: Your own modules whose classes a checkpoint may use, separated by commas; they are imported.
    """
    from seq2seq import checkpoint
    from seq2seq.data.vocabulary import find_data_state
    from seq2seq.inference.checkpoint import read_trained_checkpoint
    from seq2seq.models.hyperparameters import differing_options

    check_output(output)
    paths = [Path(path) for path in checkpoints]
    with system_errors(f"cannot read {paths[0]}"):
        run = checkpoint.find_run(paths[0]) if len(paths) == 1 and paths[0].is_dir() else None
    if run is not None:
        paths = select_checkpoints(run, of or "best", count or 5)
        check_other_file("--output", output, checkpoint.checkpoint_folder(run).rglob("*.ckpt"))
    else:
        if of is not None or count is not None:
            option = "--count" if of is None else "--of"
            raise UserError(f"{option} chooses among the checkpoints of one run, and single checkpoints were given")
        paths = [checkpoint.find_checkpoint(path) for path in paths]
        check_other_file("--output", output, paths)
        for first, second in combinations(paths, 2):
            if os.path.samefile(first, second):
                raise UserError(f"cannot average {second} with {first}: they are the same file")
    if len(paths) < 2:
        raise UserError(
            f"an average needs at least 2 checkpoints, and {len(paths)} was found in {checkpoints[0]}; "
            f"train with --checkpoint.save_top_k to keep several"
        )
    import_trusted(trust or ())
    mean, *others = (read_trained_checkpoint(path) for path in paths)
    tokenizers = find_data_state(mean)["tokenizers"]
    for path, other in zip(paths[1:], others, strict=True):
        if different := differing_options(mean["model"], other["model"]):
            raise UserError(f"cannot average {path} with {paths[0]}: model options differ ({', '.join(different)})")
        if find_data_state(other)["tokenizers"] != tokenizers:
            raise UserError(f"cannot average {path} with {paths[0]}: their tokenizers differ")
    mean["state_dict"] = average_weights([contents["state_dict"] for contents in (mean, *others)], paths)
    if "output_lengths" in find_data_state(mean):
        find_data_state(mean)["output_lengths"] = merge_output_lengths([mean, *others], paths)
    for key in ("optimizer_states", "lr_schedulers", "loops", "callbacks", "metrics", "carried_state"):
        mean.pop(key, None)  # an average cannot be resumed
    checkpoint.save(mean, output)
    print(f"{output} is the mean of {', '.join(map(str, paths))}")


def merge_output_lengths(checkpoints: Sequence[dict[str, Any]], paths: Sequence[Path]) -> dict[str, Any]:
    """Return the state of output-length limits that allow what the limits of any of the checkpoints allow.

    Args:
        checkpoints: Contents of the checkpoints.
        paths: Their paths, for errors.
    """
    from seq2seq.data.output_lengths import OutputLengths
    from seq2seq.data.vocabulary import find_data_state

    lengths = []
    for path, contents in zip(paths, checkpoints, strict=True):
        with prefix_errors(f"cannot average {path}"):
            lengths.append(OutputLengths.from_state(find_data_state(contents).get("output_lengths")))
    return OutputLengths.merge(lengths).state_dict()


def average_weights(state_dicts: Sequence[dict[str, "Tensor"]], paths: Sequence[Path]) -> dict[str, "Tensor"]:
    """Return the mean of several state dicts; tied weights stay tied, and integer tensors must be equal in all.

    Args:
        state_dicts: The weights of each checkpoint.
        paths: The paths of the checkpoints, for errors.
    """
    import torch

    from seq2seq.inference.checkpoint_validation import check_finite

    first = state_dicts[0]
    for path, weights in zip(paths, state_dicts, strict=True):
        with prefix_errors(f"cannot average {path}"):
            check_finite(weights)
        for name in {**first, **weights}:
            one, other = first.get(name), weights.get(name)
            if one is None or other is None or (one.shape, one.dtype) != (other.shape, other.dtype):
                raise UserError(f"cannot average {path} with {paths[0]}: shape or type of {name} differs")
            if not one.is_floating_point() and not torch.equal(one, other):
                raise UserError(f"cannot average {path} with {paths[0]}: the integers of {name} differ")
    means: dict[tuple[int, ...], Tensor] = {}  # by memory location, so that tied weights are averaged once
    averaged = {}
    for name, weight in first.items():
        location = (weight.data_ptr(), *weight.shape, *weight.stride())
        if location not in means:
            means[location] = weight
            if weight.is_floating_point():
                total = torch.zeros_like(weight, dtype=torch.float64)
                for weights in state_dicts:
                    total += weights[name]
                means[location] = (total / len(state_dicts)).to(weight.dtype)
        averaged[name] = means[location]
    return averaged


def select_checkpoints(run: Path, of: str, count: int) -> list[Path]:
    """Return up to `count` checkpoints of a run, the best or the last first."""
    from seq2seq.checkpoint import checkpoint_folder, last_checkpoint
    from seq2seq.inference.checkpoint import read_checkpoint

    folder = checkpoint_folder(run)
    found = [path for path in folder.rglob("*.ckpt") if path.name not in ("best.ckpt", "last.ckpt")]
    if of == "last":
        steps = {path: read_checkpoint(path).get("global_step") for path in found}
        if invalid := [path for path, step in steps.items() if type(step) is not int]:
            raise UserError(f"{invalid[0]} does not record its step: name the checkpoints one by one")
        return sorted(found, key=steps.__getitem__, reverse=True)[:count]  # type: ignore[arg-type]
    scores, maximize = checkpoint_scores(read_checkpoint(last_checkpoint(run)))
    if scores is None:
        raise UserError(f"{last_checkpoint(run)} does not record the scores of checkpoints: name them one by one")
    names = {str(path.relative_to(folder)): path for path in found}
    ranked = sorted(names.keys() & scores.keys(), key=lambda name: (scores[name], name), reverse=maximize)
    return [names[name] for name in ranked[:count]]


def checkpoint_scores(contents: dict[str, Any]) -> tuple[dict[str, float] | None, bool]:
    """Return the scores of a run's checkpoints by path in their folder, and whether higher is better.

    Args:
        contents: The last checkpoint of the run, whose folder may have been moved.
    """
    states = contents.get("callbacks")
    if not isinstance(states, dict):
        return None, False
    monitors = [state for state in states.values() if isinstance(state, dict) and "best_k_models" in state]
    try:
        scores = {
            os.path.relpath(path, state["dirpath"]): float(score)
            for state in monitors
            for path, score in state["best_k_models"].items()
        }
        best = [float(state["best_model_score"]) for state in monitors if state.get("best_model_score") is not None]
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
        return None, False
    return scores, max(scores.values(), default=None) in best
