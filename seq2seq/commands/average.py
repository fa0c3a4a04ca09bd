"""`seq2seq average`: the mean of several checkpoints, which is often better than each."""

from pathlib import Path
from typing import Any, Literal

from seq2seq.errors import UserError


def average(checkpoints: list[str], output: str, of: Literal["best", "last"] = "best", count: int = 5) -> None:
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

    if count < 2:
        raise UserError(f"an average needs at least 2 checkpoints, and --count {count} was given")
    paths = [Path(path) for path in checkpoints]
    if len(paths) == 1 and paths[0].is_dir():
        paths = kept(paths[0], of, count)
    if len(paths) < 2:
        raise UserError(
            f"an average needs at least 2 checkpoints, and {len(paths)} was found in {checkpoints[0]}; "
            f"a run keeps several with --checkpoint.save_top_k"
        )
    mean: dict[str, Any] = read_trained(paths[0])
    sums = {name: weight.double() for name, weight in mean["state_dict"].items()}
    for path in paths[1:]:
        one = read_trained(path)
        if one["model"] != mean["model"] or data_of(one)["tokenizers"] != data_of(mean)["tokenizers"]:
            raise UserError(f"{path} holds another model than {paths[0]}, so they have no average")
        for name, weight in one["state_dict"].items():
            sums[name] += weight.double()
    mean["state_dict"] = {name: (sums[name] / len(paths)).to(w.dtype) for name, w in mean["state_dict"].items()}
    for key in ("optimizer_states", "lr_schedulers", "loops", "callbacks", "carried_state"):
        mean.pop(key, None)  # a mean has no training to go on with
    checkpoint.save(mean, output)
    print(f"{output} is the mean of {', '.join(path.name for path in paths)}")


def kept(run: Path, of: str, count: int) -> list[Path]:
    """The checkpoints that a run kept, best or last first."""
    from seq2seq.inference.checkpoint import read

    folder = run / "checkpoints"
    found = [path for path in folder.glob("*.ckpt") if path.name not in ("best.ckpt", "last.ckpt")]
    if of == "last":
        return sorted(found, key=lambda path: int(read(path)["global_step"]), reverse=True)[:count]
    watched = [state for state in read(folder / "last.ckpt")["callbacks"].values() if "best_k_models" in state]
    scores = {Path(path).name: float(score) for state in watched for path, score in state["best_k_models"].items()}
    highest = any(state.get("best_model_score") == max(scores.values(), default=None) for state in watched)
    ranked = sorted(
        (path for path in found if path.name in scores), key=lambda path: scores[path.name], reverse=highest
    )
    return ranked[:count]
