"""`seq2seq average`: the mean of several checkpoints, which is often better than each."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from seq2seq.errors import UserError, system_errors
from seq2seq.ranges import LARGEST, Range, checked
from seq2seq.storage import check_output

if TYPE_CHECKING:
    from torch import Tensor


@checked
def average(
    checkpoints: list[str],
    output: str,
    of: Literal["best", "last"] = "best",
    count: Annotated[int, Range(2, LARGEST)] = 5,
) -> None:
    """Write one checkpoint whose weights are the mean of several of one training (Junczys-Dowmunt et al., 2016).

    Given the folder of a run, it takes the best or the last ones that the run kept; checkpoint.save_top_k says how many
    these are.

    examples:
      seq2seq average runs/multi30k-lstm/1 --output average.ckpt --count 5
      seq2seq average a.ckpt b.ckpt c.ckpt --output average.ckpt

    Args:
        checkpoints: Checkpoints, or the folder of one run.
        output: File to write.
        of: Which ones of a run: best by what it watched, or last.
        count: How many of a run, at most.
    """
    from seq2seq import checkpoint
    from seq2seq.data.vocabulary import data_of
    from seq2seq.inference.checkpoint import read_trained

    check_output(output)
    paths = [Path(path) for path in checkpoints]
    with system_errors(f"cannot read {paths[0]}"):
        is_run = len(paths) == 1 and paths[0].is_dir()
    if is_run:
        paths = kept(paths[0], of, count)
    if len(paths) < 2:
        raise UserError(
            f"an average needs at least 2 checkpoints, and {len(paths)} was found in {checkpoints[0]}; "
            f"a run keeps several with --checkpoint.save_top_k"
        )
    mean, *others = (read_trained(path) for path in paths)
    for path, one in zip(paths[1:], others, strict=True):
        if one["model"] != mean["model"] or data_of(one)["tokenizers"] != data_of(mean)["tokenizers"]:
            raise UserError(f"{path} holds another model than {paths[0]}, so they have no average")
    mean["state_dict"] = mean_of([one["state_dict"] for one in (mean, *others)], paths)
    if "output_lengths" in data_of(mean):
        data_of(mean)["output_lengths"] = merged_lengths([mean, *others], paths)
    for key in ("optimizer_states", "lr_schedulers", "loops", "callbacks", "metrics", "carried_state"):
        mean.pop(key, None)  # a mean has no training to go on with
    checkpoint.save(mean, output)
    print(f"{output} is the mean of {', '.join(path.name for path in paths)}")


def merged_lengths(several: Sequence[dict[str, Any]], paths: Sequence[Path]) -> dict[str, Any]:
    """Return how long the output of a translator may become that was trained on what each was trained on.

    Args:
        several: The checkpoints.
        paths: Where they come from, for errors.
    """
    from seq2seq.data.output_lengths import OutputLengths
    from seq2seq.data.vocabulary import data_of

    learned = []
    for path, held in zip(paths, several, strict=True):
        try:
            learned.append(OutputLengths.from_state(data_of(held).get("output_lengths")))
        except UserError as error:
            raise UserError(f"{path} has no part in an average: {error}") from error
    return OutputLengths.merge(learned).state_dict()


def mean_of(several: Sequence[dict[str, "Tensor"]], paths: Sequence[Path]) -> dict[str, "Tensor"]:
    """Return the mean of weights; those that are one tensor stay one, and what is no fraction must be the same in all.

    Args:
        several: The weights of each checkpoint.
        paths: Where they come from, for errors.
    """
    import torch

    from seq2seq.inference.checkpoint_validation import check_finite

    first = several[0]
    for path, weights in zip(paths, several, strict=True):
        try:
            check_finite(weights)
        except UserError as error:
            raise UserError(f"{path} has no part in an average: {error}") from error
        for name in {**first, **weights}:
            one, other = first.get(name), weights.get(name)
            if one is None or other is None or (one.shape, one.dtype) != (other.shape, other.dtype):
                raise UserError(f"{path} has other weights than {paths[0]}, so they have no average: {name}")
            if not one.is_floating_point() and not torch.equal(one, other):
                raise UserError(f"{path} has another {name} than {paths[0]}, and whole numbers have no average")
    means: dict[tuple[int, ...], Tensor] = {}
    found = {}
    for name, weight in first.items():
        place = (weight.data_ptr(), *weight.shape, *weight.stride())
        if place not in means:
            means[place] = weight
            if weight.is_floating_point():
                total = torch.zeros_like(weight, dtype=torch.float64)
                for weights in several:
                    total += weights[name]
                means[place] = (total / len(several)).to(weight.dtype)
        found[name] = means[place]
    return found


def kept(run: Path, of: str, count: int) -> list[Path]:
    """Return the checkpoints that a run kept, best or last first."""
    from seq2seq.checkpoint import folder_of, last_checkpoint
    from seq2seq.inference.checkpoint import read

    found = [path for path in folder_of(run).glob("*.ckpt") if path.name not in ("best.ckpt", "last.ckpt")]
    if of == "last":
        steps = {path: read(path).get("global_step") for path in found}
        if wrong := [path for path, step in steps.items() if type(step) is not int]:
            raise UserError(f"{wrong[0]} does not say after which step it was written: name the checkpoints one by one")
        return sorted(found, key=steps.__getitem__, reverse=True)[:count]  # type: ignore[arg-type]
    scores, highest = scores_of(read(last_checkpoint(run)))
    if scores is None:
        raise UserError(f"{last_checkpoint(run)} does not say which checkpoints were best: name them one by one")
    ranked = sorted(
        (path for path in found if path.name in scores), key=lambda path: scores[path.name], reverse=highest
    )
    return ranked[:count]


def scores_of(held: dict[str, Any]) -> tuple[dict[str, float] | None, bool]:
    """Return the scores of the checkpoints that a training kept, by their names, and whether the highest is best."""
    states = held.get("callbacks")
    if not isinstance(states, dict):
        return None, False
    watched = [state for state in states.values() if isinstance(state, dict) and "best_k_models" in state]
    try:
        scores = {Path(path).name: float(score) for state in watched for path, score in state["best_k_models"].items()}
        best = [float(state["best_model_score"]) for state in watched if state.get("best_model_score") is not None]
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return None, False
    return scores, max(scores.values(), default=None) in best
